"""Local transformers models: random weights, real generation, real processes."""

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from eval.prediction import Prediction, read_config, read_predictions
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.budget import Budget, Stopped
from prompting.run import PromptRun, execute, plan
from tests.helpers.tiny_models import make_llama, make_t5

pytest.importorskip("torch")
pytest.importorskip("transformers")
hf_decode = pytest.importorskip("language_models.decode")
pytestmark = pytest.mark.torch

ROOT = Path(__file__).parents[3]
MAKERS: dict[str, Callable[[Path], Path]] = {
    "llama": lambda folder: make_llama(folder, eos_gain=1.4, pad="<pad>"),
    "llama_pad_is_eos": lambda folder: make_llama(folder, eos_gain=1.1),
    "llama_chat": lambda folder: make_llama(folder, chat=True, eos_gain=1.2),
    "t5": lambda folder: make_t5(folder, seed=2, eos_gain=3.0),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("hf") / "data"
    config = BuildConfig(
        tasks=("cycle_check", "node_degree"),
        generators=("er",),
        train=20,
        validation=0,
        test=24,
        workers=1,
        max_nodes=9,
    )
    build(config, folder)
    return folder


@pytest.fixture(scope="module", params=MAKERS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return MAKERS[request.param](tmp_path_factory.mktemp("models") / request.param)


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("models") / "llama")


def ask(folder: Path, prompts: list[str], **options: object) -> list[Completion]:
    from prompting.backends.hf import HfModel

    settings: dict[str, object] = {"max_new_tokens": 24, **options}
    found: dict[int, Completion] = {}
    for batch in HfModel(str(folder), ModelOptions(**settings)).complete(
        [Request(p) for p in prompts], set(), Budget()
    ):  # type: ignore[arg-type]
        found.update(batch)
    return [found[i] for i in range(len(prompts))]


def without_time(completions: list[Completion]) -> list[tuple[str, str, int, int]]:
    return [(c.text, c.finish_reason, c.prompt_tokens, c.output_tokens) for c in completions]


def prompts_of(data: Path, method: str = "zero_shot") -> list[str]:
    return [prompt for _, prompt in plan(PromptRun(data, method, tasks=("node_degree",)))]


def test_a_batch_says_what_each_prompt_alone_says(model: Path, data: Path) -> None:
    prompts = prompts_of(data)
    batched = ask(model, prompts, batch_size=8)
    assert without_time(batched) == without_time(ask(model, prompts, batch_size=1))
    assert {c.finish_reason for c in batched} == {"stop", "length"}, "both ends are seen"
    assert len({c.output_tokens for c in batched}) > 2, "rows end at different places"
    assert len({c.prompt_tokens for c in batched}) > 2, "prompts are filled up"
    for c in batched:
        assert c.output_tokens == 24 if c.finish_reason == "length" else c.output_tokens < 24
        assert "</s>" not in c.text and "<pad>" not in c.text


def test_plain_generate_agrees(data: Path, llama: Path) -> None:
    """One prompt without padding, through transformers alone."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    tokenizer, lm = (
        AutoTokenizer.from_pretrained(llama),
        AutoModelForCausalLM.from_pretrained(llama, dtype=torch.float32),
    )
    for prompt, said in list(zip(prompts_of(data), ask(llama, prompts_of(data)), strict=True))[:8]:
        ids = tokenizer(prompt.rstrip(), return_tensors="pt").input_ids
        row = ids[0].tolist()
        for _ in range(24):  # greedy by hand
            row.append(int(lm(torch.tensor([row])).logits[0, -1].argmax()))
            if row[-1] == 1:
                break
        assert said.text == tokenizer.decode(row[ids.shape[1] :], skip_special_tokens=True)
        assert said.finish_reason == ("stop" if row[-1] == 1 else "length")
        start = ids.shape[1]
        probable = (
            lm(torch.tensor([row]))
            .logits[0]
            .softmax(-1)[range(start - 1, len(row) - 1), row[start:]]
            .prod()
            .item()
        )
        assert said.confidence == pytest.approx(probable, rel=1e-2)


def test_a_confidence_is_the_same_however_it_is_decoded(model: Path, data: Path) -> None:
    """In a batch and alone, by our own loop and by transformers (which a cache of another kind takes); a
    sample has none.
    """
    prompts = prompts_of(data)
    batched = [c.confidence for c in ask(model, prompts, batch_size=8)]
    assert all(p is not None and 0 < p <= 1 for p in batched) and len(set(batched)) > 2
    assert batched == pytest.approx([c.confidence for c in ask(model, prompts, batch_size=1)], rel=1e-2)
    if "llama" in model.name:
        assert batched == pytest.approx([c.confidence for c in ask(model, prompts, cache="static")], rel=1e-2)
        text = max((c.text for c in ask(model, prompts)), key=lambda t: len(set(t)))
        stopped, others = (ask(model, prompts, stop=(text[4:6],), cache=cache) for cache in (None, "static"))
        assert without_time(stopped) == without_time(others) and [c.confidence for c in stopped] != batched
        assert [c.confidence for c in stopped] == pytest.approx([c.confidence for c in others], rel=1e-2)
    assert {c.confidence for c in ask(model, prompts[:2], temperature=1.0)} == {None}


def test_sampling_and_penalties_of_the_folder_are_left_out(data: Path, llama: Path, tmp_path: Path) -> None:
    other = make_llama(tmp_path / "llama")
    settings = json.loads((other / "generation_config.json").read_text())
    settings |= {"do_sample": True, "temperature": 5.0, "repetition_penalty": 3.0, "max_new_tokens": 3}
    (other / "generation_config.json").write_text(json.dumps(settings))
    assert without_time(ask(other, prompts_of(data))) == without_time(ask(llama, prompts_of(data)))


def test_stop_strings_end_a_row_and_stay_in_the_text(model: Path, data: Path) -> None:
    prompts = prompts_of(data)
    free = ask(model, prompts, stop=())
    # a string from the middle of a text that goes on after it
    text = max((c.text for c in free), key=lambda t: len(set(t)))
    stop = text[4:6]
    assert 0 <= text.index(stop) < len(text) - 3
    batched = ask(model, prompts, stop=(stop,), batch_size=8)
    assert without_time(batched) == without_time(ask(model, prompts, stop=(stop,), batch_size=1))
    stopped = [c for c, before in zip(batched, free, strict=True) if stop in before.text]
    assert stopped and all(c.finish_reason == "stop" and stop in c.text for c in stopped)
    for c, before in zip(batched, free, strict=True):
        assert before.text.startswith(c.text) if stop in before.text else c.text == before.text
        assert c.output_tokens <= before.output_tokens


def test_a_stop_string_that_the_prompt_begins_does_not_count(tmp_path: Path, data: Path) -> None:
    """A template that ends with a newline, and an answer whose first character would complete the stop
    string.
    """
    folder = make_llama(tmp_path / "chat", chat=True)
    prompts = prompts_of(data)
    free = ask(folder, prompts, stop=())
    first = next(c.text[0] for c in free if c.text and c.text[0].isascii() and c.output_tokens > 3)
    assert without_time(ask(folder, prompts, stop=("\n" + first,))) == without_time(free)


def fixed_prompts(data: Path) -> list[str]:
    return [prompt for _, prompt in plan(PromptRun(data, "few_shot", exemplars="fixed", any_generator=True))]


def test_a_common_beginning_is_read_once_and_changes_nothing(
    data: Path, llama: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import prompting.backends.hf as hf

    prompts = fixed_prompts(data)
    read: list[int] = []

    def counted(model: object, prefix: Sequence[int]) -> object:
        read.append(len(prefix))
        return hf_decode.read_prefix(model, prefix)

    monkeypatch.setattr(hf, "read_prefix", counted)
    shared = ask(llama, prompts, batch_size=4)
    assert 2 <= len(read) <= 4 and all(32 < length < 900 for length in read), "once for each task and encoder"
    monkeypatch.setattr(hf, "shared_prefixes", lambda ids: [((), list(range(len(ids))))])
    assert without_time(shared) == without_time(ask(llama, prompts, batch_size=4))
    assert len({c.output_tokens for c in shared}) > 2, "rows leave at different times"


def test_the_prefix_groups_hold_every_row_once() -> None:
    rng = random.Random(0)
    heads = [[rng.randrange(5) for _ in range(60)] for _ in range(3)]
    rows = [
        rng.choice(heads)[: rng.randint(20, 60)] + [rng.randrange(5) for _ in range(rng.randint(1, 40))]
        for _ in range(200)
    ]
    groups = hf_decode.shared_prefixes(rows)
    assert sorted(i for _, group in groups for i in group) == list(range(200))
    assert len(groups) > 3 and groups[-1][0] == ()
    for prefix, group in groups:
        assert all(tuple(rows[i][: len(prefix)]) == prefix and len(prefix) < len(rows[i]) for i in group)


def test_a_static_cache_says_the_same(data: Path, llama: Path) -> None:
    prompts = prompts_of(data)[:6]
    assert without_time(ask(llama, prompts, cache="static", batch_size=3)) == without_time(
        ask(llama, prompts, batch_size=3)
    )


def test_a_cap_ends_between_batches_and_the_next_start_goes_on(
    data: Path, llama: Path, tmp_path: Path
) -> None:
    # A static cache reads no common beginning, so that every batch has four prompts.
    asked, options = PromptRun(data, "zero_shot"), ModelOptions(8, batch_size=4, cache="static")
    fresh = list[Completion]()
    with pytest.raises(Stopped, match="--max-tokens-total of 2,000 is reached"):
        execute(
            asked,
            f"hf:{llama}",
            options,
            tmp_path / "run",
            None,
            lambda done, total, new: fresh.extend(new),
            Budget(max_tokens_total=2000),
        )
    kept = len(fresh)
    assert kept and kept % 4 == 0
    execute(asked, f"hf:{llama}", options, tmp_path / "run", None, lambda done, total, new: fresh.extend(new))
    assert len(fresh) == len({prompt for _, prompt in plan(asked)})


def test_samples_differ_and_are_the_same_at_a_second_start(data: Path, llama: Path) -> None:
    prompts = prompts_of(data)[:4]
    one = without_time(ask(llama, prompts, temperature=1.5, seed=1))
    assert one == without_time(ask(llama, prompts, temperature=1.5, seed=1))
    assert one != without_time(ask(llama, prompts, temperature=1.5, seed=2))


def test_adapters_are_a_model(data: Path, llama: Path, tmp_path: Path) -> None:
    """A folder of LoRA adapters answers as base and adapters together, and is another model than its base."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    config = LoraConfig(r=4, target_modules=["q_proj", "v_proj"], init_lora_weights=False)
    adapted = get_peft_model(AutoModelForCausalLM.from_pretrained(llama), config)
    adapted.save_pretrained(tmp_path / "adapters")
    adapted.merge_and_unload().save_pretrained(tmp_path / "merged")
    for file in llama.glob("tokenizer*"):
        (tmp_path / "merged" / file.name).write_bytes(file.read_bytes())
    prompts = prompts_of(data)[:6]
    said = without_time(ask(tmp_path / "adapters", prompts))
    assert said == without_time(ask(tmp_path / "merged", prompts)) != without_time(ask(llama, prompts))
    from language_models.folder import model_identity

    assert "base" in model_identity(str(tmp_path / "adapters"))
    settings = json.loads((tmp_path / "adapters" / "adapter_config.json").read_text())
    settings["base_model_name_or_path"] = str(tmp_path / "gone")
    (tmp_path / "adapters" / "adapter_config.json").write_text(json.dumps(settings))
    with pytest.raises(InputError, match=r"gone: no such model folder"):
        ask(tmp_path / "adapters", prompts)


def test_chat_is_used_where_there_is_a_template(tmp_path: Path, llama: Path, data: Path) -> None:
    folder = make_llama(tmp_path / "chat", chat=True)
    prompts = prompts_of(data)[:4]
    chat, plain = ask(folder, prompts), ask(folder, prompts, chat=False)
    assert without_time(ask(folder, prompts, chat=True)) == without_time(chat)
    assert without_time(plain) == without_time(ask(llama, prompts)), "the same weights without a template"
    assert all(c.prompt_tokens > p.prompt_tokens for c, p in zip(chat, plain, strict=True))
    with pytest.raises(InputError, match="no chat template"):
        ask(llama, prompts, chat=True)


def test_a_prompt_that_is_too_long_is_an_error_that_says_how_long(tmp_path: Path, data: Path) -> None:
    prompts = prompts_of(data)
    longest = max(c.prompt_tokens for c in ask(make_llama(tmp_path / "big"), prompts, max_new_tokens=1))
    folder = make_llama(tmp_path / "small", positions=longest + 23)
    with pytest.raises(
        InputError, match=rf"is {longest} tokens long and its answer up to 24, the model holds {longest + 23}"
    ):
        ask(folder, prompts, max_new_tokens=24)
    assert len(ask(folder, prompts, max_new_tokens=23)) == len(prompts)
    with pytest.raises(InputError, match="the model holds 50"):
        ask(folder, prompts, context=50)
    with pytest.raises(InputError, match=r"tokens long, the model holds 50"):
        ask(make_t5(tmp_path / "t5"), prompts, context=50)


def run(data: Path, llama: Path, out: Path, overwrite: bool = False, **fields: object) -> list[Completion]:
    """Run in this process; the completions that were new come back."""
    fresh: list[Completion] = []
    asked = PromptRun(data, "few_shot", **fields)  # type: ignore[arg-type]
    execute(
        asked,
        f"hf:{llama}",
        ModelOptions(16, batch_size=4),
        out,
        None,
        lambda done, total, new: fresh.extend(new),
        overwrite=overwrite,
    )
    return fresh


def test_a_run_leaves_predictions_and_scores(data: Path, llama: Path, tmp_path: Path) -> None:
    out = tmp_path / "few"
    assert len(run(data, llama, out, limit=6)) == 12
    assert [p.example_id for p in read_predictions(out)] == [
        e.id for e, _ in plan(PromptRun(data, "few_shot", limit=6))
    ]
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["label"] == "few" and metrics["macro"]["n"] == 12
    config = read_config(out)
    assert (config["kind"], config["method"], config["shots"], config["limit"]) == (
        "prompt",
        "few_shot",
        2,
        6,
    )
    assert run(data, llama, out, limit=6) == [], "a second start asks nothing"
    before = {p.example_id: p for p in read_predictions(out)}
    assert len(run(data, llama, out, limit=9)) == 6, "a larger limit asks only what is new"
    assert {p.example_id: p for p in read_predictions(out)}.items() >= before.items()
    with pytest.raises(InputError, match=r"limit: 9 -> 2, which would cut the run"):
        run(data, llama, out, limit=2)
    run(data, llama, out, overwrite=True, limit=2)
    assert json.loads((out / "metrics.json").read_text())["macro"]["n"] == 4
    with pytest.raises(InputError, match=r"of another run .*method: few_shot -> zero_shot"):
        execute(PromptRun(data, "zero_shot"), f"hf:{llama}", ModelOptions(16), out, None, lambda *args: None)


def test_retrained_weights_in_the_same_folder_are_another_model(data: Path, tmp_path: Path) -> None:
    folder = make_llama(tmp_path / "m", seed=0)
    run(data, folder, tmp_path / "run", limit=3)
    make_llama(tmp_path / "m", seed=1)
    with pytest.raises(InputError, match=r"of another run \(digest: "):
        run(data, folder, tmp_path / "run", limit=3)
    assert len(run(data, folder, tmp_path / "run", overwrite=True, limit=3)) == 6


PROGRAM = """
import json, os
from prompting.backends.hf import HfModel
plain = HfModel._generate
def logged(self, ids, *shared):
    with open(os.environ["GENERATED"], "a") as log:
        log.write("".join(json.dumps(list(row)) + "\\n" for row in ids))
    return plain(self, ids, *shared)
HfModel._generate = logged
import graphtalk
graphtalk.main()
"""


def start(data: Path, llama: Path, out: Path, log: Path) -> "subprocess.Popen[str]":
    flags = [
        "--data",
        str(data),
        "--model",
        f"hf:{llama}",
        "--method",
        "few_shot",
        "--out",
        str(out),
        "--batch-size",
        "2",
    ]
    environment = {**os.environ, "GENERATED": str(log), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", PROGRAM, "prompt", *flags, "--max-new-tokens", "48"]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )


def finished(process: "subprocess.Popen[str]") -> None:
    error = process.communicate(timeout=300)[1]
    assert process.returncode == 0, error


def stored(out: Path) -> list[str]:
    """The prompts that the journal holds; none while there is no table."""
    if not (out / "journal.sqlite").exists():
        return []
    connection = sqlite3.connect(out / "journal.sqlite", timeout=60)
    try:
        return [prompt for (prompt,) in connection.execute("SELECT prompt FROM completions")]
    except sqlite3.OperationalError:
        return []
    finally:
        connection.close()


def same_but_time(out: Path) -> list[Prediction]:
    return [
        Prediction(p.example_id, p.output, p.finish_reason, p.prompt_tokens, p.output_tokens)
        for p in read_predictions(out)
    ]


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
def test_killed_at_several_moments_and_started_again(data: Path, llama: Path, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    undisturbed, out, log = tmp_path / "undisturbed", tmp_path / "killed", tmp_path / "generated"
    finished(start(data, llama, undisturbed, tmp_path / "all"))
    tokenizer = AutoTokenizer.from_pretrained(llama)
    for moment in (0, 1, 21):
        known = {json.dumps(tokenizer(prompt.rstrip())["input_ids"]) for prompt in stored(out)}
        log.write_text("")
        process = start(data, llama, out, log)
        while len(stored(out)) < moment or not (out / "journal.sqlite").exists():
            assert process.poll() is None, process.communicate()[1]
            time.sleep(0.001)
        process.kill()
        process.communicate()
        assert not (out / "predictions.parquet").exists()
        assert known.isdisjoint(log.read_text().splitlines()), "a stored prompt is generated again"
    before = stored(out)
    assert 21 <= len(before) < 48
    log.write_text("")
    finished(start(data, llama, out, log))
    assert len(log.read_text().splitlines()) == 48 - len(before)
    assert sorted(stored(out)) == sorted(stored(undisturbed))
    assert same_but_time(out) == same_but_time(undisturbed)
    assert {p.finish_reason for p in read_predictions(out)} == {"stop", "length"}


@pytest.mark.parametrize(
    ("make", "parts"),
    [
        (lambda folder: None, ("no such model folder",)),
        (lambda folder: folder.mkdir(), ("no model in this folder (no config.json",)),
        (
            lambda folder: (folder.mkdir(), (folder / "config.json").write_text("{nonsense")),
            ("cannot be loaded",),
        ),
        (lambda folder: (make_llama(folder), (folder / "model.safetensors").unlink()), ("cannot be loaded",)),
        (
            lambda folder: (make_llama(folder), (folder / "model.safetensors").write_bytes(b"12")),
            ("cannot be loaded",),
        ),
        (lambda folder: (make_llama(folder), (folder / "tokenizer.json").unlink()), ("cannot be loaded",)),
    ],
)
def test_a_model_folder_that_cannot_be_used(
    make: Callable[[Path], object], parts: tuple[str, ...], tmp_path: Path, data: Path
) -> None:
    make(tmp_path / "model")
    with pytest.raises(InputError) as caught:
        execute(
            PromptRun(data, "zero_shot"),
            f"hf:{tmp_path / 'model'}",
            ModelOptions(8),
            tmp_path / "run",
            None,
            lambda *args: None,
        )
    assert "\n" not in str(caught.value)
    for part in parts:
        assert part in str(caught.value)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "part"),
    [({"dtype": "float8"}, "unknown dtype 'float8'"), ({"device": "warp:9"}, "device 'warp:9'")],
)
def test_unusable_options(options: dict[str, str], part: str, llama: Path) -> None:
    with pytest.raises(InputError, match=part):
        ask(llama, ["Q: "], **options)
