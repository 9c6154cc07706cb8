"""Adapters: what trains, what is left alone, and that a saved model answers as the trained one did."""

import json
from pathlib import Path

import pytest

from eval.prediction import read_config, read_predictions
from tests.helpers.finetune_data import write_dataset

pytestmark = pytest.mark.torch
SIZE = {
    "d_model": 32,
    "d_kv": 8,
    "num_heads": 4,
    "d_ff": 64,
    "num_layers": 2,
    "num_decoder_layers": 1,
    "dropout_rate": 0.0,
}
NAMES = ["Valjean", "Javert", "Cosette", "Marius", "Fantine", "Mme. Magloire", "Enjolras"]


@pytest.mark.parametrize("projection", ["relu", "gated-gelu"])
def test_adapter_with_embeddings_trains_and_reloads_exactly(projection: str, tmp_path: Path) -> None:
    import torch

    from finetune.batches.tokenizer import build_tokenizer
    from finetune.config import LoraArguments
    from finetune.learners.start import add_lora, new_model
    from language_models.load import load_model

    torch.manual_seed(0)
    tokenizer = build_tokenizer(["edge (0, 1)"], ["0", "1"])
    base = new_model({**SIZE, "feed_forward_proj": projection}, tokenizer)
    base.save_pretrained(tmp_path / "base")
    tokenizer.save_pretrained(tmp_path / "base")
    rows = [5, 6, 90]
    loaded, _ = load_model(str(tmp_path / "base"))
    model = add_lora(loaded, LoraArguments(lora=True, lora_r=4), rows)
    adapted = [name for name, _ in model.named_parameters() if "lora_A" in name]
    assert (
        len(adapted) == 4 * (2 + 2) + (3 if "gated" in projection else 2) * 3
    )  # attentions of 2 encoder and 1 decoder layers, feed-forwards
    source, target = torch.randint(3, 99, (4, 9)), torch.randint(3, 99, (4, 5))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=0.05)
    for _ in range(3):
        optimizer.zero_grad()
        model(input_ids=source, labels=target).loss.backward()
        assert all(p.grad is not None for p in model.parameters() if p.requires_grad)
        optimizer.step()
    model.eval()
    with torch.inference_mode():
        trained = model(input_ids=source, labels=target).logits
        model.save_pretrained(tmp_path / "adapter")
        tokenizer.save_pretrained(tmp_path / "adapter")
        again, _ = load_model(str(tmp_path / "adapter"))
        assert torch.equal(again.eval()(input_ids=source, labels=target).logits, trained)
        merged = again.merge_and_unload()
        assert torch.allclose(merged(input_ids=source, labels=target).logits, trained, atol=1e-5)
    moved = (merged.shared.weight != base.shared.weight).any(dim=1).nonzero().flatten().tolist()
    assert moved == rows
    assert merged.lm_head.weight is merged.shared.weight is merged.encoder.embed_tokens.weight


