"""The model before training: random weights of some size, or fresh adapters over a loaded model."""

from dataclasses import fields
from difflib import get_close_matches
from typing import Any

import yaml
from transformers import T5Config, T5ForConditionalGeneration

from data_builders.errors import InputError, check_choice, one_line
from finetune.config import LoraArguments
from language_models.text import context_length, is_decoder_only

# Tokens of a question to a model from scratch, unless its keys say n_positions; T5 itself has no limit.
LONGEST_QUESTION = 1024


def _size(d_model: int, d_kv: int, layers: tuple[int, int], d_ff: int, dropout: float) -> dict[str, Any]:
    return {
        "d_model": d_model,
        "d_kv": d_kv,
        "num_heads": d_model // d_kv,
        "d_ff": d_ff,
        "num_layers": layers[0],
        "num_decoder_layers": layers[1],
        "dropout_rate": dropout,
    }


# The encoder is deep and the decoder shallow: answers are short, graphs are not.
SIZES: dict[str, dict[str, Any]] = {
    "t5_1m": _size(128, 32, (4, 1), 512, 0.0),
    "t5_4m": _size(256, 64, (4, 1), 1024, 0.0),
    "t5_16m": _size(512, 64, (6, 2), 1024, 0.1),
}
# State-space layers read these weights and pass the adapters by; peft refuses them where it knows the model.
STATE_SPACE = ("mamba", "mamba2", "falcon_mamba", "falcon_h1", "nemotron_h")
STATE_SPACE_WEIGHTS = ["out_proj", "conv1d"]


def read_size(model_config: str) -> dict[str, Any]:
    """Return T5Config's keys from a size's name or a mapping; InputError for a key that T5Config lacks."""
    value = yaml.safe_load(model_config)
    if isinstance(value, str):
        return SIZES[check_choice("model_config", value, SIZES)]
    if not isinstance(value, dict):
        raise InputError(
            f"model_config must be one of {', '.join(SIZES)} or T5Config keys, "
            f"e.g. {{d_model: 128, num_layers: 4}}; not {model_config}"
        )
    known = sorted({f.name for f in fields(T5Config)} | {"n_positions"})
    for key in value:
        if key not in known:
            close = ", ".join(get_close_matches(str(key), known, n=3)) or ", ".join(SIZES["t5_1m"])
            raise InputError(f"model_config: unknown key {key!r}; did you mean {close}?")
    return value


def new_model(keys: dict[str, Any], tokenizer: Any, attention: str | None = None) -> Any:
    """Return a T5 with random weights for a tokenizer's vocabulary."""
    special = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
    try:
        config = T5Config(**{**keys, "vocab_size": len(tokenizer), **special})
        config._attn_implementation = attention
        return T5ForConditionalGeneration(config)
    except (TypeError, ValueError) as error:
        raise InputError(f"model_config: {one_line(error)}") from None


def add_lora(model: Any, options: LoraArguments, trained_tokens: list[int]) -> Any:
    """Return the model with fresh adapters; only they and the embeddings of `trained_tokens` get gradients.

    The rows are trained as peft's trainable tokens. peft's `modules_to_save=["shared"]` looks as if it did
    the same, but in transformers 5 T5's encoder, decoder and head each hold their own tied module, so that
    copy of `shared` would never be used.
    """
    from peft import LoraConfig, get_peft_model

    if hasattr(model, "merge_and_unload"):
        raise InputError(
            "lora: this model is a folder of adapters already; make it a plain one first with "
            "`graphtalk merge`"
        )
    try:
        config = LoraConfig(
            task_type="CAUSAL_LM" if is_decoder_only(model) else "SEQ_2_SEQ_LM",
            r=options.lora_r,
            lora_alpha=options.lora_alpha,
            lora_dropout=options.lora_dropout,
            use_dora=options.lora_dora,
            use_rslora=options.lora_rslora,
            target_modules=options.lora_target_modules or "all-linear",  # but the head
            exclude_modules=STATE_SPACE_WEIGHTS if model.config.model_type in STATE_SPACE else None,
            trainable_token_indices=trained_tokens or None,
        )
        return get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"LoRA: {one_line(error)}") from None


def length_limits(tokenizer: Any, model: Any, source: int | None, target: int | None) -> tuple[int, int]:
    """Return the longest question and answer in tokens: what the run asks for, else the model's own limit."""
    own = context_length(model, tokenizer) or int(getattr(model.config, "n_positions", 512))
    return source or own, target or own
