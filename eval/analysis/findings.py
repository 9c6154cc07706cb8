"""What the numbers show, in words, by rule: nothing is called above or below unless the 95% intervals do not
touch.
"""

import json
from collections.abc import Sequence

from data_builders.tasks.shortcuts import RULES
from eval.analysis.runs import MAJORITY, SHORTCUT, TREES, Dataset, Row, Sample
from eval.statistics.intervals import Estimate, above

Finding = tuple[str, list[str]]  # what it is about ('' for the dataset as a whole), and the sentences


def percent(share: float) -> str:
    return f"{100 * share:.1f}"


def with_interval(e: Estimate) -> str:
    """`63.1 [60.2, 65.9]`"""
    return f"{percent(e.value)} [{percent(e.low)}, {percent(e.high)}]"


def spoken(e: Estimate) -> str:
    """`63.1% [60.2, 65.9]`"""
    return f"{percent(e.value)}% [{percent(e.low)}, {percent(e.high)}]"


def listed(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def findings(dataset: Dataset) -> list[Finding]:
    """What is to say about each run of a dataset, best macro accuracy first, then about the dataset as a
    whole.
    """
    out: list[Finding] = []
    rows = sorted(dataset.rows, key=lambda row: (-_macro(row).value, row.label))
    for row in rows:
        sample = next(s for s in dataset.samples if row in s.rows)
        against = [
            _against_majority(row, sample),
            _against_shortcuts(row, sample),
            _against_trees(row, sample),
        ]
        said = [_against_runs(row, rows), *against, _strict(row), _silent(row)]
        out.append((row.label, [text for text in said if text]))
    caveats = (
        [text for sample in dataset.samples for text in _caveats(sample)]
        + _leakage(dataset)
        + _versions(dataset)
    )
    return [*out, ("", caveats)] if caveats else out


def _macro(row: Row) -> Estimate:
    assert row.macro is not None, "a run has an accuracy for each of its tasks"
    return row.macro


def _tasks(names: Sequence[str]) -> str:
    return listed([name.replace("_", " ") for name in names])


def _against_runs(row: Row, rows: Sequence[Row]) -> str:
    own = _macro(row)
    alike = [r for r in rows if r is not row and set(r.cells) == set(row.cells)]
    other = [r.label for r in rows if r is not row and set(r.cells) != set(row.cells)]
    higher = [r.label for r in alike if above(_macro(r), own)]
    lower = [r.label for r in alike if above(own, _macro(r))]
    unclear = [r.label for r in alike if r.label not in higher + lower]
    said = [
        (lower, "above "),
        (unclear, "not told apart from "),
        (higher, "below "),
        (other, "not compared (other tasks) with "),
    ]
    parts = [words + listed(labels) for labels, words in said if labels]
    return f"Macro mean {spoken(own)}{': ' if parts else ''}{'; '.join(parts)}."


def _against_majority(row: Row, sample: Sample) -> str:
    floor = sample.floor(MAJORITY)
    if floor is None:
        return "The dataset has no train split, so there is no majority floor to read this against."
    tasks = [task for task in row.cells if task in floor.cells]
    won = [task for task in tasks if above(row.cells[task], floor.cells[task])]
    lost = [task for task in tasks if above(floor.cells[task], row.cells[task])]
    text = f"Above the majority floor on {len(won)} of {len(tasks)} tasks{f': {_tasks(won)}' if won else ''}"
    return f"{text}; below it on {_tasks(lost)}." if lost else f"{text}."


def _against_shortcuts(row: Row, sample: Sample) -> str:
    """Where a known rule that does not solve the task would do as well."""
    floor = sample.floor(SHORTCUT)
    ruled = [task for task in row.cells if task in RULES and floor is not None and task in floor.cells]
    if floor is None or not ruled:
        return ""
    won = [task for task in ruled if above(row.cells[task], floor.cells[task])]
    rest = [task for task in ruled if task not in won]
    if not rest:
        return f"Above the known shortcut on each of the {len(ruled)} tasks that have one."
    if not won:
        return f"On none of the {len(ruled)} tasks with a known shortcut does it show more than the shortcut would."
    return f"Above the known shortcut on {_tasks(won)}; on {_tasks(rest)} it shows no more than the shortcut would."


def _against_trees(row: Row, sample: Sample) -> str:
    """Where trees that see a few counts, and run no algorithm, would do as well."""
    floor = sample.floor(TREES)
    grown = [task for task in row.cells if row.run and floor and "trees_size" in row.run.floors[task]]
    won = [task for task in grown if floor and above(row.cells[task], floor.cells[task])]
    rest = [task for task in grown if task not in won]
    if not grown:
        return ""
    if not rest:
        return f"Above trees trained on a few counts on each of the {len(grown)} tasks that have them."
    return f"On {_tasks(rest)} it shows no more than trees trained on a few counts would{f'; above them on {_tasks(won)}' if won else ''}."


def _strict(row: Row) -> str:
    """How much less is right if the answer must stand alone where it was asked for, where that is much."""
    assert row.run is not None
    strict = row.run.metrics["macro"]["strict_accuracy"]
    if _macro(row).value - strict < 0.05:
        return ""
    return f"Read strictly, so that an answer must stand alone in its place, {percent(strict)}% instead of {percent(_macro(row).value)}%."


def _silent(row: Row) -> str:
    """How often no answer could be read, where that is often enough to matter."""
    counts = row.outcomes
    total = sum(counts.values())
    silent = {
        outcome: count for outcome, count in counts.items() if outcome not in ("correct", "wrong") and count
    }
    if 20 * sum(silent.values()) < total:
        return ""
    parts = ", ".join(f"{count} {outcome}" for outcome, count in silent.items())
    rate = percent(sum(silent.values()) / total)
    return f"No answer could be read from {rate}% of its outputs ({parts} of {total:,}); they count as not correct."


def _caveats(sample: Sample) -> list[str]:
    out = []
    best, floor = sample.rows[0], sample.floor(SHORTCUT)
    if floor is not None and floor.macro is not None and not above(_macro(best), floor.macro):
        out.append(f"On {sample.text}, no run is above the shortcuts taken together, {spoken(floor.macro)}.")
    least = min(cell.n for cell in best.cells.values())
    if least < 100:
        widest = max(cell.high - cell.low for row in sample.rows for cell in row.cells.values())
        out.append(
            f"With {sample.text}, a task's interval is up to {100 * widest:.0f} points wide: small differences cannot be seen."
        )
    return out


def _versions(dataset: Dataset) -> list[str]:
    """Which libraries differ between runs, as far as the runs recorded them; one sentence."""
    seen: dict[str, dict[str, list[str]]] = {}
    for row in dataset.rows:
        environment = row.run.folder / "environment.json" if row.run else None
        if environment is None or not environment.is_file():
            continue
        try:
            versions = dict(json.loads(environment.read_text(encoding="utf-8"))["versions"])
        except (ValueError, KeyError, TypeError):
            return [
                f"{environment} cannot be read, so it is not known whether the runs were made with the same versions."
            ]
        for package in ("graphtalk", "torch", "transformers"):
            if package in versions:
                seen.setdefault(package, {}).setdefault(str(versions[package]), []).append(row.label)
    mixed = [
        f"{package} {', '.join(f'{version} ({listed(labels)})' for version, labels in sorted(found.items()))}"
        for package, found in seen.items()
        if len(found) > 1
    ]
    return [f"The runs were made with different versions: {'; '.join(mixed)}."] if mixed else []


def _leakage(dataset: Dataset) -> list[str]:
    """What the build could not keep apart, where the lock has it."""
    found = dataset.lock.get("report") or {}
    share = (found.get("leakage") or {}).get(f"train_in_{dataset.split}", 0.0)
    if not share:
        return []
    return [
        f"{percent(share)}% of the training graphs are isomorphic to one in {dataset.split}: a model may have seen what it is asked about."
    ]
