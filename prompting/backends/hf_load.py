"""From the name of a transformers model to its weights and tokenizer, or to one line that says why not."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub.utils import logging as hub_logging
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSeq2SeqLM, AutoTokenizer
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import cached_file

from data_builders.errors import InputError, check_choice
from prompting.backends.model import ModelOptions

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FOLDERS = ("models", "runs", "data")  # first words that mean a folder here and not an owner on the Hub
_SAMPLE = 1 << 20


def load(name: str, options: ModelOptions) -> tuple[Any, Any]:
    """Model (eval mode, on its device) and tokenizer; `AutoModelForSeq2SeqLM` for encoder-decoders. Code from
    the Hub is never run.
    """
    _check_there(name)
    base = adapter_base(name)
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    hub_logging.set_verbosity_error()  # type: ignore[no-untyped-call]  # it prints every retry of a machine without a network
    try:
        config = AutoConfig.from_pretrained(base or name, trust_remote_code=False)
        loader = AutoModelForSeq2SeqLM if config.is_encoder_decoder else AutoModelForCausalLM
        tokenizer = AutoTokenizer.from_pretrained(_tokenizer_home(name), trust_remote_code=False)
        device = _device(options.device)
        dtype = _dtype(options.dtype, config, device)
        model: Any = loader.from_pretrained(base or name, dtype=dtype, trust_remote_code=False)
        model = model if base is None else _adapted(model, name)
    except InputError:
        raise
    except Exception as error:  # broken files raise the errors of many libraries
        said = " ".join(str(error).split())
        raise InputError(f"model {name}: cannot be loaded: {said[:300]}") from error
    return model.to(device).eval(), tokenizer


def load_tokenizer(name: str) -> tuple[Any, bool]:
    """The tokenizer of a model, or in a folder of its own, and whether the model is an encoder-decoder; no
    weights are read.
    """
    alone = (
        (Path(name) / "tokenizer_config.json").is_file()
        and not (Path(name) / "config.json").is_file()
        and adapter_base(name) is None
    )
    if not alone:
        _check_there(name)
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            name if alone else _tokenizer_home(name), trust_remote_code=False
        )
        seq2seq = not alone and bool(
            AutoConfig.from_pretrained(adapter_base(name) or name, trust_remote_code=False).is_encoder_decoder
        )
    except InputError:
        raise
    except Exception as error:
        raise InputError(
            f"tokenizer {name}: cannot be loaded: {' '.join(str(error).split())[:300]}"
        ) from error
    return tokenizer, seq2seq


def wants_chat(name: str, tokenizer: Any, asked: bool | None) -> bool:
    """Whether prompts go into the chat template: as asked, else where there is one."""
    template = bool(tokenizer.chat_template)
    if asked and not template:
        raise InputError(f"model {name}: its tokenizer has no chat template; leave --chat out")
    return template if asked is None else asked


def prompt_ids(tokenizer: Any, prompt: str, chat: bool, system: str | None, seq2seq: bool) -> list[int]:
    """The token ids that the model is given for a prompt."""
    if chat:
        turns = [
            *([{"role": "system", "content": system}] if system else []),
            {"role": "user", "content": prompt},
        ]
        text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
        return list(tokenizer(text, add_special_tokens=False)["input_ids"])  # the template wrote them already
    prompt = f"{system}\n\n{prompt}" if system else prompt
    # most vocabularies join a space with the word after it: a prompt that ends in one asks for words that
    # never follow it
    return list(tokenizer(prompt if seq2seq else prompt.rstrip(" "))["input_ids"])


def adapter_base(name: str) -> str | None:
    """The model under a folder of LoRA adapters, as its adapter_config.json names it; None for a whole
    model.
    """
    path = Path(name).expanduser() / "adapter_config.json"
    if not path.is_file() or path.with_name("config.json").is_file():
        return None
    try:
        base = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        base = None
    if not isinstance(base, str) or not base:
        raise InputError(f"{path}: names no base_model_name_or_path, the model that the adapters belong to")
    _check_there(base)
    return base


def _adapted(model: Any, folder: str) -> Any:
    """The model with the adapters added to its weights: as fast as without them."""
    from peft import PeftModel

    return PeftModel.from_pretrained(model, folder).merge_and_unload()


def _tokenizer_home(name: str) -> str:
    base = adapter_base(name)
    return name if base is None or (Path(name).expanduser() / "tokenizer_config.json").is_file() else base


def _check_there(name: str) -> None:
    path = Path(name).expanduser()
    if path.is_dir():
        if not (path / "config.json").is_file() and not (path / "adapter_config.json").is_file():
            raise InputError(
                f"model folder {name}: no config.json in it; it needs a model saved by save_pretrained, with its tokenizer"
            )
        return
    first = Path(name).parts[0]
    if (
        first in (*_FOLDERS, ".", "..", "~", "/")
        or name.startswith(("./", "~"))
        or name.count("/") > 1
        or Path(first).is_dir()
    ):
        raise InputError(
            f"model folder {name} is not there; `graphtalk smollm2 --out {name}` makes a small one without a network"
        )


def _device(asked: str | None) -> torch.device:
    if asked is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(asked)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise InputError(
            f"device {asked!r} cannot be used: {str(error).splitlines()[0]}; this machine always has cpu"
        ) from error
    return device


def _dtype(asked: str | None, config: Any, device: torch.device) -> torch.dtype:
    """What was asked; else as stored, but float32 on a CPU that would only imitate 16-bit floats."""
    if asked is not None:
        return DTYPES[check_choice("dtype", asked, DTYPES)]
    stored = getattr(config, "dtype", None) or torch.float32
    native = device.type != "cpu" or (stored is torch.bfloat16 and torch.cpu._is_avx512_bf16_supported())
    return stored if native else torch.float32


def model_revision(name: str) -> Mapping[str, str]:
    """What tells these weights from others: the digest of a folder, or the commit of a model from the Hub.

    Of large files only the size and a megabyte at the start, the middle and the end are read: training
        changes all weights.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return {"model": name, "commit": Path(str(cached_file(name, "config.json"))).parent.name}
    digest = hashlib.sha256()
    for path in sorted(
        p
        for p in folder.iterdir()
        if p.is_file() and p.suffix in (".json", ".safetensors", ".bin", ".jinja", ".model", ".txt")
    ):
        size = path.stat().st_size
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for start in (0, size // 2, max(0, size - _SAMPLE)) if size > 3 * _SAMPLE else (0,):
                file.seek(start)
                digest.update(file.read(_SAMPLE if size > 3 * _SAMPLE else -1))
    base = adapter_base(name)
    under = {} if base is None else {"base": json.dumps(dict(model_revision(base)), sort_keys=True)}
    return {"model": folder.resolve().name, "digest": digest.hexdigest()[:32], **under}
