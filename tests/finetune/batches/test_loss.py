"""One optimizer step is the same step, however its examples are spread over processes and micro-batches."""

import json
from pathlib import Path

import pytest

from eval.prediction import read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.torchrun import ROOT, run_together

pytestmark = pytest.mark.torch
MODES = {"full": [], "lora": ["--lora"], "rows": ["--lora", "--train_embeddings"]}
HALF = ["--per_device_train_batch_size", "8", "--per_device_eval_batch_size", "2"]
STEPS = 11


def arguments(data: Path, out: Path, mode: str, *spread: str) -> list[str]:
    """Eleven steps, each over the same 16 examples in the same order, from the same random weights."""
    size = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'
    where = [
        "--dataset",
        str(data),
        "--output_dir",
        str(out),
        "--model_config",
        size,
        "--do_predict",
        "false",
        "--use_cpu",
    ]
    steps = [
        "--max_steps",
        str(STEPS),
        "--logging_steps",
        "1",
        "--learning_rate",
        "2e-3",
        "--lr_scheduler_type",
        "constant",
    ]
    order = ["--train_sampling_strategy", "sequential", "--max_grad_norm", "1e9", "--save_strategy", "no"]
    validate = ["--eval_strategy", "steps", "--eval_steps", str(STEPS), "--generation_max_length", "4"]
    return [*where, *steps, *order, *validate, *MODES[mode], *spread]


def validation_losses(run: Path) -> list[float]:
    log = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return [row["eval_loss"] for row in log if "eval_loss" in row]


def curve(run: Path) -> tuple[tuple[float, float], list[float]]:
    """((loss, gradient norm) of the first step, loss of each step) that Trainer logged."""
    log = [
        row for row in json.loads((run / "trainer_state.json").read_text())["log_history"] if "loss" in row
    ]
    return (log[0]["loss"], log[0]["grad_norm"]), [row["loss"] for row in log]


def assert_same(run: Path, reference: Path) -> None:
    (first, losses), (first_wanted, wanted) = curve(run), curve(reference)
    assert first == pytest.approx(first_wanted, rel=1e-4)
    assert len(losses) == len(wanted) == STEPS
    assert losses == pytest.approx(wanted, rel=1e-3)
    assert wanted[-1] < 0.9 * wanted[0]  # it trains, so that equality says something
    assert len(validation_losses(run)) == 1
    assert validation_losses(run) == pytest.approx(validation_losses(reference), rel=1e-3)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(
        tmp_path_factory.mktemp("data") / "d",
        {"train": 16, "validation": 3, "test": 5},
        tasks=("connected_nodes",),
        ragged=True,
    )


@pytest.fixture(scope="module")
def one_process(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs that all others are compared with."""
    from finetune.train import main

    folder = tmp_path_factory.mktemp("one")
    for mode in MODES:
        main(arguments(data, folder / mode, mode, "--per_device_train_batch_size", "16"))
    return folder


@pytest.mark.parametrize("mode", MODES)
def test_accumulation_changes_nothing(mode: str, data: Path, one_process: Path, tmp_path: Path) -> None:
    from finetune.train import main

    main(arguments(data, tmp_path / mode, mode, *HALF, "--gradient_accumulation_steps", "2"))
    assert_same(tmp_path / mode, one_process / mode)


def test_two_processes_change_nothing(data: Path, one_process: Path, tmp_path: Path) -> None:
    printed = run_together(tmp_path, [arguments(data, tmp_path / mode, mode, *HALF) for mode in MODES])
    assert printed.count("2 processes on cpu (DistributedDataParallel)") == len(MODES)
    for mode in MODES:
        assert "world_size: 2" in (tmp_path / mode / "config.yaml").read_text()
        assert_same(tmp_path / mode, one_process / mode)


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_zero_changes_nothing(stage: int, data: Path, one_process: Path, tmp_path: Path) -> None:
    """Of ZeRO-3 also: it answers while its weights are spread, and plain transformers answer the same from
    the saved folder.
    """
    from safetensors.torch import load_file

    from finetune.train import main

    pytest.importorskip("deepspeed")
    modes = ["full", "lora"] if stage == 3 else list(MODES)
    zero = [
        "--deepspeed",
        str(ROOT / f"configs/deepspeed/zero{stage}.json"),
        "--do_predict",
        str(stage == 3).lower(),
    ]
    printed = run_together(tmp_path, [arguments(data, tmp_path / mode, mode, *HALF, *zero) for mode in modes])
    assert printed.count("2 processes on cpu (DeepSpeedEngine)") == len(modes)
    for mode in modes:
        assert "world_size: 2" in (tmp_path / mode / "config.yaml").read_text()
        assert_same(tmp_path / mode, one_process / mode)
    if stage == 3:
        plain = [
            "--do_train",
            "false",
            "--use_cpu",
            "--dataset",
            str(data),
            "--output_dir",
            str(tmp_path / "plain"),
        ]
        main([*plain, "--model_name_or_path", str(tmp_path / "full" / "checkpoint")])
        said, again = (read_predictions(tmp_path / run) for run in ("full", "plain"))
        assert [(p.example_id, p.output) for p in said] == [(p.example_id, p.output) for p in again]
        assert len(said) == 5
        whole, gathered = (
            load_file(run / "full" / "checkpoint" / "model.safetensors") for run in (one_process, tmp_path)
        )
        assert {k: v.shape for k, v in gathered.items()} == {k: v.shape for k, v in whole.items()}
        assert all((gathered[k] - v).abs().mean() < 1e-4 for k, v in whole.items())


def test_answers_are_ragged_enough_to_notice(data: Path, one_process: Path, tmp_path: Path) -> None:
    """The mean of the two halves' means is another number than the mean over all tokens, so the tests above
    can fail.
    """
    from data_builders.example import load_examples
    from finetune.batches.data import encode
    from finetune.batches.tokenizer import tokenizer_for
    from finetune.train import main

    main(arguments(data, tmp_path / "half", "full", *HALF, "--max_steps", "1"))
    whole, first = curve(one_process / "full")[0][0], curve(tmp_path / "half")[0][0]
    tokens = encode(load_examples(data, None, "train"), tokenizer_for([data]), 512, 512)
    sizes = [sum(len(tokens[i]["labels"]) for i in half) for half in (range(8), range(8, 16))]
    second = (whole * sum(sizes) - first * sizes[0]) / sizes[1]
    assert abs((first + second) / 2 - whole) > 5e-4 * whole  # five times the tolerance above
