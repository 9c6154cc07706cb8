"""Prediction and Score: what a run leaves behind, and the folder that holds it."""

import json
import os
import platform
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

from data_builders.errors import InputError
from data_builders.files import atomic_file, inside, read_yaml, write_text

Outcome = Literal["correct", "wrong", "unparsed", "truncated", "refused", "error"]
OUTCOMES: tuple[Outcome, ...] = ("correct", "wrong", "unparsed", "truncated", "refused", "error")


@dataclass(frozen=True, slots=True)
class Prediction:
    """A model's output for one example.

    output: the raw completion, untouched.
    finish_reason: `stop`, `length`, `refusal` where a server withheld an answer, or `error` where there is no
        completion (output then says why).
    seconds: wall time that this completion took (its share of the batch's).
    confidence: in [0, 1], the probability that the model gave to the whole output, its end included, or the
        share of its samples that agree with it; None where that was not recorded.
    prompt: the whole prompt, where that is more than the example's question, else ''.
    """

    example_id: str
    output: str
    finish_reason: str = "stop"
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: float = 0.0
    confidence: float | None = None
    prompt: str = ""


@dataclass(frozen=True, slots=True)
class Score:
    """The verdict on one prediction.

    parsed: the answer that was read out of it, '' where none was. credit: in [0, 1]; 1 for correct and for
        nothing else.
    strict: whether it is correct and its answer stands alone where an answer belongs (docs/scoring.md).
    invented_nodes, invented_edges: how many nodes the answer names, and steps its path takes, that the graph
        does not have.
    unread: how many characters of an output of more than a million were not read; its end is.
    reader, read_by_model: the language model that read an unparsed output, and the outcome of its reading.
    """

    example_id: str
    outcome: Outcome
    parsed: str
    credit: float
    strict: bool = False
    invented_nodes: int = 0
    invented_edges: int = 0
    unread: int = 0
    reader: str = ""
    read_by_model: str = ""


PREDICTION_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("output", pa.string()),
        ("finish_reason", pa.string()),
        ("prompt_tokens", pa.int32()),
        ("output_tokens", pa.int32()),
        ("seconds", pa.float64()),
        ("confidence", pa.float64()),
        ("prompt", pa.string()),
    ]
)
SCORE_SCHEMA = pa.schema(
    [
        ("example_id", pa.string()),
        ("outcome", pa.string()),
        ("parsed", pa.string()),
        ("credit", pa.float64()),
        ("strict", pa.bool_()),
        ("invented_nodes", pa.int32()),
        ("invented_edges", pa.int32()),
    ]
)


def _write_rows(rows: list[Any], schema: pa.Schema, path: Path) -> None:
    with atomic_file(path) as file:
        table = pa.Table.from_pylist([asdict(r) for r in rows], schema=schema)
        pq.write_table(table, file, compression="zstd", write_page_checksum=True)


def write_predictions(predictions: list[Prediction], run: Path) -> None:
    _write_rows(predictions, PREDICTION_SCHEMA, run / "predictions.parquet")


def read_predictions(run: Path) -> list[Prediction]:
    path = inside(run, "predictions.parquet")
    if not path.is_file():
        raise InputError(
            f"{run}: no predictions.parquet; start the command that makes this run again, "
            "it continues where it stopped"
        )
    try:
        # A column that the file does not have is all None.
        table = pq.read_table(path, schema=PREDICTION_SCHEMA, page_checksum_verification=True)
        rows = table.to_pylist()
    except (pa.ArrowException, OSError, ValueError) as error:  # ValueError: bytes that are no UTF-8
        raise InputError(
            f"{path}: cannot be read as predictions ({str(error).splitlines()[0]}); columns: {_columns()}"
        ) from error
    for at, row in enumerate(rows, 1):
        for name in ("example_id", "output"):
            if row[name] is None:
                raise InputError(
                    f"{path}: row {at} has no {name}; columns: {_columns()}, "
                    "of which all but the first two may be missing"
                )
        if row["confidence"] is not None and not 0 <= row["confidence"] <= 1:
            raise InputError(
                f"{path}: row {at} has a confidence of {row['confidence']}; it is a probability, 0 to 1"
            )
    return [Prediction(**{name: value for name, value in row.items() if value is not None}) for row in rows]


def _columns() -> str:
    return ", ".join(f"{field.name} ({field.type})" for field in PREDICTION_SCHEMA)


def write_scores(scores: list[Score], run: Path) -> None:
    """Store the scores. The column `unread` is there only where an output was too long to be read whole,
    `reader` and `read_by_model` only where a language model read one.
    """
    more = {"unread": pa.int64(), "reader": pa.string(), "read_by_model": pa.string()}
    fields = [pa.field(name, kind) for name, kind in more.items() if any(getattr(s, name) for s in scores)]
    _write_rows(scores, pa.schema([*SCORE_SCHEMA, *fields]), run / "scores.parquet")


def write_config(config: dict[str, Any], run: Path) -> None:
    """Store the settings of the run. Keys that eval reads: data, dataset_fingerprint, split, tasks,
    limit, label.
    """
    run.mkdir(parents=True, exist_ok=True)
    write_text(run / "config.yaml", yaml.safe_dump(config, sort_keys=False, allow_unicode=True))


def read_config(run: Path) -> dict[str, Any]:
    """The settings of the run; InputError where the folder has none that can be read."""
    path = inside(run, "config.yaml")
    if not path.is_file():
        raise InputError(f"{run}: not a run folder (no config.yaml)")
    return read_yaml(path)


def environment() -> dict[str, Any]:
    """Versions and machine, for environment.json; nothing from the process environment, so no key can
    leak.
    """
    packages = [
        "torch",
        "transformers",
        "peft",
        "accelerate",
        "datasets",
        "deepspeed",
        "networkx",
        "tokenizers",
        "pyarrow",
        "graphtalk",
    ]
    versions = {}
    for package in packages:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "machine": platform.machine(),
        "system": platform.system(),
        "cpus": os.cpu_count(),
        "versions": versions,
    }


def write_environment(run: Path) -> None:
    write_text(run / "environment.json", json.dumps(environment(), indent=2) + "\n")
