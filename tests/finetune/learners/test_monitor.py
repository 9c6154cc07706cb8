"""While a model trains: validation by the shared scorer, early stopping, launch.json, and stops that say
why.
"""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_builders.errors import InputError
from tests.helpers.finetune_data import write_dataset
from tests.helpers.torchrun import ENVIRONMENT, ROOT, command, run_together

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 40, "validation": 9, "test": 4})


def arguments(data: Path, run: Path, *more: str) -> list[str]:
    where = [
        "--dataset",
        str(data),
        "--output_dir",
        str(run),
        "--model_config",
        SIZE,
        "--use_cpu",
        "--generation_max_length",
        "5",
    ]
    return [*where, "--max_tokens_per_batch", "300", "--logging_steps", "2", *more]


def history(run: Path) -> list[dict[str, float]]:
    log: list[dict[str, float]] = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return log


def test_validation_is_the_shared_score_and_the_best_checkpoint_is_kept(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from finetune.train import main

    run, again = tmp_path / "run", tmp_path / "again"
    watch = [
        "--eval_strategy",
        "steps",
        "--eval_steps",
        "8",
        "--early_stopping_patience",
        "2",
        "--validation_limit",
        "7",
    ]
    main(
        arguments(data, run, *watch, "--max_steps", "64", "--learning_rate", "1e-2", "--do_predict", "false")
    )
    seen = {int(row["step"]): row for row in history(run) if "eval_accuracy" in row}
    best = max(seen, key=lambda step: (seen[step]["eval_accuracy"], -step))
    assert len(seen) > 2 and list(seen)[-1] == best + 16  # two more that were no better, then it stopped
    assert seen[best]["eval_accuracy"] > min(row["eval_accuracy"] for row in seen.values())
    model = [
        "--model_name_or_path",
        str(run / "checkpoint"),
        "--do_train",
        "false",
        "--test_split",
        "validation",
        "--limit",
        "7",
    ]
    main([a for a in arguments(data, again, *model) if a not in ("--model_config", SIZE)])
    metrics = json.loads((again / "metrics.json").read_text())
    assert metrics["macro"]["accuracy"] == pytest.approx(seen[best]["eval_accuracy"])
    for task, row in metrics["tasks"].items():
        assert row["accuracy"] == pytest.approx(seen[best][f"eval_accuracy_{task}"])
        assert row["floors"]["majority"] == pytest.approx(seen[best][f"eval_majority_{task}"])
        assert row["n"] == 7
    printed = capsys.readouterr().out
    assert (
        f"step {best}: validation loss {seen[best]['eval_loss']:.4f}, accuracy "
        f"{100 * seen[best]['eval_accuracy']:.1f}: edge" in printed
    )
    assert "examples/s" in printed and " GB, " in printed and " left" in printed


def test_validating_does_not_change_what_is_learned(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    more = ["--max_steps", "6", "--do_predict", "false", "--save_strategy", "no"]
    main(arguments(data, tmp_path / "with", *more, "--eval_strategy", "steps", "--eval_steps", "2"))
    main(arguments(data, tmp_path / "without", *more))
    assert sum("eval_accuracy" in row for row in history(tmp_path / "with")) == 3
    weights = [
        (tmp_path / run / "checkpoint" / "model.safetensors").read_bytes() for run in ("with", "without")
    ]
    assert weights[0] == weights[1]


def test_a_loss_that_is_no_number_names_step_and_examples(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    much = ["--learning_rate", "1e30", "--max_steps", "9"]
    with pytest.raises(
        InputError,
        match=r"^step \d: the loss is (nan|inf).*the batch was (edge|node)\S+/er/\S+.*learning_rate",
    ):
        main(arguments(data, tmp_path / "run", *much))


def test_out_of_memory_is_recognised_and_says_what_to_lower() -> None:
    import torch

    from finetune.learners.monitor import memory_line
    from language_models.decode import is_out_of_memory

    with pytest.raises(RuntimeError) as error:
        torch.empty(2**60)
    assert is_out_of_memory(error.value) and not is_out_of_memory(RuntimeError("size mismatch"))
    inputs = {"input_ids": torch.zeros(4, 9), "labels": torch.zeros(4, 3)}
    assert (
        "step 7: out of memory with a batch of 4 examples, padded to 9 tokens (answers to 3); lower --max"
        in memory_line(7, inputs)
    )


def test_launch_json_says_what_is_done(data: Path, tmp_path: Path) -> None:
    from data_builders.example import load_examples
    from finetune.batches.data import encode
    from finetune.batches.tokenizer import tokenizer_for
    from finetune.train import main

    flags = ["--max_steps", "1", "--do_predict", "false", "--lora", "--gradient_accumulation_steps", "2"]
    main(
        arguments(
            data,
            tmp_path,
            *flags,
            "--per_device_train_batch_size",
            "4",
            "--train_sampling_strategy",
            "random",
        )[:-2]
    )
    facts = json.loads((tmp_path / "launch.json").read_text())
    tokens = encode(load_examples(data, None, "train"), tokenizer_for([data]), 512, 512)
    assert (facts["world_size"], facts["device"], facts["precision"], facts["examples"]) == (
        1,
        "cpu",
        "fp32",
        80,
    )
    assert facts["wrapped"] == "PeftModel" or facts["wrapped"].startswith("PeftModel")
    per_step = facts["tokens_per_step"] / (sum(tokens.lengths) + sum(tokens.target_lengths))
    assert per_step == pytest.approx(facts["examples_per_step"] / 80, rel=0.02)
    assert 0 < facts["trainable_parameters"] < facts["parameters"]
    assert facts["state_gb"] == pytest.approx(
        (4 * facts["parameters"] + 12 * facts["trainable_parameters"]) / 2**30, abs=0.01
    )


@pytest.mark.slow
def test_launches_that_do_less_than_asked_are_stopped(data: Path, tmp_path: Path) -> None:
    run = ["-m", "finetune", *arguments(data, tmp_path / "run", "--max_steps", "1")]
    fsdp = subprocess.run(
        command(2, *run, "--fsdp"), env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False
    )
    assert fsdp.returncode != 0
    assert (
        "finetune: FSDP was asked for, but the model is a plain DistributedDataParallel on a CPU"
        in fsdp.stderr
    )
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    alone = subprocess.run(
        [*launch, *run], env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False, cwd=ROOT
    )
    assert alone.returncode != 0
    assert "finetune: accelerate was asked for 2 processes and started 1" in alone.stderr
    assert not (tmp_path / "run" / "checkpoint").exists()


@pytest.mark.slow
@pytest.mark.parametrize("share", [[], ["--share_graphs"]])
def test_two_processes_learn_and_validate_as_one(share: list[str], data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    # 80 examples and 40 graphs are whole steps of 20; the library would fill up a last one with examples seen
    # before
    order = [
        "--train_sampling_strategy",
        "sequential",
        "--max_steps",
        "12",
        "--learning_rate",
        "5e-3",
        "--do_predict",
        "false",
        *share,
    ]
    watch = [
        "--eval_strategy",
        "steps",
        "--eval_steps",
        "4",
        "--early_stopping_patience",
        "3",
        "--logging_steps",
        "1",
    ]
    common = [
        a
        for a in arguments(data, tmp_path / "one", *order, *watch)
        if a not in ("--max_tokens_per_batch", "300")
    ]
    main([*common, "--per_device_train_batch_size", "20"])
    printed = run_together(
        tmp_path, [[*common, "--per_device_train_batch_size", "10", "--output_dir", str(tmp_path / "two")]]
    )
    assert (
        "2 processes on cpu (DistributedDataParallel)" in printed and printed.count(": validation loss") == 3
    )
    one, two = history(tmp_path / "one"), history(tmp_path / "two")
    assert [row["loss"] for row in two if "loss" in row] == pytest.approx(
        [row["loss"] for row in one if "loss" in row], rel=1e-3
    )
    accuracies = [[row["eval_accuracy"] for row in log if "eval_accuracy" in row] for log in (one, two)]
    assert accuracies[0] == accuracies[1] and len(accuracies[0]) == 3


@pytest.mark.parametrize("terminal", [False, True])
def test_the_time_left_is_estimated_once(
    terminal: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the bar where there is one, else by the line of each logging step."""
    from transformers import TrainerState

    from finetune.learners.monitor import ConsoleLogger

    errors = io.StringIO()
    monkeypatch.setattr(errors, "isatty", lambda: terminal)
    monkeypatch.setattr(sys, "stderr", errors)
    logger = ConsoleLogger()
    logger.start, logger.first = 0.0, 0
    logger.on_log(None, TrainerState(global_step=2, max_steps=10), None, {"loss": 1.5})
    line = capsys.readouterr().out.strip()
    assert line.startswith("step 2 of 10: loss 1.5000") and line.endswith(" left") is not terminal
