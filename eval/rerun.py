"""A run folder that is started again: which settings differ from those of the run that it holds, which of its
answers stay, and what goes.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example
from eval.prediction import Prediction, write_predictions


def changed_settings(before: Mapping[str, Any], now: Mapping[str, Any], keys: Iterable[str]) -> list[str]:
    """The settings of two starts that differ, as `key: old -> new`.

    >>> changed_settings({"seed": 1, "label": "a"}, {"seed": 2, "label": "b"}, ["seed"])
    ['seed: 1 -> 2']
    """
    return [
        f"{key}: {_short(before.get(key))} -> {_short(now.get(key))}"
        for key in keys
        if before.get(key) != now.get(key)
    ]


def lower_limit(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The limit, where it takes fewer questions of each task than before; a higher one goes on from there.

    >>> lower_limit({"limit": None}, {"limit": 5}), lower_limit({"limit": 5}, {"limit": None})
    (['limit: all questions -> 5, which would cut the run'], [])
    """
    old, new = before.get("limit"), now.get("limit")
    if new is None or (old is not None and old <= new):
        return []
    return [f"limit: {'all questions' if old is None else old} -> {new}, which would cut the run"]


def check_rerun(out: Path, results: Sequence[str], changes: Sequence[str], overwrite: bool) -> None:
    """InputError, which names what differs, where a start would replace another run's results unasked."""
    if changes and not overwrite:
        raise InputError(
            f"{out} holds {', '.join(results[:3])} of another run ({'; '.join(changes[:3])}); "
            "use another --out, or --overwrite to replace it"
        )


def drop_results(run: Path, *patterns: str) -> None:
    """Delete the scores and predictions of another run, and what else it left that matches the patterns."""
    for pattern in ("scores.parquet", "metrics.json", "usage.json", "predictions.parquet", *patterns):
        for path in run.glob(pattern):
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def answer_new(
    run: Path,
    examples: Sequence[Example],
    kept: Sequence[Prediction],
    answer: Callable[[list[Example]], Sequence[Prediction]],
    writes: bool = True,
) -> None:
    """Answer the examples that an earlier start of the run did not, into predictions.parquet.

    kept: what it predicted. writes: False for all processes of a run but one.
    """
    by_id = {p.example_id: p for p in kept}
    new = [e for e in examples if e.id not in by_id]
    if new:
        by_id |= {p.example_id: p for p in answer(new)}
    if writes and (new or len(examples) < len(kept)):
        write_predictions([by_id[e.id] for e in examples], run)


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
