"""SIGKILL of any rank at any step, then the same command: the loss curve goes on as if nothing had
happened.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.finetune_data import write_dataset
from tests.helpers.torchrun import ENVIRONMENT, ROOT, command

pytestmark = [pytest.mark.torch, pytest.mark.slow]
SIZE = (
    '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, '
    '"num_layers": 2, "num_decoder_layers": 1, "dropout_rate": 0.1}'
)
ZERO2 = ["--deepspeed", str(ROOT / "configs/deepspeed/zero2.json")]
LORA = ["--lora", "--lora_dropout", "0.1", "--train_embeddings"]
WORKER = """
import os, signal, sys
from transformers import TrainerCallback
from finetune import train

class Killed(TrainerCallback):
    def on_step_end(self, args, state, control, **_):
        if (args.process_index, state.global_step) == {where}:
            os.kill(os.getpid(), signal.SIGKILL)

watch = train.add_callbacks
train.add_callbacks = lambda options, trainer: (watch(options, trainer), trainer.add_callback(Killed()))
train.main(sys.argv[1:])
"""
CASES = {  # flags, processes, (rank, step) that is killed; step 8 is about to be saved
    "one process": ([], 1, [(0, 3), (0, 8), (0, 21)]),
    "lora": (LORA, 1, [(0, 10)]),
    "two processes": ([], 2, [(1, 9), (0, 14)]),
    "two processes, lora": (LORA, 2, [(0, 11)]),
    "zero2": (ZERO2, 2, [(1, 8), (0, 10)]),
    "zero2, lora": ([*ZERO2, *LORA], 2, [(1, 13)]),
}


def curve(run: Path) -> list[tuple[int, float, float]]:
    log = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return [(row["step"], row["loss"], row["learning_rate"]) for row in log if "loss" in row]


def start(arguments: list[str], processes: int, *what: str) -> subprocess.CompletedProcess[str]:
    line = command(processes, *what, *arguments)
    return subprocess.run(line, env=ENVIRONMENT, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("case", CASES)
def test_the_loss_curve_continues(case: str, tmp_path: Path) -> None:
    flags, processes, kills = CASES[case]
    if "--deepspeed" in flags:
        pytest.importorskip("deepspeed")
    data = write_dataset(tmp_path / "d", {"train": 40, "test": 4})
    steps = [
        "--max_steps",
        "24",
        "--save_steps",
        "4",
        "--logging_steps",
        "1",
        "--learning_rate",
        "3e-3",
        "--max_tokens_per_batch",
        "200",
    ]
    common = [
        "--dataset",
        str(data),
        "--model_config",
        SIZE,
        "--use_cpu",
        "--do_predict",
        "false",
        "--seed",
        "3",
        *steps,
        *flags,
    ]
    whole = start(["--output_dir", str(tmp_path / "whole"), *common], processes, "-m", "finetune")
    assert whole.returncode == 0, whole.stderr[-3000:]
    arguments = ["--output_dir", str(tmp_path / "killed"), *common]
    for n, where in enumerate(kills):
        worker = tmp_path / f"worker_{n}.py"
        worker.write_text(WORKER.format(where=where))
        killed = start(arguments, processes, str(worker))
        assert killed.returncode != 0
        assert not (tmp_path / "killed" / "checkpoint").exists()
    again = start(arguments, processes, "-m", "finetune")
    assert again.returncode == 0, again.stderr[-3000:]
    assert f"continue from {tmp_path}/killed/checkpoint-{(kills[-1][1] - 1) // 4 * 4}" in again.stdout
    assert f"{processes} process" in again.stdout
    undisturbed, continued = curve(tmp_path / "whole"), curve(tmp_path / "killed")
    assert [row[0] for row in continued] == list(range(1, 25))
    for wanted, found in zip(undisturbed, continued, strict=True):
        assert found == pytest.approx(wanted, rel=1e-4)


def test_a_zero_checkpoint_without_one_ranks_share_is_passed_over(tmp_path: Path) -> None:
    from finetune.run.resume import last_checkpoint

    pytest.importorskip("deepspeed")
    data = write_dataset(tmp_path / "d", {"train": 40, "test": 4})
    steps = ["--max_steps", "8", "--save_steps", "4", "--per_device_train_batch_size", "4", *ZERO2]
    common = ["--dataset", str(data), "--model_config", SIZE, "--use_cpu", "--do_predict", "false", *steps]
    run = tmp_path / "run"
    done = start(["--output_dir", str(run), *common], 2, "-m", "finetune")
    assert done.returncode == 0, done.stderr[-3000:]
    assert last_checkpoint(run, 2) == run / "checkpoint-8"
    shares = sorted((run / "checkpoint-8").rglob("*optim_states.pt"))
    assert len(shares) == 2
    kept = tmp_path / "kept"
    shutil.move(shares[1], kept)
    assert last_checkpoint(run, 2) == run / "checkpoint-4"
    shares[1].write_bytes(kept.read_bytes()[:-100])
    assert last_checkpoint(run, 2) == run / "checkpoint-4"
    shares[1].write_bytes(kept.read_bytes())
    (run / "checkpoint-8" / "latest").unlink()
    assert last_checkpoint(run, 2) == run / "checkpoint-4"
