"""Prompt tuning: a few trained tokens before each question, and a model that stays as it is."""

from typing import Any

import torch

from data_builders.errors import InputError
from language_models.adapters import fit_embeddings
from language_models.text import SOFT_PROMPT, is_decoder_only


def add_soft_prompt(model: Any, tokenizer: Any, length: int) -> Any:
    """Return the model with `length` new tokens before each question, of which alone the embeddings train.

    Prompt tuning (Lester et al. 2021, arXiv 2104.08691). The tokens are the tokenizer's own, and its folder
    remembers them, so that whoever asks the saved model asks with them (`language_models.text.prompt_text`).
    Their embeddings begin as those of words of the vocabulary, as in the paper.
    """
    from peft import TrainableTokensConfig, get_peft_model

    if hasattr(model, "merge_and_unload"):
        raise InputError(
            "soft_prompt: this model is a folder of adapters already; make it a plain one first with "
            "`graphtalk merge`"
        )
    words = len(tokenizer)
    names = [f"<|soft prompt {number}|>" for number in range(length)]
    tokenizer.add_tokens(names, special_tokens=True)
    tokenizer.init_kwargs[SOFT_PROMPT] = "".join(names)
    fit_embeddings(model, tokenizer)
    ids = tokenizer.convert_tokens_to_ids(names)
    table = model.get_input_embeddings().weight
    with torch.no_grad():
        table[ids] = table[torch.randint(words, (length,))]
    task = "CAUSAL_LM" if is_decoder_only(model) else "SEQ_2_SEQ_LM"
    return get_peft_model(model, TrainableTokensConfig(task_type=task, token_indices=ids))
