"""Training, prompting and resuming on GPUs: `make test-gpu`. Each case runs on one card and, where there are
more, on all of them; without a card it is skipped. Cases that a CPU can run as well run there as slow tests.
"""

import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eval.prediction import read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama
from tests.helpers.torchrun import ENVIRONMENT, ROOT, command

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'
T5, LLAMA = ["--model_config", SIZE], ["--model_name_or_path", "LLAMA"]
ACCELERATE = [sys.executable, "-m", "accelerate.commands.launch", "--config_file"]
CASES: dict[str, list[str]] = {  # flags of `python -m finetune`
    "full": [*T5, "--max_tokens_per_batch", "400"],
    "auto": [*T5, "--max_tokens_per_batch", "auto"],
    "plain": [*T5, "--torch_compile", "false"],
    "bf16": [*T5, "--bf16"],
    "share_graphs": [*T5, "--share_graphs"],
    "zero2": [*T5, "--deepspeed", str(ROOT / "configs/deepspeed/zero2.json")],
    "zero3": [*T5, "--deepspeed", str(ROOT / "configs/deepspeed/zero3.json")],
    "lora": [*LLAMA, "--lora"],
    "packing": [*LLAMA, "--lora", "--packing", "--packing_length", "700"],
    "qlora": [*LLAMA, "--lora", "--load_in_4bit"],
    "grpo": [*LLAMA, "--lora", "--method", "grpo", "--per_device_train_batch_size", "8"],
}
NEEDS = {"zero2": "deepspeed", "zero3": "deepspeed", "qlora": "bitsandbytes"}
ONLY_GPU = ("auto", "qlora", "bf16")


def cards() -> int:
    import torch

    return torch.cuda.device_count()


@pytest.fixture(
    params=[
        pytest.param("one card", marks=pytest.mark.gpu),
        pytest.param("all cards", marks=pytest.mark.gpu),
        pytest.param("cpu", marks=pytest.mark.slow),
    ]
)
def processes(request: pytest.FixtureRequest) -> int:
    """How many, of which each has a card; 0 for one on the CPU."""
    if request.param == "cpu":
        return 0
    if cards() < (1 if request.param == "one card" else 2):
        pytest.skip("no GPU here" if not cards() else "one GPU alone")
    return 1 if request.param == "one card" else cards()


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 32, "test": 6})


def arguments(case: str, data: Path, run: Path, processes: int) -> list[str]:
    model = str(make_llama(run.parent / f"{run.name}_llama")) if "LLAMA" in CASES[case] else ""
    steps = ["--max_steps", "6", "--logging_steps", "1", "--generation_max_length", "8"]
    where = ["--dataset", str(data), "--output_dir", str(run), *(() if processes else ("--use_cpu",))]
    return [*where, *steps, *(model if flag == "LLAMA" else flag for flag in CASES[case])]


