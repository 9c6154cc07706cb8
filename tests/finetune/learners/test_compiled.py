"""Compiled steps are the plain steps: the same losses, for T5 and decoder-only models, and what is saved is
the model.
"""

import json
import os
from pathlib import Path

import pytest

from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}'
MODES = {
    "full": ["--max_tokens_per_batch", "400"],
    "lora": ["--lora", "--max_tokens_per_batch", "400"],
    "share_graphs": ["--share_graphs", "--max_tokens_per_batch", "400"],
    "decoder": ["--max_tokens_per_batch", "400"],
    "decoder_lora": ["--lora"],
}
STEPS = 5


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 24, "test": 4}, ragged=True)


def arguments(mode: str, data: Path, run: Path, model: list[str], *more: str) -> list[str]:
    where = ["--dataset", str(data), "--output_dir", str(run), "--use_cpu", "--generation_max_length", "5"]
    steps = ["--max_steps", str(STEPS), "--logging_steps", "1", "--learning_rate", "2e-3"]
    steps += ["--lr_scheduler_type", "constant", "--save_strategy", "no", "--train_limit", "24"]
    return [*where, *model, *steps, *MODES[mode], *more]


@pytest.mark.parametrize(
    ("mode", "backend"),
    [
        (
            "share_graphs",
            "eager",
        ),  # what of the model is compiled, without the minute that the compiler takes
        *(pytest.param(mode, "inductor", marks=pytest.mark.slow) for mode in MODES),
    ],
)
def test_compiled_steps_are_the_plain_ones(
    mode: str, backend: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Losses of every step, the answers of the trained model, and the names of its weights."""
    from safetensors import safe_open

    from eval.prediction import read_predictions
    from finetune.train import main

    model = ["--model_config", SIZE]
    if mode.startswith("decoder"):
        model = ["--model_name_or_path", str(make_llama(tmp_path / "llama"))]
    monkeypatch.setenv("GRAPHTALK_CACHE", str(tmp_path / "cache"))
    for name in ("ACCELERATE_DYNAMO_BACKEND", "ACCELERATE_DYNAMO_USE_DYNAMIC", "TORCHINDUCTOR_CACHE_DIR"):
        monkeypatch.setenv(name, "")  # so that they are as before after the test
        monkeypatch.delenv(name)
    main(arguments(mode, data, tmp_path / "plain", model))
    compiled = ["--torch_compile", "true", "--torch_compile_backend", backend]
    main(arguments(mode, data, tmp_path / "compiled", model, *compiled))
    logs, files, answers = [], [], []
    for run in (tmp_path / "plain", tmp_path / "compiled"):
        state = json.loads((run / "trainer_state.json").read_text())
        logs.append([row for row in state["log_history"] if "loss" in row])
        (weights,) = (run / "checkpoint").glob("*.safetensors")
        with safe_open(weights, "np") as file:
            files.append(sorted(file.keys()))
        answers.append([p.output for p in read_predictions(run)])
    losses = [[row["loss"] for row in log] for log in logs]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3) and losses[0][-1] < losses[0][0]
    assert len(losses[0]) == STEPS and files[0] == files[1] and answers[0] == answers[1]
    assert "compile_seconds" in logs[1][0] and "compile_seconds" not in logs[0][0]
    facts = [json.loads((tmp_path / run / "launch.json").read_text()) for run in ("plain", "compiled")]
    assert [fact["compiled"] for fact in facts] == [False, True]
    assert facts[0]["wrapped"] == facts[1]["wrapped"]
    assert os.environ["TORCHINDUCTOR_CACHE_DIR"] == str(tmp_path / "cache" / "compiled")
