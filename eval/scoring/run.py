"""From a run folder to its scores: every prediction scored once, none dropped, with the floors."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.example import SPLITS, Example, read_examples, read_lock, solution_key, verify
from data_builders.files import inside, read_json, write_text
from eval.answers.kinds import KINDS
from eval.escape import visible
from eval.prediction import (
    OUTCOMES,
    Prediction,
    Score,
    read_config,
    read_predictions,
    write_scores,
)
from eval.scoring.floors import floors
from eval.scoring.readings import add_readings, read_readings
from eval.scoring.scorer import score
from eval.statistics.intervals import Estimate, accuracy, balanced_accuracy, macro_accuracy

CONFIG_KEYS = ("data", "dataset_fingerprint", "split", "tasks")


@dataclass(frozen=True)
class ScoredRun:
    """A run with its scores, floors and metrics.

    examples: task -> the examples that the run answered, in file order.
    floors: task -> floor name -> whether that floor is correct on each of those examples.
    metrics: what metrics.json holds.
    environment: the text of environment.json, None without it. usage: what usage.json holds, {} without it.
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
    environment: str | None
    usage: dict[str, Any]


def score_run(run: Path, data: Path | None = None) -> dict[str, Any]:
    """Judge a run and leave scores.parquet and metrics.json in its folder; the metrics come back.

    run: the run folder. data: the dataset folder, where it is no longer the one that the run's config names.
    Raises InputError if the dataset is not the one that was answered, or if predictions are missing, doubled
    or unknown.
    """
    return judge(run, data).metrics


def print_tasks(metrics: dict[str, Any]) -> None:
    """Print each task's accuracy in percent with its interval and the highest floor on the same questions."""
    for task, row in metrics["tasks"].items():
        name = max(row["floors"], key=row["floors"].get, default=None)
        floor = f"highest floor {100 * row['floors'][name]:.1f} ({name})" if name else "no floor"
        print(f"{visible(task):20s} {row['correct']:5d} of {row['n']:5d} correct, {_percent(row)}; {floor}")


def print_scores(metrics: dict[str, Any], run: Path) -> None:
    """Print each task's accuracy as `print_tasks` does, then the macro mean and the run's folder."""
    print_tasks(metrics)
    print(f"{'macro accuracy':20s} {_percent(metrics['macro'])}; see {run}")


def _percent(row: Mapping[str, float]) -> str:
    return f"{100 * row['accuracy']:.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"


Floors = dict[str, list[bool]]


def judge(
    run: Path,
    data: Path | None = None,
    cache: dict[tuple[object, ...], Floors] | None = None,
    count_reader: bool = False,
) -> ScoredRun:
    """As `score_run`, and everything comes back.

    cache: the floors of earlier runs, to which this run's are added. count_reader: whether what a language
    model read out of unparsed outputs (`eval.scoring.readings`) counts in the accuracy.
    """
    run = Path(run)
    config = _config(run)
    data, lock = _dataset(run, config, data)
    limit = config.get("limit")
    examples = {task: read_examples(data, task, config["split"])[:limit] for task in config["tasks"]}
    for task, rows in examples.items():
        if not rows:
            raise InputError(
                f"{run}: task {task} has no examples in split {config['split']!r} of {data}; nothing to score"
            )
    answered = read_predictions(run)
    if config.get("partial"):  # a run that stopped early, and whose user asked for the scores so far
        known = {p.example_id for p in answered}
        examples = {
            task: kept for task, rows in examples.items() if (kept := [e for e in rows if e.id in known])
        }
    questions = [e for rows in examples.values() for e in rows]
    predictions = match_predictions(str(run), answered, [e.id for e in questions])
    readings = read_readings(run)
    scores = {e.id: score(e, predictions[e.id]) for e in questions}
    scores = add_readings(questions, predictions, scores, readings, count_reader)
    floors_of: dict[str, Floors] = {}
    for task, rows in examples.items():
        key = (config["dataset_fingerprint"], config["split"], task, len(rows))
        floors_of[task] = (cache or {}).get(key) or floors(data, task, rows)
        if cache is not None:
            cache[key] = floors_of[task]
    metrics = {
        "label": str(config.get("label") or run.resolve().name),
        "data": str(data),
        "dataset_fingerprint": config["dataset_fingerprint"],
        "split": config["split"],
        **_metrics({task: [(e, scores[e.id]) for e in rows] for task, rows in examples.items()}, floors_of),
    }
    if readings is not None:
        metrics["reader"] = {
            "model": readings.reader,
            "counted": count_reader,
            "outcomes": dict(Counter(s.read_by_model for s in scores.values() if s.read_by_model)),
            "agreement": readings.agreement,
        }
    environment, usage = (inside(run, f"{name}.json") for name in ("environment", "usage"))
    recorded = environment.read_text("utf-8", errors="replace") if environment.is_file() else None
    used = read_json(usage) if usage.is_file() else {}
    write_scores(list(scores.values()), run)
    write_text(run / "metrics.json", json.dumps(metrics, indent=2, ensure_ascii=False) + "\n")
    return ScoredRun(
        run, config, data, lock, examples, predictions, scores, floors_of, metrics, recorded, used
    )


