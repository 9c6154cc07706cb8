"""Token ids on disk, so that a large dataset is tokenised once."""

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file, save

from data_builders.example import Example
from data_builders.files import atomic_file
from finetune.batches import data, shared_rows
from finetune.batches.data import Tokens
from language_models import shared_graphs

MIN_EXAMPLES = 5000  # fewer are tokenised faster than they are looked up
CODE = [Path(str(module.__file__)) for module in (data, shared_rows, shared_graphs)]


def folder() -> Path:
    """Return where the files lie: $GRAPHTALK_CACHE, else ~/.cache/graphtalk; they may be deleted any time."""
    return Path(os.environ.get("GRAPHTALK_CACHE") or Path.home() / ".cache" / "graphtalk") / "tokens"


def cached(code: Callable[..., Tokens], examples: list[Example], tokenizer: Any, *limits: int) -> Tokens:
    """Return `code(examples, tokenizer, *limits)`, from disk where all that the ids depend on is the same.

    code: `finetune.batches.data.encode` or `finetune.batches.shared_rows.encode_shared`.
    """
    if len(examples) < MIN_EXAMPLES:
        return code(examples, tokenizer, *limits)
    path = folder() / f"{key(code.__name__, examples, tokenizer, limits)}.safetensors"
    if not path.is_file():
        tokens = code(examples, tokenizer, *limits)
        write(tokens, path)
        return tokens
    arrays = load_file(path)
    tokens = Tokens([], [], [e.id for e in examples])
    tokens.sources, tokens.source_ends, tokens.targets, tokens.target_ends = (arrays[name] for name in ARRAYS)
    prefix_lengths = arrays.get("prefix_lengths")
    tokens.prefix_lengths = None if prefix_lengths is None else prefix_lengths.tolist()
    return tokens


ARRAYS = ("sources", "source_ends", "targets", "target_ends")


def key(name: str, examples: Iterable[Example], tokenizer: Any, limits: tuple[int, ...]) -> str:
    """Return the sha256 of all that the ids depend on: texts, tokenizer, limits, and the code."""
    digest = hashlib.sha256(repr((name, limits)).encode())
    for path in CODE:
        digest.update(path.read_bytes())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for example in examples:
        for text in (example.question, example.answer):
            digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()


def write(tokens: Tokens, path: Path) -> None:
    """Write a file that appears whole or not at all, also where several processes write it."""
    arrays = {name: getattr(tokens, name) for name in ARRAYS}
    if tokens.prefix_lengths is not None:
        arrays["prefix_lengths"] = np.array(tokens.prefix_lengths, dtype=np.int32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(save(arrays))
