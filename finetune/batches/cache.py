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
from finetune.batches import data
from finetune.batches import shared_rows as shared
from finetune.batches.data import Tokens

LEAST = 5000  # examples; fewer are tokenised faster than they are looked up
CODE = [Path(str(module.__file__)) for module in (data, shared)]


def folder() -> Path:
    """Where the files lie: $GRAPHTALK_CACHE, else ~/.cache/graphtalk. They can be deleted at any time."""
    return Path(os.environ.get("GRAPHTALK_CACHE") or Path.home() / ".cache" / "graphtalk") / "tokens"


def cached(code: Callable[..., Tokens], examples: list[Example], tokenizer: Any, *limits: int) -> Tokens:
    """`code(examples, tokenizer, *limits)`, from disk where the same texts went through the same tokenizer
    and code before.

    code: `finetune.batches.data.encode` or `finetune.batches.shared_rows.encode_shared`.
    """
    if len(examples) < LEAST:
        return code(examples, tokenizer, *limits)
    path = folder() / f"{key(code.__name__, examples, tokenizer, limits)}.safetensors"
    if not path.is_file():
        tokens = code(examples, tokenizer, *limits)
        write(tokens, path)
        return tokens
    arrays = load_file(path)
    tokens = Tokens([], [], [e.id for e in examples])
    tokens.sources, tokens.source_ends, tokens.targets, tokens.target_ends = (arrays[name] for name in ARRAYS)
    tokens.heads = arrays["heads"].tolist() if "heads" in arrays else None
    return tokens


ARRAYS = ("sources", "source_ends", "targets", "target_ends")


def key(name: str, examples: Iterable[Example], tokenizer: Any, limits: tuple[int, ...]) -> str:
    """sha256 of all that the ids depend on: texts, tokenizer, limits, and the code that makes them."""
    digest = hashlib.sha256(repr((name, limits)).encode())
    for path in CODE:
        digest.update(path.read_bytes())
    digest.update(tokenizer.backend_tokenizer.to_str().encode())
    for example in examples:
        for text in (example.question, example.answer):
            digest.update(f"{len(text)}:{text}".encode())
    return digest.hexdigest()


def write(tokens: Tokens, path: Path) -> None:
    """The file appears whole or not at all, also where several processes write it."""
    arrays = {name: getattr(tokens, name) for name in ARRAYS}
    if tokens.heads is not None:
        arrays["heads"] = np.array(tokens.heads, dtype=np.int32)
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as file:
        file.write(save(arrays))
