"""Loads a language model by Hub id or folder: T5 or decoder-only, in 4 bit, adapters over their base."""

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import logging as hub_logging
from transformers import (
    AutoConfig,
    AutoModelForCausalLM,
    AutoModelForSeq2SeqLM,
    AutoTokenizer,
    BitsAndBytesConfig,
    GenerationConfig,
)
from transformers.utils import logging as transformers_logging

from data_builders.errors import InputError, check_choice, one_line
from language_models.folder import adapter_base, check_model_folder
from language_models.text import end_tokens

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def load_model(
    name: str,
    *,
    dtype: str | None = None,
    device: torch.device | None = None,
    attention: str | None = None,
    load_in_4bit: bool = False,
    merge: bool = False,
) -> tuple[Any, Any]:
    """Return (model, tokenizer) for a Hub id or a folder; code from the Hub is never run.

    The weights are complete, or InputError names the first tensor that is missing: transformers would fill it
    with random numbers. What the folder advises about sampling is left out; decoding is greedy.

    dtype: a key of DTYPES; None keeps what is stored, or float32 on a CPU that would only imitate 16 bits.
    device: where the model goes; None leaves it where it was loaded.
    attention: an implementation of transformers, such as `eager` or `sdpa`.
    load_in_4bit: hold the weights as QLoRA does (an NVIDIA GPU).
    merge: work adapters into the weights, which is faster than a pass through both.
    """
    _silence_libraries()
    check_model_folder(name)
    base = adapter_base(name)
    if base is not None:
        check_model_folder(base)
    tokenizer, config = _read_tokenizer(name)
    loader: Any = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
    options: dict[str, Any] = {"dtype": _choose_dtype(dtype, config, device), "trust_remote_code": False}
    options |= {"attn_implementation": attention, **(nf4_config() if load_in_4bit else {})}
    try:
        model, report = loader.from_pretrained(_absolute(base or name), output_loading_info=True, **options)
    except Exception as error:  # broken files raise the errors of many libraries
        raise InputError(f"{name}: this model cannot be loaded: {one_line(error, 300)}") from error
    if missing := sorted(report["missing_keys"]):
        raise InputError(f"{base or name}: its weights lack {len(missing)} tensors, e.g. {missing[0]}")
    _set_greedy(model, tokenizer)
    hide_router_logits(model)
    if base is not None:
        from language_models.adapters import attach_adapters

        model = attach_adapters(model, base, Path(name).expanduser(), tokenizer)
        model = model.merge_and_unload() if merge else model
    model.name_or_path = name  # what messages call it; for adapters transformers would say the base
    return model if device is None else model.to(device), tokenizer


def load_tokenizer(name: str) -> tuple[Any, bool]:
    """Return a model's tokenizer, and whether the model is an encoder-decoder; no weights are read.

    name: a model, or a folder that holds a tokenizer alone, which then counts as a decoder-only model's.
    """
    folder = Path(name).expanduser()
    has_model = any((folder / file).is_file() for file in ("config.json", "adapter_config.json"))
    if (folder / "tokenizer_config.json").is_file() and not has_model:
        return _from_pretrained(AutoTokenizer, name), False
    check_model_folder(name)
    tokenizer, config = _read_tokenizer(name)
    return tokenizer, bool(config.is_encoder_decoder)


def _read_tokenizer(name: str) -> tuple[Any, Any]:
    """The tokenizer, which adapters may bring along, and the configuration of the base model."""
    base = adapter_base(name)
    own = base is None or (Path(name).expanduser() / "tokenizer_config.json").is_file()
    tokenizer = _from_pretrained(AutoTokenizer, name if own else str(base))
    return tokenizer, _from_pretrained(AutoConfig, base or name)


def _from_pretrained(kind: Any, name: str) -> Any:
    try:
        return kind.from_pretrained(_absolute(name), trust_remote_code=False)
    except Exception as error:
        raise InputError(f"{name}: this model cannot be loaded: {one_line(error, 300)}") from error


def _absolute(name: str) -> str:
    """A folder's absolute path, since adapters keep it and are loaded from other working directories."""
    folder = Path(name).expanduser()
    return str(folder.resolve()) if folder.is_dir() else name


def _silence_libraries() -> None:
    """No library's bars, advice and tables on standard error; what is wrong becomes one line of ours."""
    transformers_logging.set_verbosity_error()  # type: ignore[no-untyped-call]
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # retries


def _set_greedy(model: Any, tokenizer: Any) -> None:
    """Replace the folder's generation settings by greedy decoding, and see to a token to pad with."""
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    stored = model.generation_config
    start = stored.decoder_start_token_id
    if start is None and model.config.is_encoder_decoder:
        start = tokenizer.pad_token_id  # as T5 does
        model.config.decoder_start_token_id = start
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        do_sample=False,
        bos_token_id=stored.bos_token_id,
        eos_token_id=end_tokens(model, tokenizer),
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=start,
    )


def hide_router_logits(model: Any) -> None:
    """Let a mixture of experts answer: one that returns its router's logits cannot generate.

    Trainers turn them on in the configuration, for the loss that balances the experts, and a folder may have
    been saved so. While it trains, each step asks for them by itself.
    """
    config = model.config.get_text_config()
    if getattr(config, "output_router_logits", False):
        config.output_router_logits = False


def nf4_config() -> dict[str, Any]:
    """Return from_pretrained's options to hold a frozen model as QLoRA does (arXiv 2305.14314).

    The weights are 4-bit NormalFloat, computations are in bf16, and all is on this process's GPU.
    """
    if not torch.cuda.is_available():
        raise InputError(
            "load_in_4bit needs an NVIDIA GPU, and this machine has none; leave it out, or use "
            "--dtype bfloat16 "
            "to save memory"
        )
    if find_spec("bitsandbytes") is None:
        raise InputError("load_in_4bit needs bitsandbytes; install it with `pip install 'graphtalk[qlora]'`")
    quantization = BitsAndBytesConfig(  # type: ignore[no-untyped-call]
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )
    return {"quantization_config": quantization, "device_map": {"": torch.cuda.current_device()}}


def choose_device(requested: str | None) -> torch.device:
    """Return the requested device, else a GPU where there is one, else the CPU; InputError if unusable."""
    if requested is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(requested)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {requested!r} cannot be used: {str(error).splitlines()[0]}; this machine always has cpu"
        ) from error
    return device


def _choose_dtype(requested: str | None, config: Any, device: torch.device | None) -> torch.dtype:
    if requested is not None:
        return DTYPES[check_choice("dtype", requested, DTYPES)]
    stored: torch.dtype = getattr(config, "dtype", None) or torch.float32
    on_cpu = device is None or device.type == "cpu"
    native = not on_cpu or (stored is torch.bfloat16 and torch.cpu._is_avx512_bf16_supported())
    return stored if native else torch.float32
