"""One optimizer step is the same step, however its examples are spread over processes and micro-batches."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.finetune_data import write_dataset

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[1]
MODES = {"full": [], "lora": ["--lora", "--train_embeddings"]}


def arguments(data: Path, out: Path, mode: str, *spread: str) -> list[str]:
    """One step over the first 16 examples, in order, from the same random weights."""
    size = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'
    common = ["--max_steps", "1", "--logging_steps", "1", "--train_sampling_strategy", "sequential", "--do_predict", "false", "--use_cpu"]
    return [
        "--dataset",
        str(data),
        "--output_dir",
        str(out),
        "--model_config",
        size,
        *common,
        "--max_grad_norm",
        "1e9",
        *MODES[mode],
        *spread,
    ]


def first_step(run: Path) -> tuple[float, float]:
    """(loss, gradient norm) that Trainer logged."""
    log = json.loads((run / "trainer_state.json").read_text())["log_history"][0]
    return log["loss"], log["grad_norm"]


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, str]:
    """(dataset, folder of the runs, what they printed) of a full and a LoRA step in two real processes."""
    folder = tmp_path_factory.mktemp("ddp")
    data = write_dataset(folder / "data", {"train": 16, "test": 1}, tasks=("connected_nodes",), ragged=True)
    worker = folder / "worker.py"
    lines = [
        f"main({arguments(data, folder / mode, mode, '--per_device_train_batch_size', '8', '--ddp_find_unused_parameters', 'false')!r})"
        for mode in MODES
    ]
    worker.write_text("\n".join(["from finetune.train import main", *lines]))
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", str(worker)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return data, folder, done.stdout


@pytest.mark.parametrize("mode", MODES)
def test_one_process_accumulation_and_two_processes_agree(mode: str, two_processes: tuple[Path, Path, str], tmp_path: Path) -> None:
    from finetune.train import main

    data, folder, printed = two_processes
    main(arguments(data, tmp_path / "one", mode, "--per_device_train_batch_size", "16"))
    main(arguments(data, tmp_path / "two", mode, "--per_device_train_batch_size", "8", "--gradient_accumulation_steps", "2"))
    one = first_step(tmp_path / "one")
    assert first_step(tmp_path / "two") == pytest.approx(one, rel=1e-4)
    assert printed.count("2 processes on cpu (DistributedDataParallel)") == len(MODES)
    assert "world_size: 2" in (folder / mode / "config.yaml").read_text()
    assert first_step(folder / mode) == pytest.approx(one, rel=1e-4)


def test_answers_are_ragged_enough_to_notice(two_processes: tuple[Path, Path, str], tmp_path: Path) -> None:
    """The mean of the two halves' means is another number than the mean over all tokens, so the test above can fail."""
    from finetune.data import encode, load_examples
    from finetune.tokenizer import tokenizer_for
    from finetune.train import main

    data, folder, _ = two_processes
    main(arguments(data, tmp_path / "half", "full", "--per_device_train_batch_size", "8"))
    whole, first = first_step(folder / "full")[0], first_step(tmp_path / "half")[0]
    tokens = encode(load_examples(data, None, "train"), tokenizer_for([data]), 512, 512)
    sizes = [sum(len(tokens[i]["labels"]) for i in half) for half in (range(8), range(8, 16))]
    second = (whole * sum(sizes) - first * sizes[0]) / sizes[1]
    assert abs((first + second) / 2 - whole) > 5e-4 * whole  # five times the tolerance above
