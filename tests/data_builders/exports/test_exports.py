"""Exported folders by the rules of the programs that read them, without these programs."""

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.exports.command import export_command
from data_builders.exports.formats import EXPORTS
from data_builders.exports.reasoning_gym import examples_at
from data_builders.exports.wrong_answers import wrong_answer

TASKS = (
    "edge_existence,node_degree,connected_nodes,shortest_path,node_classification,cycle_check,"
    "shortest_path_nodes,hamiltonian_path,topological_order,bfs_order"
)
SPLITS = ("train", "validation", "test")
CONFIG = BuildConfig(tasks=TASKS, train=6, validation=4, test=20, workers=1)
Export = Callable[..., Path]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "graphqa"
    build(CONFIG, folder)
    return folder


@pytest.fixture
def exported(data: Path, tmp_path: Path) -> Export:
    def export(to: str, **options: Any) -> Path:
        export_command(data, to, tmp_path / to, **{"tasks": None, "limit": None, "model": None, **options})
        return tmp_path / to

    return export


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def module(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def test_json_lines_are_the_examples(data: Path, exported: Export) -> None:
    out = exported("jsonl")
    for split in SPLITS:
        rows = [graphtalk.Example(**row) for row in lines(out / f"{split}.jsonl")]
        assert rows == graphtalk.load_examples(data, None, split)


def test_tasks_and_limit_choose_what_is_exported(data: Path, exported: Export) -> None:
    out = exported("jsonl", tasks="bfs_order,cycle_check", limit=3)
    rows = [graphtalk.Example(**row) for row in lines(out / "test.jsonl")]
    assert rows == graphtalk.load_examples(data, ["bfs_order", "cycle_check"], "test", 3)


def test_an_answer_that_looks_right_is_wrong(data: Path) -> None:
    for example in graphtalk.load_examples(data, None, "test"):
        rejected = graphtalk.score(example, graphtalk.Prediction(example.id, wrong_answer(example)))
        assert rejected.outcome == "wrong", (example.id, wrong_answer(example))


def test_trl_opens_every_form_and_our_reward_judges_it(data: Path, exported: Export) -> None:
    datasets = pytest.importorskip("datasets")
    out = exported("trl")
    forms = {
        form: datasets.load_dataset(str(out), form, split="test", cache_dir=str(out / "cache"))
        for form in ("prompt_completion", "messages", "grpo", "preference", "stepwise")
    }
    examples = graphtalk.load_examples(data, None, "test")
    assert forms["prompt_completion"]["completion"] == [e.answer for e in examples]
    assert forms["messages"][0]["messages"][0] == {"role": "user", "content": examples[0].question}
    columns = {name: list(forms["grpo"][name]) for name in forms["grpo"].column_names}
    completions = [[{"role": "assistant", "content": e.answer}] for e in examples]
    assert graphtalk.reward(completions, **columns) == [1.0] * len(examples)
    rejected = [[{"role": "assistant", "content": text}] for text in forms["preference"]["rejected"]]
    assert max(graphtalk.reward(rejected, **columns)) < 1
    for row in forms["stepwise"]:
        assert len(row["completions"]) == len(row["labels"]) and all(row["labels"][:-1])
    assert sum(row["labels"][-1] for row in forms["stepwise"]) == len(examples)


def test_lm_eval_gets_a_task_each_and_our_scores(data: Path, exported: Export) -> None:
    pytest.importorskip("datasets")
    out = exported("lm_eval")
    group = yaml.safe_load((out / "graphtalk.yaml").read_text())
    assert group["task"] == [f"graphtalk_{task}" for task in sorted(TASKS.split(","))]

    class Loader(yaml.SafeLoader):
        """Reads `!function scorer.load` as its name."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))  # type: ignore[no-untyped-call, arg-type]
    scorer = module(out / "scorer.py")
    for task in TASKS.split(","):
        config = yaml.load((out / f"{task}.yaml").read_text(), Loader)
        assert config["task"] in group["task"] and config["generation_kwargs"]["until"] == []
        docs = scorer.load(**config["dataset_kwargs"], version=1.0)[config["test_split"]]
        for doc, example in zip(docs, graphtalk.load_examples(data, [task], "test"), strict=True):
            assert graphtalk.Example(**doc) == example
            for text in (example.answer, wrong_answer(example), "Hm."):
                ours = graphtalk.score(example, graphtalk.Prediction(example.id, text))
                theirs = scorer.process_results(doc, [text])
                assert theirs == {
                    "acc": ours.outcome == "correct",
                    "strict": ours.strict,
                    "credit": ours.credit,
                }


def test_openai_files_keep_to_the_api(data: Path, exported: Export) -> None:
    out = exported("openai", model="gpt-5-mini")
    requests = lines(out / "batch" / "test-00000.jsonl")
    assert len({r["custom_id"] for r in requests}) == len(requests) == 20 * len(TASKS.split(","))
    for request, example in zip(requests, graphtalk.load_examples(data, None, "test"), strict=True):
        assert set(request) == {"custom_id", "method", "url", "body"} and request["method"] == "POST"
        assert request["url"] == "/v1/chat/completions"
        assert request["body"]["messages"] == [{"role": "user", "content": example.question}]
    for row in lines(out / "fine_tuning" / "train.jsonl"):
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]


def test_openai_scores_as_its_page_says(
    data: Path, exported: Export, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    out = exported("openai", model="gpt-5-mini", tasks="cycle_check")
    replies = [
        {
            "custom_id": r["custom_id"],
            "response": {"body": {"choices": [{"message": {"content": "Yes."}}]}},
        }
        for r in lines(out / "batch" / "test-00000.jsonl")
    ]
    (out / "replies.jsonl").write_text("".join(json.dumps(reply) + "\n" for reply in replies))
    monkeypatch.chdir(out)
    code = (out / "README.md").read_text().partition("```python\n")[2].partition("```")[0]
    exec(compile(code, "README.md", "exec"), {})
    examples = graphtalk.load_examples(data, ["cycle_check"], "test")
    printed = capsys.readouterr().out
    assert str(graphtalk.evaluate(examples, ["Yes."] * len(examples)).tasks) in printed


def test_llama_factory_names_what_lies_there(exported: Export) -> None:
    out = exported("llama_factory")
    info = json.loads((out / "dataset_info.json").read_text())
    assert len(info) == 2 * len(SPLITS)
    for name, entry in info.items():
        for row in lines(out / entry["file_name"]):
            if entry["formatting"] == "alpaca":
                assert set(entry["columns"].values()) == set(row), name
            else:
                tags, turns = entry["tags"], row[entry["columns"]["messages"]]
                assert [t[tags["role_tag"]] for t in turns] == [tags["user_tag"], tags["assistant_tag"]]


def test_reasoning_gym_makes_the_examples_of_the_build(data: Path, exported: Export) -> None:
    out = exported("reasoning_gym")
    config = BuildConfig(**json.loads((out / "config.json").read_text()))
    stored = {e.id: e for e in graphtalk.load_examples(data, None, "test")}
    made = {e.id: e for index in range(20) for e in examples_at(config, "test", index)}
    assert made == stored
    compile((out / "graphtalk_gym.py").read_text(), "graphtalk_gym.py", "exec")


@pytest.mark.parametrize("to", ["inspect_ai", "verifiers"])
def test_code_of_the_others_compiles_and_its_data_are_the_examples(
    data: Path, exported: Export, to: str
) -> None:
    out = exported(to)
    for path in out.rglob("*.py"):
        compile(path.read_text(), str(path), "exec")
    files = sorted(out.rglob("test*.jsonl")) or sorted(out.rglob("test/*.jsonl"))
    rows = [graphtalk.Example(**row) for path in files for row in lines(path)]
    assert rows == graphtalk.load_examples(data, None, "test")


def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(data: Path, tmp_path: Path) -> None:
    for to, options, message in (
        ("pandas", {}, f"unknown --to 'pandas'; choose from {', '.join(sorted(EXPORTS))}"),
        ("openai", {}, "--to openai: a request names its model"),
        ("jsonl", {"model": "m"}, "--model is for --to openai"),
        ("jsonl", {"tasks": "cycles"}, "unknown task in .*'cycles'; choose from bfs_order"),
    ):
        given: dict[str, Any] = {"tasks": None, "limit": None, "model": None, **options}
        with pytest.raises(InputError, match=message):
            export_command(data, to, tmp_path / "out", **given)
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        export_command(data, "jsonl", tmp_path / "mine", None, None, None)
    assert (tmp_path / "mine" / "notes").read_text() == "mine"
