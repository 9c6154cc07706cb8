"""Stop strings end an answer, and never the thinking before it."""

from pathlib import Path
from typing import Any

import pytest

from tests.helpers.tiny_models import make_tokenizer

pytestmark = pytest.mark.torch
STOP = ("\nQ:",)
PROMPT = "Q: 1?\nA: "


def scripted_model(folder: Path, script: str, prompt: str) -> tuple[Any, Any]:
    """A GPT-2 whose next token depends on its position alone, so that it writes `script` after `prompt`."""
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    tokenizer = make_tokenizer(folder, chat=False, ends=False, pad="<pad>")
    ids = [*tokenizer(script)["input_ids"], tokenizer.eos_token_id]
    first, size = len(tokenizer(prompt)["input_ids"]), 256
    config = GPT2Config(
        vocab_size=len(tokenizer), n_positions=size, n_embd=size, n_layer=1, n_head=1, bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id, pad_token_id=0, tie_word_embeddings=False,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    with torch.no_grad():
        for weights in (model.transformer.wte.weight, model.lm_head.weight):
            weights.zero_()
        for layer in (model.transformer.h[0].attn.c_proj, model.transformer.h[0].mlp.c_proj):
            layer.weight.zero_()
            layer.bias.zero_()
        model.transformer.wpe.weight.copy_(torch.eye(size))
        for step, token in enumerate(ids):
            model.lm_head.weight[token, first - 1 + step] = 1.0
    return model, tokenizer


@pytest.mark.parametrize("cache", [None, "static"], ids=["own loop", "transformers"])
@pytest.mark.parametrize(
    ("prompt", "script", "text"),
    [
        (PROMPT, "2.\nQ: 3?\nA: 4.", "2.\nQ:"),
        (PROMPT, "<think>\nQ: 1?\nHm.</think>2.", "<think>\nQ: 1?\nHm.</think>2."),
        (PROMPT, "<think>\nQ: 1?</think>2.\nQ: 3?", "<think>\nQ: 1?</think>2.\nQ:"),
        (PROMPT, "<think>Hm.</think>2.\nQ: 3?", "<think>Hm.</think>2.\nQ:"),
        (PROMPT + "<think>\n", "\nQ: 1?\nHm.</think>2.\nQ: 3?", "\nQ: 1?\nHm.</think>2.\nQ:"),
    ],
)
def test_a_stop_string_ends_an_answer_and_no_thinking(
    prompt: str, script: str, text: str, cache: str | None, tmp_path: Path
) -> None:
    from language_models.decode import Decoding, generate

    model, tokenizer = scripted_model(tmp_path, script, prompt)
    row = tokenizer(prompt)["input_ids"]
    (answer,) = generate(model, tokenizer, [row], Decoding(100, STOP, cache=cache))
    assert (answer.text, answer.finish_reason) == (text, "stop")


def test_thinking_that_the_limit_cuts_is_cut_and_not_stopped(tmp_path: Path) -> None:
    from language_models.decode import Decoding, generate

    model, tokenizer = scripted_model(tmp_path, "<think>\nQ: 1?\nHm.</think>2.", PROMPT)
    row = tokenizer(PROMPT)["input_ids"]
    limit = len(tokenizer("<think>\nQ: 1?")["input_ids"])
    (answer,) = generate(model, tokenizer, [row], Decoding(limit, STOP))
    assert (answer.text, answer.finish_reason) == ("<think>\nQ: 1?", "length")
