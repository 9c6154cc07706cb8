"""Soft prompts: what trains, that every way of asking asks with them, and that a run continues as it was."""

import shutil
from pathlib import Path

import pytest

from data_builders.errors import InputError
from data_builders.example import load_examples
from eval.prediction import read_config, read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama, make_t5

pytestmark = pytest.mark.torch
MODELS = {
    "t5": make_t5,
    "llama": make_llama,
    "chat": lambda folder: make_llama(folder, chat=True),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 12, "validation": 4, "test": 6})


def arguments(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    where = ["--dataset", str(data), "--model_name_or_path", str(model), "--output_dir", str(out)]
    return [*where, "--use_cpu", "--generation_max_length", "8", *more]


TRAINING = ("--soft_prompt", "3", "--learning_rate", "0.3", "--max_steps", "6", "--save_steps", "3")


@pytest.mark.parametrize("kind", ["t5", "llama", pytest.param("chat", marks=pytest.mark.slow)])
def test_three_tokens_learn_and_come_with_the_saved_model(kind: str, data: Path, tmp_path: Path) -> None:
    import torch

    from finetune.train import main
    from language_models.load import load_model
    from language_models.text import is_decoder_only, prompt_ids
    from prompting.backends.hf import HfModel
    from prompting.backends.model import ModelOptions

    base, run, again = MODELS[kind](tmp_path / "base"), tmp_path / "run", tmp_path / "again"
    main(arguments(data, base, run, *TRAINING))
    assert read_config(run)["method"] == "soft_prompt"
    answers = [p.output for p in read_predictions(run)]
    main(arguments(data, run / "checkpoint", again, "--do_train", "false"))
    assert [p.output for p in read_predictions(again)] == answers
    prompts = [e.question for e in load_examples(data, None, "test")]
    asked = HfModel(str(run / "checkpoint"), ModelOptions(8, stop=()))
    assert [asked._generate(asked._encode([p])[0])[0].text for p in prompts] == answers

    (before, plain), (after, tokenizer) = load_model(str(base)), load_model(str(run / "checkpoint"))
    chat = {"chat": kind == "chat", "decoder_only": is_decoder_only(before)}
    old, new = (prompt_ids(prompts, t, **chat) for t in (plain, tokenizer))
    soft = list(range(len(plain), len(plain) + 3))
    for short, long in zip(old, new, strict=True):
        assert [i for i in long if i in soft] == soft and [i for i in long if i not in soft] == short
    merged = dict(after.merge_and_unload().named_parameters())
    for name, value in before.named_parameters():
        assert torch.equal(merged[name][: len(value)], value), name
    rows = after.get_input_embeddings().weight[soft]
    vocabulary = before.get_input_embeddings().weight
    assert torch.cdist(rows, vocabulary).min() > 0.1  # they began as words, and have learned


@pytest.mark.parametrize("kind", ["t5", pytest.param("llama", marks=pytest.mark.slow)])
def test_a_run_that_was_stopped_ends_with_the_same_tokens(kind: str, data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    base, run = MODELS[kind](tmp_path / "base"), tmp_path / "run"
    main(arguments(data, base, run, *TRAINING))
    trained = (run / "checkpoint" / "adapter_model.safetensors").read_bytes()
    answers = [p.output for p in read_predictions(run)]
    shutil.rmtree(run / "checkpoint")
    shutil.rmtree(run / "checkpoint-6")
    (run / "predictions.parquet").unlink()
    main(arguments(data, base, run, *TRAINING))
    assert (run / "checkpoint" / "adapter_model.safetensors").read_bytes() == trained
    assert [p.output for p in read_predictions(run)] == answers


@pytest.mark.parametrize("flags", [("--lora",), ("--share_graphs",), ("--method", "grpo")])
def test_a_soft_prompt_learns_alone(flags: tuple[str, ...], data: Path, tmp_path: Path) -> None:
    from finetune.config import read_arguments

    base = make_llama(tmp_path / "base")
    with pytest.raises(InputError, match="soft_prompt learns alone"):
        read_arguments(arguments(data, base, tmp_path / "run", "--soft_prompt", "3", *flags))
    with pytest.raises(InputError, match="soft_prompt must be at least 1, not 0"):
        read_arguments(arguments(data, base, tmp_path / "run", "--soft_prompt", "0"))
