"""A run that was killed and started again ends where an undisturbed one does."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.locks import exclusive
from eval.prediction import read_predictions
from tests.helpers.finetune_data import write_dataset

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]
SIZE = (
    '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, '
    '"num_layers": 2, "num_decoder_layers": 1, "dropout_rate": 0.1}'
)
BATCHES = {
    "tokens": ["--max_tokens_per_batch", "280"],
    "length": [
        "--train_sampling_strategy",
        "group_by_length",
        "--gradient_accumulation_steps",
        "2",
        "--per_device_train_batch_size",
        "4",
    ],
    "random": ["--per_device_train_batch_size", "8"],
}
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}


def arguments(data: Path, run: Path, *more: str) -> list[str]:
    """24 steps and more than one epoch, a checkpoint every 4."""
    steps = ["--max_steps", "24", "--save_steps", "4", "--learning_rate", "3e-3", "--use_cpu", "--seed", "3"]
    return ["--dataset", str(data), "--output_dir", str(run), "--model_config", SIZE, *steps, *more]


def outcome(run: Path) -> tuple[bytes, list[tuple[str, str, str]]]:
    """(weights, predictions without their timing)."""
    weights = next((run / "checkpoint").glob("*.safetensors")).read_bytes()
    return weights, [(p.example_id, p.output, p.finish_reason) for p in read_predictions(run)]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 40, "test": 12})


@pytest.fixture(autouse=True)
def one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def test_sigkill_then_the_same_command(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    run = tmp_path / "killed"
    command = [sys.executable, "-m", "finetune", *arguments(data, run, *BATCHES["tokens"])]
    process = subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    while process.poll() is None and not (run / "checkpoint-8" / "trainer_state.json").exists():
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (run / "checkpoint").exists()
    again = subprocess.run(command, env=ENVIRONMENT, capture_output=True, text=True, timeout=300, check=False)
    assert again.returncode == 0, again.stderr[-3000:]
    assert "continue from" in again.stdout
    main(arguments(data, tmp_path / "whole", *BATCHES["tokens"]))
    assert outcome(run) == outcome(tmp_path / "whole")
    assert (run / "metrics.json").is_file()


@pytest.mark.parametrize("batches", BATCHES)
@pytest.mark.parametrize("mode", ["full", "lora"])
def test_continuing_from_any_checkpoint_changes_nothing(
    batches: str, mode: str, data: Path, tmp_path: Path
) -> None:
    from finetune.train import main

    more = [
        *BATCHES[batches],
        "--save_total_limit",
        "9",
        *(["--lora", "--lora_dropout", "0.1", "--train_embeddings"] if mode == "lora" else []),
    ]
    run = tmp_path / "run"
    main(arguments(data, run, *more))
    undisturbed = outcome(run)
    shutil.rmtree(run / "checkpoint")
    (run / "predictions.parquet").unlink()
    for step in (16, 20, 24):
        shutil.rmtree(run / f"checkpoint-{step}")
    epoch = json.loads((run / "checkpoint-12" / "trainer_state.json").read_text())["epoch"]
    assert (
        epoch > 1 and epoch % 1 > 0
    )  # within a later epoch, where the order of the batches is hardest to find again
    main(arguments(data, run, *more))
    assert outcome(run) == undisturbed


def test_half_written_checkpoint_is_passed_over(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from finetune.run.resume import last_checkpoint
    from finetune.train import main

    run = tmp_path / "run"
    main(arguments(data, run, *BATCHES["tokens"]))
    undisturbed = outcome(run)
    shutil.rmtree(run / "checkpoint")
    (run / "predictions.parquet").unlink()
    for name in ("trainer_state.json", "optimizer.pt", "scheduler.pt", "model.safetensors", "rng_state.pth"):
        assert last_checkpoint(run, 1) == run / "checkpoint-24"
        broken = run / "checkpoint-24" / name
        whole = broken.read_bytes()
        broken.write_bytes(whole[: len(whole) // 2])
        assert last_checkpoint(run, 1) == run / "checkpoint-20"
        broken.write_bytes(whole)
    weights = run / "checkpoint-24" / "model.safetensors"  # a flipped bit, which no library sees
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    assert last_checkpoint(run, 1) == run / "checkpoint-20"
    content[-1] ^= 1
    weights.write_bytes(content)
    assert last_checkpoint(run, 1) == run / "checkpoint-24"
    (run / "checkpoint-24" / "rng_state.pth").unlink()
    assert last_checkpoint(run, 1) == run / "checkpoint-20"
    assert last_checkpoint(run, 2) is None  # another number of processes has other random states
    main(arguments(data, run, *BATCHES["tokens"]))
    printed = capsys.readouterr().out
    assert f"{run}/checkpoint-24 is damaged or was not written to its end: ignored" in printed
    assert f"continue from {run}/checkpoint-20" in printed
    assert outcome(run) == undisturbed


def test_finished_run_is_not_done_again_and_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    run = tmp_path / "run"
    main(arguments(data, run, *BATCHES["tokens"], "--limit", "6"))
    files = (run / "checkpoint" / "model.safetensors", run / "predictions.parquet")
    before, first = {p: p.stat().st_mtime_ns for p in files}, read_predictions(run)
    (run / "metrics.json").unlink()
    main(arguments(data, run, *BATCHES["tokens"], "--limit", "6"))
    assert {p: p.stat().st_mtime_ns for p in before} == before
    assert (run / "metrics.json").is_file()
    main(arguments(data, run, *BATCHES["tokens"]))  # without a limit: the others are answered, too
    assert set(first) < set(read_predictions(run)) and files[0].stat().st_mtime_ns == before[files[0]]
    with pytest.raises(InputError, match=r"another run \(limit: all questions -> 6, which would cut"):
        main(arguments(data, run, *BATCHES["tokens"], "--limit", "6"))
    with pytest.raises(InputError, match=r"of another run \(learning_rate: 0.003 -> 0.001\)"):
        main(arguments(data, run, *BATCHES["tokens"], "--learning_rate", "1e-3"))
    with exclusive(run), pytest.raises(InputError, match=r"run: process .* is at work there"):
        main(arguments(data, run, *BATCHES["tokens"]))
    content = bytearray(files[0].read_bytes())
    content[-1] ^= 1
    files[0].write_bytes(content)
    with pytest.raises(InputError, match=r"run/checkpoint/model.safetensors: not what was written"):
        main(arguments(data, run, *BATCHES["tokens"]))
    main(arguments(data, run, *BATCHES["tokens"], "--max_steps", "4", "--limit", "2", "--overwrite"))
    assert len(read_predictions(run)) < len(first) and not (run / "checkpoint-24").exists()
