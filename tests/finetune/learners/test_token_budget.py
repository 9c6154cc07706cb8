"""`--max_tokens_per_batch auto`, and batches of questions that do not fit: the arithmetic and the steps that
it measures, on a CPU; what memory a GPU says it needs is put in by the test.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1}'


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 12, "test": 2})


def options_of(data: Path, run: Path, *more: str) -> Any:
    from finetune.config import parse

    return parse(["--dataset", str(data), "--output_dir", str(run), "--use_cpu", *more])


@pytest.mark.parametrize("kind", ["t5", "decoder"])
def test_steps_over_the_longest_rows_are_measured(
    kind: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The two steps run, leave no gradient behind, and a straight line through their peaks is the budget."""
    from finetune import token_budget
    from finetune.config import AUTO
    from finetune.train import make_trainer, start_model, training_examples

    model = ["--model_config", SIZE]
    if kind == "decoder":
        model = ["--model_name_or_path", str(make_llama(tmp_path / "llama"))]
    options = options_of(data, tmp_path / "run", *model, "--max_tokens_per_batch", "auto")
    assert options.data.max_tokens_per_batch == AUTO
    assert options.given["max_tokens_per_batch"] == "auto"
    trainer = make_trainer(options, *start_model(options), training_examples(options, "train"), None)
    lengths = getattr(trainer, "lengths", None) or trainer.train_dataset.lengths
    rows: list[int] = []
    monkeypatch.setattr(token_budget, "peak", lambda device: 7_000 + 1_000 * rows[-1])
    taken = trainer.compute_loss

    def compute_loss(model: Any, inputs: Any, *rest: Any) -> Any:
        assert inputs["input_ids"].shape[1] == max(lengths)
        rows.append(len(inputs["input_ids"]))
        return taken(model, inputs, *rest)

    monkeypatch.setattr(trainer, "compute_loss", compute_loss)
    got = token_budget.most_tokens(
        lambda n: token_budget.step_memory(trainer, lengths, n), max(lengths), room=57_000
    )
    assert got == 50 * max(lengths) and rows == [2, 4]
    assert all(p.grad is None for p in trainer.model.parameters())
    with pytest.raises(InputError, match="not even one row"):
        token_budget.most_tokens(lambda n: 7_000 + 1_000 * n, 300, room=7_500)


def test_auto_needs_a_gpu_and_numbers_are_numbers(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    where = ["--dataset", str(data), "--output_dir", str(tmp_path / "run"), "--use_cpu"]
    with pytest.raises(InputError, match="measures the memory of a GPU"):
        main([*where, "--model_config", SIZE, "--max_tokens_per_batch", "auto"])
    for wrong in ("0", "many", "-3"):
        with pytest.raises(InputError, match=f"must be at least 1, not {wrong}"):
            main([*where, "--model_config", SIZE, f"--max_tokens_per_batch={wrong}"])


def test_questions_that_do_not_fit_are_answered_by_halves(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from eval.prediction import read_predictions
    from finetune.run import predict
    from finetune.train import main

    where = ["--dataset", str(data), "--use_cpu", "--model_config", SIZE, "--max_steps", "1"]
    where += ["--generation_max_length", "4"]
    main([*where, "--output_dir", str(tmp_path / "whole")])
    generate, sizes = predict.generate, []

    def small(model: Any, tokenizer: Any, rows: Any, *rest: Any, **named: Any) -> Any:
        sizes.append(len(rows))
        if len(rows) > most:
            raise RuntimeError("can't allocate memory: you tried to allocate too much")
        return generate(model, tokenizer, rows, *rest, **named)

    monkeypatch.setattr(predict, "generate", small)
    most = 1
    main([*where, "--output_dir", str(tmp_path / "halves")])
    assert sizes == [4, 2, 1, 1, 2, 1, 1]
    whole, halves = (read_predictions(tmp_path / run) for run in ("whole", "halves"))
    assert [p.output for p in whole] == [p.output for p in halves]
    most = 0
    with pytest.raises(InputError, match="out of memory answering 1 questions"):
        main([*where, "--output_dir", str(tmp_path / "none")])
    assert json.loads((tmp_path / "halves" / "launch.json").read_text())["compiled"] is False
