"""`graphtalk merge`: the plain folder answers as the adapters did, and adapters of another base are
refused.
"""

import json
import shutil
import sys
from pathlib import Path

import pytest

from data_builders.errors import InputError
from eval.prediction import read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama, make_t5

pytestmark = pytest.mark.torch
MAKE = {"t5": make_t5, "llama": make_llama}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(
        tmp_path_factory.mktemp("data") / "d", {"train": 16, "test": 6}, tasks=("connected_nodes",)
    )


def finetune(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    """The outputs of a run."""
    from finetune.train import main

    where = [
        "--dataset",
        str(data),
        "--model_name_or_path",
        str(model),
        "--output_dir",
        str(out),
        "--use_cpu",
    ]
    main(
        [
            *where,
            "--generation_max_length",
            "8",
            "--learning_rate",
            "3e-2",
            "--num_train_epochs",
            "2",
            "--save_strategy",
            "no",
            *more,
        ]
    )
    return [p.output for p in read_predictions(out)]


@pytest.mark.parametrize("kind", MAKE)
def test_merged_model_answers_the_same(
    kind: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import graphtalk

    base = MAKE[kind](tmp_path / "base")
    more = ["--train_embeddings"] if kind == "t5" else ["--lora_dora"]
    adapted = finetune(data, base, tmp_path / "run", "--lora", *more)
    monkeypatch.setattr(
        sys, "argv", ["graphtalk", "merge", str(tmp_path / "run"), "--out", str(tmp_path / "whole")]
    )
    with pytest.raises(SystemExit) as ended:
        graphtalk.main()
    assert not ended.value.code and str(base) in capsys.readouterr().out
    assert (
        not (tmp_path / "whole" / "adapter_config.json").exists() and not (tmp_path / "whole.part").exists()
    )
    shutil.rmtree(base)  # it needs its base no more
    assert finetune(data, tmp_path / "whole", tmp_path / "again", "--do_train", "false") == adapted
    assert len(set(adapted)) > 1

    from finetune.run.merge import merge

    for source, out, said in (
        (tmp_path / "whole", tmp_path / "new", "a plain model already"),
        (data, tmp_path / "new", "no adapters in this folder"),
        (tmp_path / "run", tmp_path / "whole", "exists already"),
        (tmp_path / "run", tmp_path / "new", "no such model folder"),
    ):
        with pytest.raises(InputError, match=said):
            merge(source, out)
    assert not (tmp_path / "new").exists()


def test_adapters_for_another_base_are_one_line(data: Path, tmp_path: Path) -> None:
    from finetune.run.merge import merge

    base = make_llama(tmp_path / "base")
    finetune(data, base, tmp_path / "run", "--lora", "--max_steps", "1")
    adapter = tmp_path / "run" / "checkpoint"
    with pytest.raises(InputError, match="make it a plain one first with `graphtalk merge`"):
        finetune(data, adapter, tmp_path / "twice", "--lora")
    shutil.rmtree(base)
    make_llama(base, seed=1)
    with pytest.raises(InputError, match="trained on other weights than those in") as said:
        merge(tmp_path / "run", tmp_path / "whole")
    assert "\n" not in str(said.value)
    with pytest.raises(InputError, match="trained on other weights"):
        finetune(data, adapter, tmp_path / "as_is", "--do_train", "false")
    shutil.copytree(adapter, tmp_path / "loose")  # without its run, only sizes can tell
    config = json.loads((tmp_path / "loose" / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = str(make_t5(tmp_path / "t5"))
    (tmp_path / "loose" / "adapter_config.json").write_text(json.dumps(config))
    with pytest.raises(InputError, match="adapters of another model than") as said:
        merge(tmp_path / "loose", tmp_path / "whole")
    assert "\n" not in str(said.value) and not (tmp_path / "whole").exists()


def test_four_bits_need_a_gpu_and_adapters(data: Path, tmp_path: Path) -> None:
    import torch

    base = make_llama(tmp_path / "base")
    with pytest.raises(InputError, match="too coarse to be trained themselves: add --lora"):
        finetune(data, base, tmp_path / "run", "--load_in_4bit")
    with pytest.raises(InputError, match="unknown dtype 'float8'"):
        finetune(data, base, tmp_path / "run", "--dtype", "float8")
    if not torch.cuda.is_available():
        with pytest.raises(InputError, match="load_in_4bit needs an NVIDIA GPU"):
            finetune(data, base, tmp_path / "run", "--load_in_4bit", "--lora")
    assert finetune(data, base, tmp_path / "run", "--dtype", "bfloat16", "--lora", "--max_steps", "1")