def _config(run: Path) -> dict[str, Any]:
    config = read_config(run)
    absent = [key for key in CONFIG_KEYS if not config.get(key)]
    if absent:
        raise InputError(f"{run}/config.yaml: no {', '.join(absent)}; scoring needs {', '.join(CONFIG_KEYS)}")
    if not str(config["split"]).isalnum():  # It becomes part of a file pattern.
        raise InputError(f"{run}/config.yaml: split is {config['split']!r}; it is one of {', '.join(SPLITS)}")
    if not isinstance(config["data"], str):
        raise InputError(f"{run}/config.yaml: data is {config['data']!r}; it is the path of a dataset folder")
    limit = config.get("limit")
    if limit is not None and not (isinstance(limit, int) and limit > 0):
        raise InputError(
            f"{run}/config.yaml: limit is {limit!r}; it is a whole number above 0, or null for all examples"
        )
    tasks = config["tasks"]
    if not isinstance(tasks, list) or len(set(map(str, tasks))) != len(tasks):
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
        actual, expected = str(lock.get("fingerprint"))[:12], str(config["dataset_fingerprint"])[:12]
        raise InputError(
            f"{run}: it answered the dataset with fingerprint {expected}.., but {folder} has {actual}..; "
            "name the right one with --data"
        )
    if not isinstance(lock.get("files"), dict):
        raise InputError(f"{folder}/dataset.lock: damaged, it lists no files; build the dataset again")
    _unchanged(folder, lock, config)
    return folder, lock


def _unchanged(folder: Path, lock: dict[str, Any], config: dict[str, Any]) -> None:
    """InputError if a file that is scored against, or that the majority floor reads, is not the one that was
    built.
    """
    names = []
    for task in config["tasks"]:
        for split in sorted({"train", config["split"]}):
            for path in sorted((folder / task).glob(f"{split}-*.parquet")):
                name = path.relative_to(folder).as_posix()
                if name not in lock["files"]:
                    raise InputError(f"{path}: not a file of dataset.lock; build the dataset again")
                names.append(name)
    verify(folder, names)


def match_predictions(where: str, rows: Sequence[Prediction], ids: Sequence[str]) -> dict[str, Prediction]:
    """Predictions by example id, one for each of `ids` and no other, else InputError, which opens with
    `where`.
    """
    counts, expected = Counter(p.example_id for p in rows), set(ids)
    faults = {
        "missing": [i for i in ids if i not in counts],
        "doubled": [i for i, count in counts.items() if count > 1],
        "unknown": [i for i in counts if i not in expected],
    }
    parts = [f"{len(of)} {what} (first: {of[0]})" for what, of in faults.items() if of]
    if parts:
        raise InputError(
            f"{where}: its predictions do not match the {len(ids)} examples asked: {', '.join(parts)}; "
            "each example needs exactly one"
        )
    return {p.example_id: p for p in rows}


def estimate(numbers: dict[str, Any]) -> Estimate:
    """An accuracy as metrics.json holds it."""
    return Estimate(numbers["accuracy"], numbers["low"], numbers["high"], numbers["n"])


def _numbers(e: Estimate) -> dict[str, float]:
    return {"accuracy": e.value, "low": e.low, "high": e.high}


def _metrics(
    scored: dict[str, list[tuple[Example, Score]]], floors_of: dict[str, dict[str, list[bool]]]
) -> dict[str, Any]:
    tasks: dict[str, Any] = {}
    right = {task: [s.outcome == "correct" for _, s in rows] for task, rows in scored.items()}
    graphs = {task: [e.graph_id for e, _ in rows] for task, rows in scored.items()}
    for task, rows in scored.items():
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
            "floors": {name: sum(hits) / len(hits) for name, hits in floors_of[task].items()},
        }
        if floors_of[task]:
            tasks[task]["margin"] = tasks[task]["accuracy"] - max(tasks[task]["floors"].values())
        if KINDS[rows[0][0].answer_kind].is_word:
            tasks[task]["balanced_accuracy"] = balanced_accuracy(
                right[task], [solution_key(e) for e, _ in rows]
            )
    mean = macro_accuracy(right, graphs)
    strict = sum(t["strict_accuracy"] for t in tasks.values()) / len(tasks)
    return {"tasks": tasks, "macro": {**_numbers(mean), "n": mean.n, "strict_accuracy": strict}}
