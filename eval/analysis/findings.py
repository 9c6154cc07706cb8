"""What the numbers show, in words, by rule: `above` and `below` mean that two 95% intervals do not touch."""

import json
from collections.abc import Sequence

from data_builders.errors import one_line
from eval.analysis.runs import FLOORS, MAJORITY, SHORTCUT, TREES, Dataset, Row, Sample
from eval.statistics.intervals import Estimate, above

Finding = tuple[str, list[str]]  # what it is about ('' for the dataset as a whole), and the sentences
NO_TRAIN = "The dataset has no train split, so there is no majority floor to read this against."


def percent(share: float) -> str:
    """A share in percent with one decimal: 0.631 is `63.1`."""
    return f"{100 * share:.1f}"


def estimate_text(e: Estimate, unit: str = "") -> str:
    """An estimate with its interval: `63.1 [60.2, 65.9]`, or with the unit `%`: `63.1% [60.2, 65.9]`."""
    return f"{percent(e.value)}{unit} [{percent(e.low)}, {percent(e.high)}]"


def join_words(names: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def findings(dataset: Dataset) -> list[Finding]:
    """Findings about each run of a dataset, best macro accuracy first, then about the dataset as a whole."""
    out: list[Finding] = []
    rows = sorted(dataset.rows, key=lambda row: (-_macro(row).value, row.label))
    for row in rows:
        sample = next(s for s in dataset.samples if row in s.rows)
        floors = [rule(row, sample) for rule in (_against_majority, _against_shortcuts, _against_trees)]
        sentences = [
            _against_runs(row, rows),
            *floors,
            _strict(row),
            _without_answer(row),
            _read_by_model(row),
            failures(row),
        ]
        sentences += [f"{line[0].upper()}{line[1:]}." for line in warnings(row)]
        out.append((row.label, [text for text in sentences if text]))
    shared = caveats(dataset)
    return [*out, ("", shared)] if shared else out


def caveats(dataset: Dataset) -> list[str]:
    """What to keep in mind about all runs of a dataset, a sentence each."""
    samples = [text for sample in dataset.samples for text in _graph_readers(sample) + _caveats(sample)]
    return samples + _leakage(dataset) + _versions(dataset)


def _macro(row: Row) -> Estimate:
    assert row.macro is not None, "a run has an accuracy for each of its tasks"
    return row.macro


def _tasks(names: Sequence[str]) -> str:
    return join_words([name.replace("_", " ") for name in names])


def _against_runs(row: Row, rows: Sequence[Row]) -> str:
    own = _macro(row)
    alike = [r for r in rows if r is not row and set(r.cells) == set(row.cells)]
    other = [r.label for r in rows if r is not row and set(r.cells) != set(row.cells)]
    higher = [r.label for r in alike if above(_macro(r), own)]
    lower = [r.label for r in alike if above(own, _macro(r))]
    unclear = [r.label for r in alike if r.label not in higher + lower]
    groups = {"above": lower, "no clear difference from": unclear, "below": higher}
    groups["not compared (other tasks) with"] = other
    parts = [f"{words} {join_words(labels)}" for words, labels in groups.items() if labels]
    return f"Macro mean {estimate_text(own, '%')}{': ' if parts else ''}{'; '.join(parts)}."


def tasks_above(row: Row, sample: Sample, kind: str) -> tuple[list[str], list[str]]:
    """The tasks that have a floor of a kind, and those of them on which the run is above it."""
    floor = sample.floor(kind)
    if floor is None or row.run is None:
        return [], []
    names = [name for name in FLOORS[kind] if name != MAJORITY or kind == MAJORITY]
    tasks = [task for task in row.cells if any(name in row.run.floors[task] for name in names)]
    return tasks, [task for task in tasks if above(row.cells[task], floor.cells[task])]


def _against_majority(row: Row, sample: Sample) -> str:
    floor = sample.floor(MAJORITY)
    if floor is None:
        return NO_TRAIN
    tasks, above_on = tasks_above(row, sample, MAJORITY)
    below_on = [task for task in tasks if above(floor.cells[task], row.cells[task])]
    text = f"Above the majority floor on {len(above_on)} of {len(tasks)} tasks"
    text += f": {_tasks(above_on)}" if above_on else ""
    return f"{text}; below it on {_tasks(below_on)}." if below_on else f"{text}."


def _against_shortcuts(row: Row, sample: Sample) -> str:
    """Where a known rule that does not solve the task would do as well."""
    tasks, above_on = tasks_above(row, sample, SHORTCUT)
    rest = [task for task in tasks if task not in above_on]
    if not tasks:
        return ""
    if not rest:
        return f"Above the known shortcut on each of the {len(tasks)} tasks that have one."
    if not above_on:
        count = len(tasks)
        return (
            f"On none of the {count} tasks with a known shortcut does it show more than the shortcut would."
        )
    more = f"Above the known shortcut on {_tasks(above_on)}"
    return f"{more}; on {_tasks(rest)} it shows no more than the shortcut would."


def _against_trees(row: Row, sample: Sample) -> str:
    """Where trees that see a few counts, and run no algorithm, would do as well."""
    tasks, above_on = tasks_above(row, sample, TREES)
    rest = [task for task in tasks if task not in above_on]
    if not tasks:
        return ""
    if not rest:
        return f"Above trees trained on a few counts on each of the {len(tasks)} tasks that have them."
    more = f"; above them on {_tasks(above_on)}" if above_on else ""
    return f"On {_tasks(rest)} it shows no more than trees trained on a few counts would{more}."


def _strict(row: Row) -> str:
    """How much less is right if the answer must stand alone where it was asked for, where that is much."""
    assert row.run is not None
    strict = row.run.metrics["macro"]["strict_accuracy"]
    if _macro(row).value - strict < 0.05:
        return ""
    shares = f"{percent(strict)}% instead of {percent(_macro(row).value)}%"
    return f"Read strictly, so that an answer must stand alone in its place, {shares}."


def _without_answer(row: Row) -> str:
    """How often no answer could be read, where that is often enough to matter."""
    counts = row.outcomes
    total = sum(counts.values())
    without = {name: count for name, count in counts.items() if name not in ("correct", "wrong") and count}
    if 20 * sum(without.values()) < total:
        return ""
    parts = ", ".join(f"{count} {name}" for name, count in without.items())
    rate = f"{percent(sum(without.values()) / total)}% of its outputs ({parts} of {total:,})"
    return f"No answer could be read from {rate}; they count as not correct."


def failures(row: Row) -> str:
    """How many requests of a run failed, and the reason of most, as its usage.json says; '' for none."""
    errors = row.run.usage.get("errors") if row.run else None
    if not isinstance(errors, dict) or not errors or not all(isinstance(n, int) for n in errors.values()):
        return ""
    reason = max(errors, key=errors.__getitem__)
    text = one_line(reason)
    text = text if len(text) <= 120 else f"{text[:117]}..."
    reasons = row.run.usage.get("finish_reasons") if row.run else None  # of `errors` it has the ten commonest
    counted = reasons.get("error") if isinstance(reasons, dict) else None
    total = counted if isinstance(counted, int) else sum(errors.values())
    requests = f"{total:,} request{'s' if total > 1 else ''} failed"
    return f"{requests}, {'all' if len(errors) == 1 else 'most'} with {text}."


def warnings(row: Row) -> list[str]:
    """What its usage.json says that a person should know about a run's answers."""
    lines = row.run.usage.get("warnings") if row.run else None
    return [line for line in lines if isinstance(line, str) and line] if isinstance(lines, list) else []


def readings(row: Row) -> tuple[int, int, int] | None:
    """Unparsed outputs in which a language model read an answer, of how many, and how many of those are
    right; None where no model has read any.
    """
    reader = row.run.metrics.get("reader") if row.run else None
    if not reader:
        return None
    read = reader["outcomes"]
    right = read.get("correct", 0)
    return right + read.get("wrong", 0), sum(read.values()), right


def _read_by_model(row: Row) -> str:
    """What would change if a language model's readings of unparsed outputs counted, and how good they are."""
    counts = readings(row)
    if row.run is None or counts is None:
        return ""
    reader, (stated, total, right) = row.run.metrics["reader"], counts
    text = f"{reader['model']} reads an answer in {stated} of {total} unparsed outputs, "
    text += f"{right} of them right; "
    text += "they count here" if reader["counted"] else "they do not count here"
    known = reader["agreement"]
    if known:
        text += f". It agrees with careful readings on {known['agree']} of {known['cases']} cases "
        text += f"({known['false_accepts']} false accepts, {known['false_rejects']} false rejects)"
    return f"{text}."


def _graph_readers(sample: Sample) -> list[str]:
    """What the best model that reads graphs (`graphtalk fit`) says about those that read their text."""
    best: dict[bool, Row] = {}
    for row in sample.rows:  # best first
        assert row.run is not None
        best.setdefault(row.run.config.get("kind") == "graph_model", row)
    if len(best) < 2:
        return []
    graph, text = (f"{best[key].label}, {estimate_text(_macro(best[key]), '%')}" for key in (True, False))
    both = f"the best model that reads the graph itself ({graph})"
    other = f"the best one that reads its text ({text})"
    if not above(_macro(best[True]), _macro(best[False])):
        return [f"On {sample.text}, {both} is not above {other}."]
    meaning = "The answers can be learned: what the other lacks lies in reading text, in its size or training"
    return [f"On {sample.text}, {both} is above {other}. {meaning}, and not in the questions."]


def _caveats(sample: Sample) -> list[str]:
    out = []
    best, floor = sample.rows[0], sample.floor(SHORTCUT)
    if floor is not None and floor.macro is not None and not above(_macro(best), floor.macro):
        together = estimate_text(floor.macro, "%")
        out.append(f"On {sample.text}, no run is above the shortcuts taken together, {together}.")
    least = min(cell.n for cell in best.cells.values())
    if least < 100:
        widest = 100 * max(cell.high - cell.low for row in sample.rows for cell in row.cells.values())
        wide = f"a task's interval is up to {widest:.0f} points wide"
        out.append(f"With {sample.text}, {wide}: small differences cannot be seen.")
    return out


def _versions(dataset: Dataset) -> list[str]:
    """Which libraries differ between runs, as far as the runs recorded them; one sentence."""
    runs_of: dict[str, dict[str, list[str]]] = {}
    for row in dataset.rows:
        if row.run is None or row.run.environment is None:
            continue
        try:
            versions = dict(json.loads(row.run.environment)["versions"])
        except (ValueError, KeyError, TypeError, RecursionError):
            unknown = "it is not known whether the runs were made with the same versions"
            return [f"{row.run.folder}/environment.json cannot be read, so {unknown}."]
        for package in ("graphtalk", "torch", "transformers"):
            if package in versions:
                runs_of.setdefault(package, {}).setdefault(str(versions[package]), []).append(row.label)
    mixed = []
    for package, runs in runs_of.items():
        parts = [f"{version} ({join_words(labels)})" for version, labels in sorted(runs.items())]
        mixed += [f"{package} {', '.join(parts)}"] if len(parts) > 1 else []
    return [f"The runs were made with different versions: {'; '.join(mixed)}."] if mixed else []


def _leakage(dataset: Dataset) -> list[str]:
    """What the build could not keep apart, where the lock has it."""
    leakage = (dataset.lock.get("report") or {}).get("leakage") or {}
    share = leakage.get(f"train_in_{dataset.split}", 0.0)
    leaked = f"{percent(share)}% of the training graphs are isomorphic to one in {dataset.split}"
    return [f"{leaked}: a model may have seen what it is asked about."] if share else []
