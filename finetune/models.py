"""The model of a run: loaded or made, whole or with LoRA adapters."""

import hashlib
import json
from dataclasses import fields
from difflib import get_close_matches
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
import yaml
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
    T5Config,
    T5ForConditionalGeneration,
)

from data_builders.errors import InputError, check_choice
from eval.prediction import read_config
from finetune.batches.completions import end_tokens
from finetune.batches.round_trip import fit_embeddings
from finetune.config import LoraArguments, ModelArguments, check_model_folder

# tokens of a question to a model from scratch, unless its keys say n_positions; T5 itself has no limit
LONGEST = 1024
SIZES: dict[str, dict[str, Any]] = {  # deep encoder, shallow decoder: answers are short, graphs are not
    "t5_1m": {
        "d_model": 128,
        "d_kv": 32,
        "num_heads": 4,
        "d_ff": 512,
        "num_layers": 4,
        "num_decoder_layers": 1,
        "dropout_rate": 0.0,
    },
    "t5_4m": {
        "d_model": 256,
        "d_kv": 64,
        "num_heads": 4,
        "d_ff": 1024,
        "num_layers": 4,
        "num_decoder_layers": 1,
        "dropout_rate": 0.0,
    },
    "t5_16m": {
        "d_model": 512,
        "d_kv": 64,
        "num_heads": 8,
        "d_ff": 1024,
        "num_layers": 6,
        "num_decoder_layers": 2,
        "dropout_rate": 0.1,
    },
}
LINEAR_LAYERS = [
    "q",
    "k",
    "v",
    "o",
    "wi",
    "wi_0",
    "wi_1",
    "wo",
]  # every linear layer of a T5 block, v1.0 and v1.1


def read_size(model_config: str) -> dict[str, Any]:
    """T5Config keys from a size's name or a mapping; InputError for a key that T5Config does not have."""
    value = yaml.safe_load(model_config)
    if isinstance(value, str):
        return SIZES[check_choice("model_config", value, SIZES)]
    if not isinstance(value, dict):
        raise InputError(
            f"model_config must be one of {', '.join(SIZES)} or T5Config keys, e.g. {{d_model: 128, num_layers: 4}}; not {model_config}"
        )
    known = sorted({f.name for f in fields(T5Config)} | {"n_positions"})
    for key in value:
        if key not in known:
            close = ", ".join(get_close_matches(str(key), known, n=3)) or ", ".join(SIZES["t5_1m"])
            raise InputError(f"model_config: unknown key {key!r}; did you mean {close}?")
    return value


def new_model(keys: dict[str, Any], tokenizer: Any, attention: str | None = None) -> Any:
    """A T5 with random weights for a tokenizer's vocabulary."""
    try:
        config = T5Config(
            **{
                **keys,
                "vocab_size": len(tokenizer),
                "decoder_start_token_id": 0,
                "pad_token_id": 0,
                "eos_token_id": 1,
            }
        )
        config._attn_implementation = attention
        return T5ForConditionalGeneration(config)
    except (TypeError, ValueError) as error:
        raise InputError(f"model_config: {' '.join(str(error).split())}") from None


def load_model(name: str, options: ModelArguments | None = None) -> tuple[Any, Any]:
    """(model, tokenizer) by id or folder, T5 or decoder-only; a folder of adapters is laid over the model
    that it names.

    options: how the weights are held (dtype, 4 bit) and which attention is used; fp32 without them.
    """
    options = options or ModelArguments()
    if (Path(name) / "adapter_config.json").is_file():
        base = base_of(Path(name))
        model, _ = load_model(base, options)
        tokenizer = AutoTokenizer.from_pretrained(name)
        fit_embeddings(model, tokenizer)  # adapters may come with added tokens
        return lay_adapters(model, base, Path(name)), tokenizer
    check_model_folder(name)
    if Path(name).is_dir():
        name = str(
            Path(name).resolve()
        )  # adapters keep this path, and are loaded from other working directories
    more = four_bits() if options.load_in_4bit else {}
    try:
        config = AutoConfig.from_pretrained(name)
        loader = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        model = loader.from_pretrained(
            name, dtype=options.dtype, attn_implementation=options.attn_implementation, **more
        )
        tokenizer = AutoTokenizer.from_pretrained(name)
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{name}: cannot load this model: {' '.join(str(error).split())[:300]}") from None
    if not config.is_encoder_decoder:
        make_greedy(model, tokenizer)
    return model, tokenizer


