"""Config files and flags of a prompting run, what it would cost, and the votes of self-consistency."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_builders.errors import InputError
from data_builders.example import read_examples
from eval.prediction import Prediction
from eval.scoring.scorer import score
from prompting.backends.fake_server import FakeServer
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.budget import Price
from prompting.estimate import estimate
from prompting.prompts.algorithms import ALGORITHMS
from prompting.prompts.exemplars import Exemplars
from prompting.prompts.methods import METHODS, build_prompt, with_format
from prompting.run import PromptRun, execute, plan
from prompting.settings import load_settings
from prompting.vote import vote
from tests.helpers.prompt_data import make_data


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("settings") / "data", test=8, train=30)


def test_flags_override_the_file(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "data: d\nmethod: cot\ntasks: [node_count]\nconcurrency: 64\nprices: {m: {prompt: 1, output: "
        "4}}\nmodel: openai:m@http://x/v1\n"
    )
    settings = load_settings(file, {"method": "few_shot", "tasks": "cycle_check", "limit": None})
    assert (settings.run.method, settings.run.tasks, settings.options.concurrency) == (
        "few_shot",
        ("cycle_check",),
        64,
    )
    assert settings.options.max_new_tokens == METHODS["few_shot"].new_tokens
    assert settings.budget().price == Price(1, 4)


def test_self_consistency_samples_by_itself() -> None:
    settings = load_settings(None, {"data": "d", "method": "self_consistency"})
    assert (settings.run.samples, settings.options.temperature) == (5, 0.7)
    assert load_settings(None, {"data": "d", "method": "self_consistency", "samples": 9}).run.samples == 9
    with pytest.raises(InputError, match="--samples 3 would bring the same text each time"):
        load_settings(None, {"data": "d", "method": "cot", "samples": 3})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("method: cot", "no data; give --data"),
        ("data: d\nmethod: cot\nmodle: x", "unknown key 'modle'; accepted keys are data, method"),
        ("data: d\nmethod: cot\nlimit: many", "limit: input should be a valid integer"),
        ("- a", "expected `key: value` lines"),
        ("data: d\nmethod: cot\nconcurrency: 0", "--concurrency is 0"), ("data: [", "not YAML"),
        ("data: d\nmethod: cot\nmax_cost: -1", "--max-cost is -1"),
        ("data: d\nmethod: cot\ntemperature: 11", "--temperature is 11"),
        ("data: d\nmethod: cot\nexemplars: some", "exemplars: input should be"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "run.yaml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_settings(tmp_path / "run.yaml", {})
    assert said in str(caught.value).replace("Input", "input") and "\n" not in str(caught.value)


def test_money_needs_a_price() -> None:
    flags = {"data": "d", "method": "cot", "model": "openai:m@http://x/v1", "max_cost": 1.0}
    with pytest.raises(InputError, match="--max-cost needs the price"):
        load_settings(None, flags).budget()
    with pytest.raises(InputError, match=r"price of m: .*write prompt: and output:"):
        load_settings(None, {**flags, "prices": {"m": {"prompt": 1}}}).budget()


def test_the_ready_made_configs_load() -> None:
    files = sorted((Path(__file__).parents[2] / "configs" / "prompting").glob("*.yaml"))
    assert files
    for file in files:
        load_settings(file, {"data": "d", "method": "cot"}).budget()


def test_the_estimate_is_what_the_server_counts(data: Path, tmp_path: Path) -> None:
    """Without a tokenizer: a rule, within 5% of a server that counts by it with its own chat turns; prices
    are of that.
    """
    from prompting.estimate import rule_of_thumb

    asked = plan(PromptRun(data, "few_shot"))
    found = estimate([Request(p) for _, p in asked], "openai:m@http://x/v1", ModelOptions(4), None)
    with FakeServer(count=lambda text: rule_of_thumb(text) + 7, answer=lambda prompt: "1") as server:
        execute(
            PromptRun(data, "few_shot"),
            f"openai:m@{server.url}",
            ModelOptions(4),
            tmp_path / "run",
            None,
            lambda *args: None,
        )
    usage = json.loads((tmp_path / "run" / "usage.json").read_text())
    assert usage["requests"] == found.prompts == len(asked)
    assert found.prompt_tokens == pytest.approx(usage["prompt_tokens"], rel=0.05)
    assert found.output_tokens == 4 * len(asked)
    lines = found.lines(Price(2.0, 8.0))
    most = (found.prompt_tokens * 2 + found.output_tokens * 8) / 1e6
    assert f"at most ${most:.4f} with the answers; as batch files ${most / 2:.4f}" in lines[-1]
    assert "unknown" in found.lines(None)[-1]


def test_an_answer_in_the_asked_format_is_read(data: Path) -> None:
    for task in ("cycle_check", "node_count"):
        for example in read_examples(data, task, "test"):
            prompt = build_prompt("algorithm", example, [], answer_format=True)
            assert prompt.startswith(ALGORITHMS[task]) and prompt.endswith("\nA: ") and "'Answer:'" in prompt
            assert prompt.count("A: ") == 1
            answer = example.answer.split(",")[0].strip().rstrip(".")
            assert (
                score(example, Prediction(example.id, f"Let me see, 1 and 2.\nAnswer: {answer}")).outcome
                == "correct"
            )
    assert with_format("Q: ?\nA: ", "path").endswith(
        "in their order with commas between them, or the words: There is no path.\nA: "
    )


@given(st.lists(st.sampled_from(["2", "3", "4", "?", "!"]), min_size=1, max_size=9))
def test_votes(said: list[str]) -> None:
    example = replace(EXAMPLE, answer=" 3.")
    texts = {"?": "I am not sure.", "!": ""}
    completions = [
        Completion(texts.get(word, f"{word}. ({i})"), "error" if word == "!" else "stop", 10, 1, 0.5)
        for i, word in enumerate(said)
    ]
    won = vote(example, completions)
    numbers = [word for word in said if word.isdigit()]
    if numbers:
        most = max(numbers.count(word) for word in numbers)
        first = next(word for word in numbers if numbers.count(word) == most)
        assert won.output == f"{first}. ({said.index(first)})", "ties go to the answer that came first"
    else:
        assert won.output == (texts["?"] if "?" in said else "") and won.finish_reason == (
            "stop" if "?" in said else "error"
        )
    agree = max((numbers.count(word) for word in numbers), default=0) / len(said)
    assert won.confidence == (pytest.approx(agree) if len(said) > 1 else None)
    assert (won.prompt_tokens, won.output_tokens, won.seconds) == (
        10 * len(said),
        len(said),
        pytest.approx(0.5 * len(said)),
    )


EXAMPLE: Any = None


@pytest.fixture(autouse=True, scope="module")
def _example(data: Path) -> None:
    global EXAMPLE
    EXAMPLE = read_examples(data, "node_count", "test")[0]


def test_a_run_of_self_consistency_votes(data: Path, tmp_path: Path) -> None:
    """The server says another thing to each sample of a prompt: right twice in five, and three different
    wrong numbers.
    """
    from eval.prediction import read_predictions

    right = {
        prompt: example.answer for example, prompt in plan(PromptRun(data, "cot", tasks=("node_count",)))
    }
    with FakeServer() as server:
        server.answer = lambda prompt: (
            right[prompt] if server.arrived[prompt] in (2, 5) else f"{100 + server.arrived[prompt]}."
        )
        run = PromptRun(data, "self_consistency", tasks=("node_count",), samples=5)
        options = ModelOptions(8, temperature=0.7, concurrency=1)
        metrics = execute(run, f"openai:m@{server.url}", options, tmp_path / "run", None, lambda *args: None)
        assert metrics["macro"]["accuracy"] == 1.0
        assert server.arrived == dict.fromkeys(right, 5)
        assert [p.output for p in read_predictions(tmp_path / "run")] == list(right.values())
        few = replace(run, samples=2)
        where = (f"openai:m@{server.url}", options, tmp_path / "run", None, lambda *args: None)
        with pytest.raises(InputError, match=r"of another run \(samples: 5 -> 2\); use another --out"):
            execute(few, *where)
        execute(few, *where, overwrite=True)
        assert server.arrived.total() == 5 * len(right), "fewer samples are there already"


def test_a_shared_journal_serves_another_method(data: Path, tmp_path: Path) -> None:
    with FakeServer() as server:
        for method in ("cot", "self_consistency"):
            execute(
                PromptRun(data, method), f"openai:m@{server.url}", ModelOptions(8), tmp_path / method, None,
                lambda *args: None,
                shared=tmp_path / "journal.sqlite",
            )  # fmt: skip
        assert set(server.arrived.values()) == {1}


def test_fixed_exemplars_are_the_same_for_all_and_show_no_asked_graph(data: Path) -> None:
    from prompting.prompts.exemplars import _graph_class

    for task in ("cycle_check", "node_count"):
        asked, train = read_examples(data, task, "test"), read_examples(data, task, "train")
        pool = Exemplars(train, fixed=asked)
        shown = {tuple(e.id for e in pool.draw(example, 3, 0)) for example in asked}
        assert len(shown) == 1
        same = Exemplars(train, fixed=train)
        with pytest.raises(InputError, match=r"0 of task .* whose graph no question asks about"):
            same.draw(train[0], 1, 0)
        hidden = {_graph_class(e.graph) for e in train[:15]}
        left = Exemplars(train, fixed=train[:15]).draw(train[0], 3, 0)
        assert not hidden & {_graph_class(e.graph) for e in left}
    prompts = [p for _, p in plan(PromptRun(data, "few_shot", exemplars="fixed", tasks=("cycle_check",)))]
    heads = {p.rpartition("Example: ")[0] for p in prompts}
    assert len(heads) == 1


def test_balanced_exemplars_take_turns(data: Path) -> None:
    train, asked = read_examples(data, "cycle_check", "train"), read_examples(data, "cycle_check", "test")
    yes = sum(e.answer.startswith("Yes") for e in train)
    assert 4 <= yes != len(train) / 2, "the answers are not balanced by themselves"
    firsts = set()
    for example in asked:
        shown = Exemplars(train, balanced=True).draw(example, 4, 0)
        assert sum(e.answer.startswith("Yes") for e in shown) == 2
        firsts.add(shown[0].answer)
    assert len(firsts) == 2


def test_the_page_names_every_method_and_only_flags_that_there_are() -> None:
    import typer

    import graphtalk

    page = (Path(__file__).parents[2] / "docs" / "prompting.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(\w+)` \|.*\| (yes)? *\|$", page, re.MULTILINE) == [
        (m.name, "yes" * m.shots) for m in METHODS.values()
    ]
    commands: Any = typer.main.get_command(graphtalk.app)
    known = {
        flag
        for name in ("prompt", "ask")
        for p in commands.commands[name].params
        for flag in (*p.opts, *p.secondary_opts)
    }
    lines = (line for line in page.splitlines() if not line.startswith(("vllm", "ray", "transformers")))
    ours = "\n".join(lines).replace("vllm serve ... --reasoning-parser", "")
    assert set(re.findall(r"--[a-z][a-z-]+", ours)) - {"--fault", "--faults", "--only"} <= known


def test_a_dry_run_prints_and_sends_nothing(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import sys

    import graphtalk

    (tmp_path / "run.yaml").write_text("prices: {m: {prompt: 2, output: 8}}\n")
    with FakeServer() as server:
        words = [
            "--data",
            str(data),
            "--method",
            "cot",
            "--model",
            f"openai:m@{server.url}",
            "--config",
            str(tmp_path / "run.yaml"),
        ]
        monkeypatch.setattr(
            sys, "argv", ["graphtalk", "prompt", *words, "--dry-run", "--out", str(tmp_path / "run")]
        )
        with pytest.raises(SystemExit) as stop:
            graphtalk.main()
    printed = capsys.readouterr().out
    assert not stop.value.code and not server.arrived and not (tmp_path / "run").exists()
    assert (
        "requests: 16\n" in printed and "answer tokens: at most 4,096\n" in printed and "cost: $" in printed
    )
