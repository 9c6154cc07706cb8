"""The card of a trained model, and its way to the Hub (one on loopback)."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.example import read_lock
from tests.helpers.finetune_data import write_dataset
from tests.helpers.hub import TOKEN, Hub
from tests.helpers.tiny_models import make_llama

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "facts", {"train": 16, "test": 6})


def arguments(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    where = [
        "--dataset",
        str(data),
        "--model_name_or_path",
        str(model),
        "--output_dir",
        str(out),
        "--use_cpu",
    ]
    return [*where, "--generation_max_length", "4", "--max_steps", "2", "--save_steps", "1", *more]


def start(argv: list[str], address: str, token: str) -> "subprocess.CompletedProcess[str]":
    hub = {"HF_ENDPOINT": address, "HF_TOKEN": token, "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0"}
    environment = {**os.environ, **hub, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "finetune", *argv]
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_the_card_says_what_it_is_and_how_good(data: Path, tmp_path: Path) -> None:
    from huggingface_hub import ModelCard

    from finetune.train import main

    base = make_llama(tmp_path / "tiny-llama")
    main(arguments(data, base, tmp_path / "adapted", "--lora", "--lora_r", "3"))
    card = ModelCard.load(tmp_path / "adapted" / "checkpoint" / "README.md")
    metrics = json.loads((tmp_path / "adapted" / "metrics.json").read_text())
    assert (
        card.data.library_name == "peft"
        and card.data.base_model is None
        and card.data.model_name == "adapted"
    )
    results = {r.dataset_config: r for r in card.data.eval_results or []}
    assert set(results) == {"edge_existence", "node_degree"}
    for task, row in metrics["tasks"].items():
        assert results[task].metric_value == row["accuracy"]
        assert results[task].metric_args == {
            "n": 6,
            "low": row["low"],
            "high": row["high"],
            "floors": row["floors"],
        }
        assert results[task].dataset_args == {"fingerprint": read_lock(data)["fingerprint"]}
        assert (
            f"| {task} | 6 | {100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}] |"
            in card.text
        )
    assert (
        f"fingerprint `{read_lock(data)['fingerprint']}`" in card.text
        and "`tiny-llama`, a local model" in card.text
    )
    assert '"lora_r": 3' in card.text and "majority" in card.text
    assert str(tmp_path) not in card.content and str(data.parent) not in card.content, (
        "paths of this machine stay here"
    )
    main(arguments(data, base, tmp_path / "untested", "--do_predict", "false", "--label", "no test"))
    untested = ModelCard.load(tmp_path / "untested" / "checkpoint" / "README.md")
    assert (
        untested.data.eval_results is None
        and untested.data.library_name == "transformers"
        and "# no test" in untested.text
    )


def test_a_finished_run_is_pushed_with_its_card(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from huggingface_hub import constants

    from finetune.train import main

    run = tmp_path / "adapted"
    argv = arguments(data, make_llama(tmp_path / "base"), run, "--lora")
    main(argv)
    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", "hf_wrong")
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        with pytest.raises(InputError, match=r"^push_to_hub: adapted: .*401"):
            main([*argv, "--push_to_hub", "--hub_model_id", "adapted"])
        assert not hub.files and "hf_wrong" not in "".join(capfd.readouterr())
        done = start([*argv, "--push_to_hub", "--hub_model_id", "adapted"], hub.address, TOKEN)
        assert done.returncode == 0, done.stderr[-3000:]
        assert f"pushed to {hub.address}" in done.stdout and "is trained already" in done.stdout
    assert hub.files == {p.name: p.read_bytes() for p in (run / "checkpoint").iterdir()}
    assert {"README.md", "adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= set(
        hub.files
    )
    assert set(hub.validated) == {hub.files["README.md"].decode()}
    kept = b"".join(p.read_bytes() for p in run.rglob("*") if p.is_file())
    assert TOKEN.encode() not in kept + (done.stdout + done.stderr).encode()


def test_a_token_is_not_taken_from_the_command_line(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    base = make_llama(tmp_path / "base")
    with pytest.raises(InputError, match="set HF_TOKEN in the environment"):
        main(arguments(data, base, tmp_path / "run", "--push_to_hub", "--hub_token", TOKEN))
    with pytest.raises(InputError, match="--do_train false trains nothing"):
        main(arguments(data, base, tmp_path / "run", "--push_to_hub", "--do_train", "false"))
    assert not (tmp_path / "run").exists()
