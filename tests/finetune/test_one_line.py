"""What cannot be done, or was stopped, is one line on the real command line, and the same command goes on."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.prediction import read_predictions
from eval.scoring.run import judge
from tests.helpers.finetune_data import Command, write_dataset
from tests.helpers.tiny_models import TEMPLATE, make_llama, make_t5, make_tokenizer
from tests.helpers.torchrun import ENVIRONMENT

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, {"train": 12, "validation": 3, "test": 3})


def finetune(data: Path, model: Path | str, run: Path, *more: object) -> list[object]:
    kind = "--model_config" if model == SIZE else "--model_name_or_path"
    return [
        *("finetune", "--dataset", data, kind, model, "--output_dir", run, "--use_cpu"),
        *("--generation_max_length", 6, "--max_steps", 2, "--save_strategy", "no", *more),
    ]


def refusal(result: tuple[int, str, str]) -> str:
    code, _, errors = result
    assert code == 2 and errors.count("\n") == 1, errors
    return errors


def test_trackers_that_are_missing_or_misspelt(data: Path, tmp_path: Path, command: Command) -> None:
    for name, line in (
        ("wandbb", "unknown report_to 'wandbb'"),
        ("swanlab", "report_to swanlab: its library is not installed"),
    ):
        assert line in refusal(command(*finetune(data, SIZE, tmp_path / "run", "--report_to", name)))
    assert not (tmp_path / "run").exists()


def test_a_tokenizer_that_does_not_know_the_names_says_so(
    data: Path, tmp_path: Path, command: Command
) -> None:
    assert command(*finetune(data, SIZE, tmp_path / "run", "--do_predict", "false"))[0] == 0
    names = [f"Mme. Gavroche-{'abcdefghijklmnop'[i]}-de-la-Riviere-du-Nord" for i in range(8)]
    other = write_dataset(tmp_path / "other", {"train": 4, "test": 3}, names=names)
    more = ("--do_train", "false", "--max_source_length", 60)
    line = refusal(command(*finetune(other, tmp_path / "run" / "checkpoint", tmp_path / "test", *more)))
    assert "this tokenizer spells " in line and "of the dataset's edges in pieces" in line
    assert "--tokenizer_datasets" in line and "max_source_length" not in line


def test_a_t5_that_does_not_name_its_start_token(data: Path, tmp_path: Path, command: Command) -> None:
    base = make_t5(tmp_path / "t5")
    for name in ("config.json", "generation_config.json"):
        values = json.loads((base / name).read_text())
        values.pop("decoder_start_token_id")
        (base / name).write_text(json.dumps(values))
    code, _, errors = command(*finetune(data, base, tmp_path / "run"))
    assert code == 0, errors
    again = command(
        *finetune(data, tmp_path / "run" / "checkpoint", tmp_path / "again", "--do_train", "false")
    )
    assert again[0] == 0
    assert [p.output for p in read_predictions(tmp_path / "run")] == [
        p.output for p in read_predictions(tmp_path / "again")
    ]


def test_a_tokenizer_that_ends_each_prompt(data: Path, tmp_path: Path, command: Command) -> None:
    """The prompt is read without the end token, so that the answers are those without it."""
    outputs = []
    for ends in (False, True):
        base = make_llama(tmp_path / str(ends))
        make_tokenizer(base, False, ends, "<pad>")
        run = tmp_path / f"run{ends}"
        code, _, errors = command(*finetune(data, base, run))
        assert code == 0, errors
        asked = tmp_path / f"asked{ends}"
        assert command("prompt", "--data", data, "--model", f"hf:{run}/checkpoint", "--out", asked,
                       "--method", "zero_shot", "--max-new-tokens", 6)[0] == 0  # fmt: skip
        outputs += [
            [(p.output, p.prompt_tokens) for p in read_predictions(folder)] for folder in (run, asked)
        ]
    assert outputs[0] == outputs[1] == outputs[2] == outputs[3]


def test_a_system_prompt_that_the_template_refuses(data: Path, tmp_path: Path, command: Command) -> None:
    base = make_llama(tmp_path / "base", chat=True)
    refuse = (
        "{% if messages[0].role == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    )
    (base / "chat_template.jinja").write_text(refuse + TEMPLATE)
    asked = (
        "prompt",
        "--data",
        data,
        "--model",
        f"hf:{base}",
        "--method",
        "zero_shot",
        "--max-new-tokens",
        4,
    )
    line = refusal(command(*asked, "--out", tmp_path / "run", "--system", "Be brief."))
    assert "chat template refuses the prompt: System role not supported; leave --system out" in line
    assert command(*asked, "--out", tmp_path / "run")[0] == 0


@pytest.mark.slow
def test_a_hub_that_cannot_be_reached(data: Path, tmp_path: Path) -> None:
    environment = {
        **ENVIRONMENT,
        "HF_HUB_OFFLINE": "0",
        "HF_ENDPOINT": "http://127.0.0.1:9",
        "HF_HOME": str(tmp_path),
    }
    arguments = map(str, finetune(data, "nobody/nothing", tmp_path / "run"))
    done = subprocess.run(
        [sys.executable, "-m", "graphtalk", *arguments],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "nobody/nothing" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=pytest.mark.slow)])
def test_a_signal_saves_a_checkpoint_and_the_same_command_goes_on(
    number: signal.Signals, data: Path, tmp_path: Path, command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.run import interrupt

    run = tmp_path / "run"
    steps = finetune(data, SIZE, run, "--do_predict", "false", "--logging_steps", 1)
    steps[steps.index("--max_steps") + 1] = 6
    on_step_end = interrupt.StopOnSignal.on_step_end

    def with_signal(
        self: interrupt.StopOnSignal, args: object, state: object, *rest: object, **more: object
    ) -> None:
        if state.global_step == 3:  # type: ignore[attr-defined]
            os.kill(os.getpid(), number)
            time.sleep(0.01)
        on_step_end(self, args, state, *rest, **more)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(interrupt.StopOnSignal, "on_step_end", with_signal)
        code, _, errors = command(*steps)
    assert code == 128 + number and errors == (
        f"finetune: stopped by {number.name}; {run}/checkpoint-3 is saved, "
        "and the same command goes on there\n"
    )
    assert not (run / "checkpoint").exists()
    code, printed, errors = command(*steps)
    assert code == 0 and f"continue from {run}/checkpoint-3" in printed, errors
    stopped = (run / "checkpoint" / "model.safetensors").read_bytes()
    shutil.rmtree(run)
    assert command(*steps)[0] == 0
    assert (run / "checkpoint" / "model.safetensors").read_bytes() == stopped


def test_one_and_the_same_answer_is_told(data: Path, tmp_path: Path, command: Command) -> None:
    """A model without training answers nothing; the majority of three answers is right at least once."""
    more = ("--eval_strategy", "steps", "--eval_steps", 1, "--learning_rate", 0)
    code, printed, errors = command(*finetune(data, SIZE, tmp_path / "run", *more))
    assert code == 0, errors
    validated = next(line for line in printed.splitlines() if "step 1: validation loss" in line)
    assert "not above it, one and the same answer to every question" in validated
    alike = set()
    for task in ("edge_existence", "node_degree"):
        scores = [s for e, s in judge(tmp_path / "run").scores.items() if e.startswith(task)]
        same = len({s.parsed or s.outcome for s in scores}) == 1
        assert (f"{task}: one and the same answer to all 3 questions: " in printed) == same
        assert same or f"{task}: 0.0 is not above the majority's" in printed
        alike.add(same)
    assert True in alike


def test_a_training_leaves_standard_error_empty(data: Path, tmp_path: Path) -> None:
    """No weight bars and no warnings without a terminal; in a process of its own, since libraries speak
    when they are imported.
    """
    words = finetune(data, make_llama(tmp_path / "llama", chat=True), tmp_path / "run", "--lora")
    done = subprocess.run(
        [sys.executable, "-m", "graphtalk", *map(str, words)],
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "run" / "metrics.json").is_file()
