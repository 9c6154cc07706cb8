"""How many tokens the examples of a dataset are for a given tokenizer: what fits a model's window is known
before training.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from data_builders.errors import InputError, one_line
from data_builders.files import file_sha256

COUNTED = 1000  # examples of each task and split: the first, which are a fair sample


def load_tokenizer(path: Path) -> Any:
    """The tokenizer of a tokenizer.json, or of a model folder that has one."""
    try:
        from tokenizers import Tokenizer
    except ImportError:
        raise InputError("--tokenizer needs the package tokenizers; pip install tokenizers") from None
    file = tokenizer_file(path)
    try:
        return Tokenizer.from_file(str(file))
    except Exception as error:  # the library raises Exception itself
        raise InputError(f"{file}: not a tokenizer.json that can be read ({one_line(error, 200)})") from None


def tokenizer_file(path: Path) -> Path:
    """The file of a tokenizer; InputError where there is none."""
    file = path / "tokenizer.json" if path.is_dir() else path
    if not file.is_file():
        raise InputError(f"{file}: no such file; give a tokenizer.json or a model folder that has one")
    return file


def count_tokens(folder: Path, path: Path) -> dict[str, Any]:
    """Tokens of question and answer together, task -> split -> n, mean, p95 and max, special tokens left out;
    and which tokenizer.
    """
    tokenizer, file = load_tokenizer(path), tokenizer_file(path)
    tasks: dict[str, dict[str, Any]] = {}
    for parquet in sorted(folder.glob("*/*-00000-of-*.parquet")):
        split = parquet.name.split("-")[0]
        with pq.ParquetFile(parquet) as opened:
            rows = next(opened.iter_batches(COUNTED, columns=["question", "answer"])).to_pylist()
        texts = [row["question"] + row["answer"] for row in rows]
        lengths = np.array(
            [len(each.ids) for each in tokenizer.encode_batch(texts, add_special_tokens=False)]
        )
        summary = {
            "n": len(rows),
            "mean": round(float(lengths.mean()), 1),
            "p95": int(np.quantile(lengths, 0.95)),
            "max": int(lengths.max()),
        }
        tasks.setdefault(parquet.parent.name, {})[split] = summary
    return {"tokenizer": f"{file.parent.name}/{file.name}", "sha256": file_sha256(file), "tasks": tasks}