def finished(what: list[str], run: Path) -> list[float]:
    """The losses of a run that came to its end with an answer to each question."""
    done = subprocess.run(
        what, env=ENVIRONMENT, capture_output=True, text=True, timeout=1200, check=False, cwd=ROOT
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert len(read_predictions(run)) == 12 and (run / "metrics.json").is_file()
    log = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return [row["loss"] for row in log if "loss" in row]


def environment_of(case: str, processes: int) -> None:
    if case in NEEDS and importlib.util.find_spec(NEEDS[case]) is None:
        pytest.skip(f"{NEEDS[case]} is not installed")
    if not processes and case in ONLY_GPU:
        pytest.skip("needs a GPU")


@pytest.mark.parametrize("case", CASES)
def test_every_way_to_train_trains_and_answers(case: str, processes: int, data: Path, tmp_path: Path) -> None:
    environment_of(case, processes)
    what = command(max(1, processes), "-m", "finetune", *arguments(case, data, tmp_path / "run", processes))
    if case.startswith("zero") and processes < 2:  # DeepSpeed wants torchrun for one process as well
        what = [*command(2, "")[:-2], "1", *what[1:]]
    losses = finished(what, tmp_path / "run")
    assert len(losses) == 6 and all(loss == loss for loss in losses)
    facts = json.loads((tmp_path / "run" / "launch.json").read_text())
    assert facts["world_size"] == max(1, processes) and facts["device"] == ("cuda" if processes else "cpu")
    assert facts["compiled"] == bool(
        processes and case in ("full", "auto", "bf16", "share_graphs", "lora", "packing")
    )


@pytest.mark.gpu
@pytest.mark.parametrize("name", ["ddp", "fsdp2", "zero2", "zero3"])
def test_accelerate_s_configurations(name: str, data: Path, tmp_path: Path) -> None:
    if not cards():
        pytest.skip("no GPU here")
    environment_of(name if name in NEEDS else "full", cards())
    launch = [*ACCELERATE, str(ROOT / f"configs/accelerate/{name}.yaml"), "--num_processes", str(cards())]
    finished([*launch, "-m", "finetune", *arguments("full", data, tmp_path / "run", 1)], tmp_path / "run")


def test_a_compiled_step_is_the_plain_step(processes: int, data: Path, tmp_path: Path) -> None:
    flags = {"compiled": ["--torch_compile", "true"], "plain": ["--torch_compile", "false"]}
    losses = {
        name: finished(
            command(
                max(1, processes),
                "-m",
                "finetune",
                *arguments("full", data, tmp_path / name, processes),
                *more,
            ),
            tmp_path / name,
        )
        for name, more in flags.items()
    }
    assert losses["compiled"] == pytest.approx(losses["plain"], rel=1e-3)


def test_a_killed_run_goes_on(processes: int, data: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    more = ["--max_steps", "40", "--save_steps", "4", "--save_strategy", "steps"]
    what = command(max(1, processes), "-m", "finetune", *arguments("full", data, run, processes), *more)
    first = subprocess.Popen(
        what, env=ENVIRONMENT, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    end = time.monotonic() + 600
    while not (run / "checkpoint-4" / "trainer_state.json").is_file() and first.poll() is None:
        assert time.monotonic() < end
        time.sleep(0.05)
    first.kill()
    first.wait()
    losses = finished(what, run)
    assert len(losses) == 40


@pytest.mark.gpu
def test_a_local_decoder_is_prompted(data: Path, tmp_path: Path) -> None:
    """On the card the answers are those of the CPU."""
    if not cards():
        pytest.skip("no GPU here")
    from data_builders.example import load_examples
    from language_models.decode import Decoding, generate
    from language_models.load import load_model

    model, tokenizer = load_model(str(make_llama(tmp_path / "llama")))
    rows = tokenizer([e.question for e in load_examples(data, None, "test")])["input_ids"]
    on_cpu, on_card = (
        [answer.text for answer in generate(model.to(device), tokenizer, rows, Decoding(8))]
        for device in ("cpu", "cuda")
    )
    assert on_card == on_cpu


@pytest.mark.parametrize("tiny", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_the_gpu_benchmark_runs_without_a_gpu(
    tiny: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It ends in one line; with tiny shapes on the CPU every row but QLoRA's is a line of figures."""
    from benchmarks import gpu

    if not tiny and cards():
        pytest.skip("there is a GPU")
    small = ["--device", "cpu", "--tiny", "--seconds", "0.2", "--tokens", "1500", "--graphs", "40"]
    monkeypatch.setattr(sys, "argv", ["gpu", *(small if tiny else ())])
    gpu.main()
    printed = capsys.readouterr().out
    if not tiny:
        assert printed.startswith("bench-gpu: no GPU here") and printed.count("\n") == 1
        return
    lines = [line for line in printed.splitlines() if line.startswith("|")][2:]
    assert len(lines) == len(gpu.ROWS) - 1 and "failed" not in printed
