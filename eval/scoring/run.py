"""From a run folder to its scores: every prediction judged once, none dropped, floors beside them."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example, read_examples, read_lock
from data_builders.files import file_sha256, write_text
from eval.prediction import (
    OUTCOMES,
    Prediction,
    Score,
    read_config,
    read_predictions,
    write_scores,
)
from eval.scoring.floors import floors
from eval.scoring.scorer import score
from eval.statistics.intervals import Estimate, accuracy, balanced, macro_accuracy

CONFIG_KEYS = ("data", "dataset_fingerprint", "split", "tasks")
BALANCED = ("yes_no", "label")  # kinds of few answers, which may be skewed


@dataclass(frozen=True)
class Judged:
    """A run with everything that was found out about it.

    examples: task -> the examples that the run answered, in file order.
    floors: task -> floor name -> whether that floor is correct on each of those examples.
    metrics: what metrics.json holds.
    """

    folder: Path
    config: dict[str, Any]
    data: Path
    lock: dict[str, Any]
    examples: dict[str, list[Example]]
    predictions: dict[str, Prediction]
    scores: dict[str, Score]
    floors: dict[str, dict[str, list[bool]]]
    metrics: dict[str, Any]


def score_run(run: Path, data: Path | None = None) -> dict[str, Any]:
    """Judge a run and leave scores.parquet and metrics.json in its folder; the metrics come back.

    run: the run folder. data: the dataset folder, where it is no longer the one that the run's config names.
    Raises InputError if the dataset is not the one that was answered, or if predictions are missing, doubled
    or unknown.
    """
    return judge(run, data).metrics


def print_scores(metrics: dict[str, Any], run: Path) -> None:
    """Say how a run did: each task's accuracy with its interval, then their mean."""
    for task, row in metrics["tasks"].items():
        interval = f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
        print(f"{task:20s} {row['correct']:5d} of {row['n']:5d} correct, {interval}")
    macro = metrics["macro"]
    print(
        f"{'macro accuracy':20s} {100 * macro['accuracy']:.1f} ({100 * macro['low']:.1f} to {100 * macro['high']:.1f}); see {run}"
    )


Floors = dict[str, list[bool]]


