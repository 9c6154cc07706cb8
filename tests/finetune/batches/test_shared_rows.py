"""Questions that share the reading of their graph learn and answer as each of them alone."""

from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from data_builders.example import Example
from eval.prediction import read_predictions
from tests.helpers.finetune_data import example, write_dataset

pytestmark = pytest.mark.torch
SIZE = {
    "d_model": 32,
    "d_kv": 8,
    "num_heads": 4,
    "d_ff": 64,
    "num_layers": 2,
    "num_decoder_layers": 2,
    "dropout_rate": 0.0,
}
JSON = (
    '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, '
    '"num_layers": 2, "num_decoder_layers": 1, "dropout_rate": 0.1}'
)
TASKS = ("edge_existence", "node_degree", "connected_nodes")


@pytest.fixture(scope="module", params=["eager", "sdpa"])
def setting(request: pytest.FixtureRequest) -> tuple[Any, Any, list[Example]]:
    """A T5 from random weights, its tokenizer, and three questions about each of six graphs."""
    import torch

    from finetune.batches.tokenizer import build_tokenizer
    from finetune.learners.start import new_model
    from language_models.shared_graphs import split_question

    examples = [example(task, "train", i) for task in TASKS for i in range(6)]
    texts = [part for e in examples for part in (*split_question(e.question), e.answer)]
    tokenizer = build_tokenizer(texts, [str(i) for i in range(8)])
    torch.manual_seed(0)
    return new_model(SIZE, tokenizer, request.param).eval(), tokenizer, examples


def alone(model: Any, tokenizer: Any, asked: Example) -> Any:
    """Token losses of one question by Hugging Face's own forward pass, with the graph's tokens kept from the
    question's by a plain mask.
    """
    import torch

    from language_models.shared_graphs import split_question

    graph, question = split_question(asked.question)
    head = tokenizer(graph, add_special_tokens=False)["input_ids"]
    ids = head + tokenizer(question)["input_ids"]
    mask = torch.zeros(1, 1, len(ids), len(ids))
    mask[:, :, : len(head), len(head) :] = torch.finfo(torch.float32).min
    labels = torch.tensor([tokenizer(asked.answer)["input_ids"]])
    read = model.encoder(input_ids=torch.tensor([ids]), attention_mask=mask)
    logits = model(encoder_outputs=read, attention_mask=torch.ones(1, len(ids)), labels=labels).logits
    return torch.nn.functional.cross_entropy(logits[0], labels[0], reduction="none")


def test_every_answer_token_has_the_loss_that_it_has_alone(setting: tuple[Any, Any, list[Example]]) -> None:
    import copy

    import torch

    from finetune.batches.shared_rows import SharedRows, accept_shared_rows, collate, encode_shared

    model, tokenizer, examples = setting
    rows = SharedRows(encode_shared(examples, tokenizer, 512, 512), start=0)
    assert sorted(i for row in rows.rows for i in row) == list(range(len(examples)))
    assert len(rows) == 6 and {len(row) for row in rows.rows} == {3}
    batch = collate([rows[i] for i in range(len(rows))], tokenizer.pad_token_id)
    assert batch["attention_mask"].sum(1).tolist() == rows.lengths
    taught = copy.deepcopy(model)
    accept_shared_rows(taught)
    labels = batch.pop("labels")
    logits = taught(**batch).logits
    losses = torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, reduction="none")
    for r, row in enumerate(rows.rows):
        wanted = torch.cat([alone(model, tokenizer, examples[i]) for i in row])
        assert losses[r, : len(wanted)].tolist() == pytest.approx(wanted.tolist(), abs=2e-5)
        assert (labels[r, len(wanted) :] == -100).all()
    # gradients too, and then an ordinary batch is what it was before
    losses[labels != -100].sum().backward()
    torch.stack([alone(model, tokenizer, e).sum() for e in examples]).sum().backward()
    for (name, p), q in zip(model.named_parameters(), taught.parameters(), strict=True):
        assert torch.allclose(p.grad, q.grad, atol=2e-4, rtol=1e-3), name
    model.zero_grad()
    plain = {"input_ids": batch["input_ids"][:, :9], "labels": labels[:, :3].clamp(min=0)}
    assert torch.equal(model(**plain).logits, taught(**plain).logits)


def test_answers_do_not_depend_on_the_batch(setting: tuple[Any, Any, list[Example]]) -> None:
    from finetune.batches.shared_rows import encode_shared
    from finetune.run.predict import predict

    model, tokenizer, examples = setting
    tokens = encode_shared(examples, tokenizer, 512, 512)
    together, single = (
        predict(model, tokenizer, examples, tokens, size=size, device="cpu", max_new_tokens=4)
        for size in (len(examples), 1)
    )
    assert [p.output for p in together] == [p.output for p in single]


def arguments(data: Path, run: Path, *more: str) -> list[str]:
    common = [
        "--dataset",
        str(data),
        "--output_dir",
        str(run),
        "--use_cpu",
        "--max_tokens_per_batch",
        "400",
        "--generation_max_length",
        "5",
    ]
    return [
        *common,
        "--share_graphs",
        "--max_steps",
        "12",
        "--learning_rate",
        "5e-3",
        "--gradient_accumulation_steps",
        "2",
        *more,
    ]


def test_a_run_is_validated_saved_continued_and_adapted_so(tmp_path: Path) -> None:
    import shutil

    from finetune.train import main

    data = write_dataset(tmp_path / "d", {"train": 30, "validation": 5, "test": 5}, tasks=TASKS)
    run = tmp_path / "run"
    watch = ["--eval_strategy", "steps", "--eval_steps", "4", "--save_steps", "4", "--save_total_limit", "3"]
    main(arguments(data, run, "--model_config", JSON, *watch))
    weights, said = (
        (run / "checkpoint" / "model.safetensors").read_bytes(),
        [p.output for p in read_predictions(run)],
    )
    for gone in ("checkpoint", "checkpoint-12", "checkpoint-8"):
        shutil.rmtree(run / gone)
    (run / "predictions.parquet").unlink()
    main(arguments(data, run, "--model_config", JSON, *watch))
    assert (run / "checkpoint" / "model.safetensors").read_bytes() == weights
    assert [p.output for p in read_predictions(run)] == said
    base = [
        a
        for a in arguments(data, tmp_path / "again", "--model_name_or_path", str(run / "checkpoint"))
        if a != "--share_graphs"
    ]
    main([*base, "--do_train", "false"])
    assert [p.output for p in read_predictions(tmp_path / "again")] == said
    lora = [
        *base,
        "--lora",
        "--output_dir",
        str(tmp_path / "lora"),
    ]  # that the base was trained so is remembered
    main(lora)
    adapted = [str(tmp_path / "lora" / "checkpoint") if a == str(run / "checkpoint") else a for a in base]
    main([*adapted, "--do_train", "false", "--output_dir", str(tmp_path / "lora_again")])
    first, second = ([p.output for p in read_predictions(tmp_path / name)] for name in ("lora", "lora_again"))
    assert first == second
    with pytest.raises(
        InputError, match="share_graphs with --lora needs a model that was trained with share_graphs"
    ):
        main(arguments(data, tmp_path / "no", "--model_config", JSON, "--lora"))