def test_scratch_then_unadapted_then_lora_on_new_names(tmp_path: Path) -> None:
    """The demo's chain: train on integers, answer a graph of names unadapted, adapt to it."""
    from finetune.train import main
    from language_models.decode import Decoding, generate
    from language_models.load import load_model

    plain = write_dataset(tmp_path / "plain", {"train": 40, "test": 6})
    named = write_dataset(tmp_path / "named", {"train": 40, "test": 6}, names=NAMES)
    common = [
        "--use_cpu",
        "--max_tokens_per_batch",
        "400",
        "--learning_rate",
        "3e-3",
        "--generation_max_length",
        "8",
    ]
    config = tmp_path / "scratch.yaml"
    config.write_text(
        json.dumps(
            {"model_config": SIZE, "tokenizer_datasets": [str(plain), str(named)], "num_train_epochs": 2}
        )
    )
    main([f"--config={config}", "--dataset", str(plain), "--output_dir", str(tmp_path / "t5"), *common])
    base = ["--model_name_or_path", str(tmp_path / "t5" / "checkpoint"), "--dataset", str(named), *common]
    main([*base, "--output_dir", str(tmp_path / "as_is"), "--do_train", "false"])
    main(
        [
            *base,
            "--output_dir",
            str(tmp_path / "lora"),
            "--lora",
            "--train_embeddings",
            "--num_train_epochs",
            "1",
            "--label",
            "T5 + LoRA",
        ]
    )
    assert read_config(tmp_path / "t5")["method"] == "full"
    assert (
        read_config(tmp_path / "as_is")["method"] == "none"
        and not (tmp_path / "as_is" / "checkpoint").exists()
    )
    config_of_lora = read_config(tmp_path / "lora")
    assert (config_of_lora["method"], config_of_lora["label"], config_of_lora["kind"]) == (
        "lora",
        "T5 + LoRA",
        "finetune",
    )
    metrics = json.loads((tmp_path / "lora" / "metrics.json").read_text())
    assert {task: row["n"] for task, row in metrics["tasks"].items()} == {
        "edge_existence": 6,
        "node_degree": 6,
    }

    # predicting again from the saved adapter gives what the trained model in memory gave
    main(
        [
            *base[2:],
            "--model_name_or_path",
            str(tmp_path / "lora" / "checkpoint"),
            "--output_dir",
            str(tmp_path / "again"),
            "--do_train",
            "false",
        ]
    )
    assert [p.output for p in read_predictions(tmp_path / "again")] == [
        p.output for p in read_predictions(tmp_path / "lora")
    ]
    assert [p.output for p in read_predictions(tmp_path / "as_is")] != [
        p.output for p in read_predictions(tmp_path / "lora")
    ]
    model, tokenizer = load_model(str(tmp_path / "lora" / "checkpoint"))
    text = "Is node Mme. Magloire connected to node Javert?"
    ((short, reason, count, _),) = generate(
        model.eval(), tokenizer, [tokenizer(text)["input_ids"]], Decoding(1)
    )
    assert (reason, count) == ("length", 1) and short


def test_batches_of_other_lengths_do_not_change_an_answer() -> None:
    """Padding is masked: an example answers the same alone and beside longer ones."""
    import torch

    from finetune.batches.tokenizer import build_tokenizer
    from finetune.learners.start import new_model
    from language_models.decode import Decoding, generate

    torch.manual_seed(1)
    tokenizer = build_tokenizer([], ["0", "1"])
    model = new_model(SIZE, tokenizer).eval()
    sources = [torch.randint(3, 99, (n,)).tolist() for n in (3, 12, 7)]
    together = generate(model, tokenizer, sources, Decoding(6))
    alone = [generate(model, tokenizer, [s], Decoding(6))[0] for s in sources]
    assert [said[:3] for said in together] == [said[:3] for said in alone]
    assert [said.confidence for said in together] == pytest.approx(
        [said.confidence for said in alone], rel=1e-3
    )


def test_the_confidence_is_the_probability_of_the_whole_answer() -> None:
    """Against one forward pass over question and answer; an answer that the model ends counts its end."""
    import torch

    from finetune.batches.tokenizer import build_tokenizer
    from finetune.learners.start import new_model
    from language_models.decode import Decoding, generate

    torch.manual_seed(4)
    tokenizer = build_tokenizer([], ["0", "1"])
    model = new_model(SIZE, tokenizer).eval()
    start, end = model.config.decoder_start_token_id, tokenizer.eos_token_id
    often = model.generate(input_ids=torch.tensor([[5, 6, 7]]), max_new_tokens=3, do_sample=False)[0, -1]
    ended = 0
    for n in range(3, 40):
        if n == 20:  # an untrained model hardly ever ends an answer
            with torch.no_grad():
                model.lm_head.weight[end] = 1.1 * model.lm_head.weight[often]
        source = torch.randint(3, 99, (n,))
        (said,) = generate(model, tokenizer, [source.tolist()], Decoding(5))
        whole_ids = model.generate(
            input_ids=source[None], max_new_tokens=5, do_sample=False, suppress_tokens=[0]
        )
        ids = whole_ids[0, 1:].tolist()
        whole = ids[: ids.index(end) + 1] if end in ids else ids
        logits = model(input_ids=source[None], decoder_input_ids=torch.tensor([[start, *whole[:-1]]])).logits[
            0
        ]
        logits[:, tokenizer.pad_token_id] = -torch.inf  # it is never generated
        product = logits.softmax(-1)[range(len(whole)), whole].prod().item()
        assert said.confidence == pytest.approx(product, rel=1e-4)
        ended += said.finish_reason == "stop"
    assert 0 < ended < 37
    assert generate(model, tokenizer, [[5, 6, 7]], Decoding(5, num_beams=2))[0].confidence is None
