"""A trained run goes to a Hub on loopback: its card's code gives its answers, and no path goes with it."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.hub import STAGING
from eval.commands import publish
from eval.model_card import Names, hub_base, trained_from_scratch
from eval.prediction import read_predictions
from eval.publish import FOLDER, publish_run, stage_run
from tests.helpers.hub import TOKEN, Hub, loopback_hub
from tests.helpers.tiny_models import make_llama, make_stock_t5, make_t5

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[2]
SCRATCH = '{"d_model": 16, "d_kv": 8, "num_heads": 2, "d_ff": 32, "num_layers": 1, "num_decoder_layers": 1}'
NAMES = Names("me/x", "me/base", "me/er", "mit")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """data/er and an adapted chat model in runs/lora, over `base`."""
    folder = tmp_path_factory.mktemp("publish")
    sizes = {"train": 8, "validation": 2, "test": 4, "max_nodes": 7}
    build(BuildConfig(name="er", tasks="cycle_check,node_degree", workers=1, **sizes), folder / "data" / "er")
    make_llama(folder / "base", chat=True)
    train(folder, "lora", "--model_name_or_path", str(folder / "base"), "--lora")
    return folder


def train(folder: Path, name: str, *flags: str) -> None:
    from finetune.train import main

    where = ["--dataset", str(folder / "data" / "er"), "--output_dir", str(folder / "runs" / name)]
    main([*where, "--use_cpu", "--generation_max_length", "6", "--max_steps", "1", *flags])


def code(card: str) -> str:
    (block,) = re.findall(r"## Use\n\n```python\n(.*?)```", card, re.DOTALL)
    return str(block)


def first_answer(run: Path) -> str:
    return read_predictions(run)[0].output


def paths_in(files: dict[str, bytes], folder: Path) -> list[str]:
    """The files that name a folder of this machine."""
    return [name for name, content in files.items() if str(folder).encode() in content]


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with loopback_hub(monkeypatch, tmp_path / "cache") as hub:
        yield hub


def test_a_run_goes_up_whole_and_without_paths(folder: Path, hub: Hub) -> None:
    from huggingface_hub import EvalResultEntry, ModelCard, parse_eval_result_entries

    run = folder / "runs" / "lora"
    assert publish_run(run, NAMES).startswith(f"{hub.address}/me/x/commit/")
    assert not (run / STAGING).exists() and paths_in(hub.files, folder) == []
    weights = "adapter_model.safetensors"
    assert hub.files[weights] == (run / "checkpoint" / weights).read_bytes()
    assert json.loads(hub.files["adapter_config.json"])["base_model_name_or_path"] == "me/base"
    assert hub.files[f"{FOLDER}/predictions.parquet"] == (run / "predictions.parquet").read_bytes()
    assert b"</html>" in hub.files[f"{FOLDER}/report.html"]
    metrics = json.loads(hub.files[f"{FOLDER}/metrics.json"])

    card = ModelCard(hub.files["README.md"].decode())
    assert set(hub.validated) == {hub.files["README.md"].decode()}
    assert card.data.license == "mit" and card.data.base_model == "me/base"
    assert card.data.library_name == "peft" and card.data.datasets == ["me/er"]
    assert card.data.tags == ["graphtalk", "graph-reasoning", "lora"]
    results = {r.dataset_config: r for r in card.data.eval_results or []}
    stated = parse_eval_result_entries(yaml.safe_load(hub.files[".eval_results/graphtalk.yaml"]))
    assert len(stated) == len(results) == 2
    for entry in stated:
        assert isinstance(entry, EvalResultEntry) and entry.dataset_id == "me/er"
        row = metrics["tasks"][entry.task_id]
        assert entry.value == results[entry.task_id].metric_value == row["accuracy"]
        assert results[entry.task_id].metric_args["high"] == row["high"]
        assert "95% interval" in str(entry.notes) and "highest floor" in str(entry.notes)


def test_the_same_command_continues_and_what_others_wrote_stays(folder: Path, hub: Hub) -> None:
    run = folder / "runs" / "lora"
    hub.failures["POST *commit*"] = [409]
    with pytest.raises(InputError, match=r"^publish: me/x: .*409.*; start the same command again"):
        publish_run(run, NAMES)
    publish_run(run, NAMES)
    hub.files["README.md"] = hub.files["README.md"].replace(b"---\n<!--", b"---\nMy words.\n<!--", 1)
    hub.commits += 1
    publish_run(run, NAMES)
    again = hub.files["README.md"].decode()
    assert "My words.\n<!--" in again and again.count("## Use") == again.count("## Scores") == 1


def test_the_cards_code_gives_the_runs_answer(folder: Path) -> None:
    run = folder / "runs" / "lora"
    staging = stage_run(run, NAMES)
    text = code((staging / "README.md").read_text())
    here = text.replace("me/x", str(staging)).replace("me/base", str(folder / "base"))
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(here, {})
    assert printed.getvalue() == first_answer(run) + "\n" and len(first_answer(run)) > 2


def test_a_dry_run_shows_the_card_and_sends_nothing(
    folder: Path, hub: Hub, capsys: pytest.CaptureFixture[str]
) -> None:
    run = folder / "runs" / "lora"
    publish(run, "me/x", dry_run=True, base_model="me/base", license="mit")
    out = capsys.readouterr().out
    assert hub.commits == 0 and "nothing was sent" in out and "base_model: me/base" in out
    assert not (run / STAGING / ".eval_results").exists()  # without --dataset-id


def test_what_others_could_not_use_is_refused(folder: Path, tmp_path: Path) -> None:
    run = folder / "runs" / "lora"
    with pytest.raises(InputError, match=r"adapters over `base`, a local model; name .* --base-model"):
        publish_run(run, Names("me/x", license="mit"))
    with pytest.raises(InputError, match="trained from me/base, whose license is not known here"):
        publish_run(run, Names("me/x", "me/base"))
    config = yaml.safe_load((run / "config.yaml").read_text())
    own = {**config["arguments"], "model_name_or_path": "gpt2"}
    assert hub_base({**config, "model": "gpt2", "arguments": own}) == "gpt2"
    scratch = {**config, "model": "{}", "arguments": {"model_config": "{}"}}
    assert trained_from_scratch(scratch) and not hub_base(scratch) and not trained_from_scratch(config)
    (tmp_path / "config.yaml").write_text("kind: prompt\n")
    with pytest.raises(InputError, match=r"no checkpoint; .* \(prompt\) has none"):
        publish_run(tmp_path, Names("me/x"))
    with pytest.raises(InputError, match="--license is for a run folder"):
        publish(folder / "data" / "er", "me/x", license="mit")


@pytest.mark.slow
def test_every_kind_of_run_is_used_from_the_hub_as_its_card_says(folder: Path, tmp_path: Path) -> None:
    """Each in a process that has nothing of ours but the address of the Hub."""
    from graph_models.commands import fit_arguments

    t5 = make_t5(folder / "t5")
    train(folder, "t5", "--model_name_or_path", str(t5))
    train(folder, "t5_lora", "--model_name_or_path", str(t5), "--lora", "--chat", "false")
    train(folder, "plain", "--model_name_or_path", str(make_llama(folder / "llama")))
    train(folder, "scratch", "--model_config", SCRATCH)
    train(folder, "alone", "--model_config", SCRATCH, "--share_graphs")
    stock = make_stock_t5(folder / "stock")
    learn = ["--add_missing_tokens", "--max_steps", "60", "--learning_rate", "1e-2"]  # else it says nothing
    train(folder, "added", "--model_name_or_path", str(stock), *learn)
    train(folder, "added_lora", "--model_name_or_path", str(stock), *learn, "--lora")
    gin = ["gin", "--width", "8", "--steps", "2", "--dataset", str(folder / "data" / "er")]
    fit_arguments([*gin, "--output_dir", str(folder / "runs" / "gin")])
    bases = {"lora": folder / "base", "t5_lora": t5, "added_lora": stock}
    own_license = ("scratch", "alone", "gin")
    for name in ("lora", "t5", "t5_lora", "plain", "added", "added_lora", *own_license):
        run = folder / "runs" / name
        with Hub() as hub:
            own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}
            own |= {"HF_HOME": str(tmp_path / name), "HF_HUB_OFFLINE": "0", "PYTHONPATH": str(ROOT)}
            flags = ["--base-model", "me/base"] if name in bases else []
            flags += [] if name in own_license else ["--license", "mit"]
            command = [sys.executable, "-m", "graphtalk", "publish", str(run), "--repo-id", "me/x", *flags]
            settings = {"env": {**os.environ, **own}, "cwd": folder, "timeout": 300}
            done = subprocess.run(command, capture_output=True, text=True, check=False, **settings)
            assert done.returncode == 0, done.stderr[-2000:]
            assert paths_in(hub.files, folder) == []
            if name in bases:
                hub.others["me/base"] = {p.name: p.read_bytes() for p in bases[name].iterdir()}
            python = [sys.executable, "-c", code(hub.files["README.md"].decode())]
            used = subprocess.run(python, capture_output=True, text=True, check=False, **settings)
        assert used.returncode == 0, f"{name}: {used.stderr[-2000:]}"
        assert used.stdout == first_answer(run) + "\n", name