def judge(
    run: Path, data: Path | None = None, known: dict[tuple[object, ...], Floors] | None = None
) -> Judged:
    """As `score_run`, and everything comes back. known: floors that were found for earlier runs, to which
    this run's are added.
    """
    run = Path(run)
    config = _config(run)
    data, lock = _dataset(run, config, data)
    limit = config.get("limit")
    examples = {task: read_examples(data, task, config["split"])[:limit] for task in config["tasks"]}
    for task, asked in examples.items():
        if not asked:
            raise InputError(
                f"{run}: task {task} has no examples in split {config['split']!r} of {data}; nothing to score"
            )
    predictions = matched(
        str(run), read_predictions(run), [e.id for asked in examples.values() for e in asked]
    )
    scores = {e.id: score(e, predictions[e.id]) for asked in examples.values() for e in asked}
    beside: dict[str, Floors] = {}
    for task, asked in examples.items():
        key = (config["dataset_fingerprint"], config["split"], task, len(asked))
        beside[task] = (known or {}).get(key) or floors(data, task, asked)
        if known is not None:
            known[key] = beside[task]
    metrics = {
        "label": str(config.get("label") or run.resolve().name),
        "data": str(data),
        "dataset_fingerprint": config["dataset_fingerprint"],
        "split": config["split"],
        **_metrics({task: [(e, scores[e.id]) for e in asked] for task, asked in examples.items()}, beside),
    }
    write_scores(list(scores.values()), run)
    write_text(run / "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return Judged(run, config, data, lock, examples, predictions, scores, beside, metrics)


def _config(run: Path) -> dict[str, Any]:
    config = read_config(run)
    if not isinstance(config, dict):
        raise InputError(
            f"{run}/config.yaml: not a mapping; a run's config has at least {', '.join(CONFIG_KEYS)}"
        )
    absent = [key for key in CONFIG_KEYS if not config.get(key)]
    if absent:
        raise InputError(f"{run}/config.yaml: no {', '.join(absent)}; scoring needs {', '.join(CONFIG_KEYS)}")
    limit = config.get("limit")
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise InputError(
            f"{run}/config.yaml: limit is {limit!r}; it is a whole number above 0, or null for all examples"
        )
    if not isinstance(config["tasks"], list) or len(set(config["tasks"])) != len(config["tasks"]):
        raise InputError(
            f"{run}/config.yaml: tasks is {config['tasks']!r}; it is a list of task names, each once"
        )
    return config


def _dataset(run: Path, config: dict[str, Any], data: Path | None) -> tuple[Path, dict[str, Any]]:
    """The dataset folder and its lock, after a check that it holds what the run answered."""
    folder = Path(config["data"]) if data is None else Path(data)
    if data is None and not folder.is_dir():
        raise InputError(f"{run}: its dataset {folder} is not there; name where it is now with --data")
    lock = read_lock(folder)
    if lock.get("fingerprint") != config["dataset_fingerprint"]:
        found, asked = str(lock.get("fingerprint"))[:12], str(config["dataset_fingerprint"])[:12]
        raise InputError(
            f"{run}: it answered the dataset with fingerprint {asked}.., but {folder} has {found}..; name the right one with --data"
        )
    _unchanged(folder, lock, config)
    return folder, lock


def _unchanged(folder: Path, lock: dict[str, Any], config: dict[str, Any]) -> None:
    """InputError if a file that is judged against, or that the majority floor reads, is not the one that was
    built.
    """
    for task in config["tasks"]:
        for split in sorted({"train", config["split"]}):
            for path in sorted((folder / task).glob(f"{split}-*.parquet")):
                if file_sha256(path) != lock.get("files", {}).get(path.relative_to(folder).as_posix()):
                    raise InputError(
                        f"{path}: not the file that dataset.lock was written for; build the dataset again"
                    )


def matched(where: str, rows: Sequence[Prediction], asked: Sequence[str]) -> dict[str, Prediction]:
    """Predictions by example id, one for each id asked and no other, else InputError, which opens with
    `where`.
    """
    counts, wanted = Counter(p.example_id for p in rows), set(asked)
    faults = {
        "missing": [i for i in asked if i not in counts],
        "doubled": [i for i, count in counts.items() if count > 1],
        "unknown": [i for i in counts if i not in wanted],
    }
    said = [f"{len(ids)} {what} (first: {ids[0]})" for what, ids in faults.items() if ids]
    if said:
        raise InputError(
            f"{where}: its predictions do not match the {len(asked)} examples asked: {', '.join(said)}; each example needs exactly one"
        )
    return {p.example_id: p for p in rows}


def estimate(numbers: dict[str, Any]) -> Estimate:
    """An accuracy as metrics.json holds it."""
    return Estimate(numbers["accuracy"], numbers["low"], numbers["high"], numbers["n"])


def _numbers(e: Estimate) -> dict[str, float]:
    return {"accuracy": e.value, "low": e.low, "high": e.high}


def _metrics(
    judged: dict[str, list[tuple[Example, Score]]], beside: dict[str, dict[str, list[bool]]]
) -> dict[str, Any]:
    tasks: dict[str, Any] = {}
    right = {task: [s.outcome == "correct" for _, s in rows] for task, rows in judged.items()}
    graphs = {task: [e.graph_id for e, _ in rows] for task, rows in judged.items()}
    for task, rows in judged.items():
        outcomes = Counter(s.outcome for _, s in rows)
        tasks[task] = {
            "n": len(rows),
            "correct": outcomes["correct"],
            **_numbers(accuracy(right[task], graphs[task])),
            "strict_accuracy": sum(s.strict for _, s in rows) / len(rows),
            "credit": sum(s.credit for _, s in rows) / len(rows),
            "invented_nodes": sum(s.invented_nodes for _, s in rows),
            "invented_edges": sum(s.invented_edges for _, s in rows),
            "outcomes": {outcome: outcomes[outcome] for outcome in OUTCOMES},
            "floors": {name: sum(hits) / len(hits) for name, hits in beside[task].items()},
        }
        if beside[task]:
            tasks[task]["margin"] = tasks[task]["accuracy"] - max(tasks[task]["floors"].values())
        if rows[0][0].answer_kind in BALANCED:
            tasks[task]["balanced_accuracy"] = balanced(right[task], [e.answer.strip() for e, _ in rows])
    mean = macro_accuracy(right, graphs)
    strict = sum(t["strict_accuracy"] for t in tasks.values()) / len(tasks)
    return {"tasks": tasks, "macro": {**_numbers(mean), "n": mean.n, "strict_accuracy": strict}}