def four_bits() -> dict[str, Any]:
    """How QLoRA (arXiv 2305.14314) holds a frozen model: 4-bit NormalFloat weights, computed with in bf16,
    all on this process's GPU.
    """
    if not torch.cuda.is_available():
        raise InputError(
            "load_in_4bit needs an NVIDIA GPU, and this machine has none; leave it out, or use --dtype bfloat16 to save memory"
        )
    if find_spec("bitsandbytes") is None:
        raise InputError("load_in_4bit needs bitsandbytes; install it with `pip install 'graphtalk[qlora]'`")
    bits = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": bits, "device_map": {"": torch.cuda.current_device()}}


def base_of(adapter: Path) -> str:
    """The model that a folder of adapters was trained on, by id or folder."""
    return str(
        json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    )


def lay_adapters(model: Any, base: str, adapter: Path) -> Any:
    """The model with adapters over it; InputError where they were trained on another one.

    Other sizes do not fit; other weights of the same sizes are known by the digest that the run folder around
    a checkpoint keeps.
    """
    from peft import PeftModel

    try:
        adapted = PeftModel.from_pretrained(model, str(adapter))
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{adapter}: adapters of another model than {base}: {' '.join(str(error).split())[:300]}"
        ) from None
    trained_on = (
        read_config(adapter.parent).get("model_fingerprint")
        if (adapter.parent / "config.yaml").is_file()
        else None
    )
    found = model_fingerprint(ModelArguments(base))
    if trained_on and found and trained_on != found:
        raise InputError(
            f"{adapter}: these adapters were trained on other weights than those in {base}; bring their base model back"
        )
    return adapted


def is_decoder_only(model: Any) -> bool:
    """Whether question and answer are one text to this model, as for GPT, Llama and Qwen; T5 reads one and
    writes the other.
    """
    return not model.config.is_encoder_decoder


def make_greedy(model: Any, tokenizer: Any) -> None:
    """A decoder-only model without its folder's advice about sampling, and with a token to pad with."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    said = model.generation_config
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        bos_token_id=said.bos_token_id,
        eos_token_id=end_tokens(model, tokenizer),
        pad_token_id=tokenizer.pad_token_id,
    )


def add_lora(model: Any, options: LoraArguments, trained_tokens: list[int]) -> Any:
    """The model with fresh adapters; only they, and the embedding rows of `trained_tokens`, get gradients.

    The rows are trained as peft's trainable tokens. peft's `modules_to_save=["shared"]` looks as if it did
    the same, but in transformers 5 T5's encoder, decoder and head each hold their own tied module, so that
    copy of `shared` would never be used.
    """
    from peft import LoraConfig, get_peft_model

    if hasattr(model, "merge_and_unload"):
        raise InputError(
            "lora: this model is a folder of adapters already; make it a plain one first with `graphtalk merge`"
        )
    every = (
        "all-linear" if is_decoder_only(model) else LINEAR_LAYERS
    )  # without the head, whose weights are the embeddings' in many models
    try:
        config = LoraConfig(
            task_type="CAUSAL_LM" if is_decoder_only(model) else "SEQ_2_SEQ_LM",
            r=options.lora_r,
            lora_alpha=options.lora_alpha,
            lora_dropout=options.lora_dropout,
            use_dora=options.lora_dora,
            use_rslora=options.lora_rslora,
            target_modules=options.lora_target_modules or every,
            trainable_token_indices=trained_tokens or None,
        )
        return get_peft_model(model, config)
    except ValueError as error:
        raise InputError(f"LoRA: {' '.join(str(error).split())}") from None


def length_limits(tokenizer: Any, model: Any, source: int | None, target: int | None) -> tuple[int, int]:
    """Longest question and answer in tokens: what the run asks for, else what the tokenizer or the model's
    configuration names.
    """
    own = int(tokenizer.model_max_length)
    if own > 1_000_000:  # the tokenizer says nothing
        own = int(getattr(model.config, "n_positions", 512))
    return source or own, target or own


def model_fingerprint(options: ModelArguments) -> str | None:
    """sha256 of a local model's weights, so that a run is not continued over another model; None for a model
    by id or from scratch.
    """
    folder = Path(options.model_name_or_path or "")
    if options.model_name_or_path is None or not folder.is_dir():
        return None
    weights = sorted(p for p in folder.iterdir() if p.suffix in {".safetensors", ".bin"})
    if (folder / "adapter_config.json").is_file():
        weights += sorted(Path(base_of(folder)).glob("*.safetensors"))
    digest = hashlib.sha256()
    for path in weights:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
