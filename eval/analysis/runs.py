"""Scored runs as comparable rows: by dataset and by the questions they answered, with their floors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from data_builders.errors import InputError, file_error
from data_builders.example import Example, read_lock
from data_builders.tasks import TASKS
from eval.prediction import OUTCOMES, read_config
from eval.scoring.run import ScoredRun, estimate, judge
from eval.statistics.intervals import Estimate, accuracy, macro_accuracy


@dataclass(frozen=True)
class Row:
    """One line of a table: a run, or a floor (`run` is None) on the questions of its sample.

    cells: task -> accuracy. macro is None where a floor is not known for every task. colour: index into the
        page's palette.
    """

    label: str
    cells: dict[str, Estimate]
    macro: Estimate | None
    run: ScoredRun | None = None
    colour: int = 0

    @property
    def outcomes(self) -> dict[str, int]:
        """Outcome -> number of answers, over all tasks; adds up to the number of questions."""
        counts = Counter(s.outcome for s in self.run.scores.values()) if self.run else Counter()
        return {outcome: counts[outcome] for outcome in OUTCOMES}


@dataclass(frozen=True)
class Sample:
    """Runs that answered exactly the same questions, best macro accuracy first, and the floors on those
    questions.
    """

    text: str
    examples: dict[str, list[Example]]
    rows: list[Row]
    floors: list[Row]

    def floor(self, name: str) -> Row | None:
        """The floor of that name, None where the dataset does not have it."""
        return next((row for row in self.floors if row.label == name), None)


@dataclass(frozen=True)
class Dataset:
    """One split of one dataset and what was answered on it."""

    name: str
    split: str
    path: Path
    lock: dict[str, Any]
    tasks: list[str]
    samples: list[Sample]

    @property
    def rows(self) -> list[Row]:
        """The runs of all samples."""
        return [row for sample in self.samples for row in sample.rows]

    @property
    def examples(self) -> list[Example]:
        """The questions of all samples; one that several samples share comes several times."""
        return [e for sample in self.samples for examples in sample.examples.values() for e in examples]


@dataclass(frozen=True)
class Report:
    """All datasets, and one line for each folder that could not be used."""

    datasets: list[Dataset]
    left_out: list[str]


MAJORITY, RANDOM, SHORTCUT, TREES = "majority", "random", "shortcut", "trees"
FLOORS = {
    MAJORITY: ("majority",),
    RANDOM: ("random",),
    SHORTCUT: ("rule", "majority"),
    TREES: ("trees_two_hop", "trees_degree", "trees_size", "majority"),
}
"""Row -> the floors of `eval.scoring.floors` that it takes: the first one that a task has."""


def gather(
    runs: Sequence[Path], data: Sequence[Path] = (), strict: bool = False, count_reader: bool = False
) -> Report:
    """Judge runs and group those that can be compared.

    Runs are scored again from their predictions, so that a report cannot lag behind them. data: dataset
    folders to look in first, matched by fingerprint. A run that cannot be scored is listed under `left_out`;
    InputError is raised instead if `strict`, or if none can be scored.
    count_reader: see `eval.scoring.run.judge`.
    """
    places = dataset_places(data)
    scored: list[ScoredRun] = []
    left_out: list[str] = []
    floors: dict[Any, Any] = {}  # Runs on the same questions share their floors.
    for run in dict.fromkeys(Path(r) for r in runs):
        try:
            scored.append(judge(run, place_of(run, places), floors, count_reader))
        except (InputError, OSError) as error:
            if strict:
                raise
            left_out.append(str(error) if isinstance(error, InputError) else file_error(error))
    if not scored:
        raise InputError(left_out[0] if left_out else "no runs given; name run folders, e.g. runs/*")
    labels = _labels(scored)
    groups: dict[tuple[str, str], list[ScoredRun]] = {}
    for j in scored:
        groups.setdefault((str(j.config["dataset_fingerprint"]), str(j.config["split"])), []).append(j)
    names = _dataset_names([group[0] for group in groups.values()])
    datasets = [_dataset(group, labels, names[fingerprint]) for (fingerprint, _), group in groups.items()]
    colours = {
        label: i
        for i, label in enumerate(dict.fromkeys(row.label for dataset in datasets for row in dataset.rows))
    }
    return Report([_coloured(dataset, colours) for dataset in datasets], left_out)


def _coloured(dataset: Dataset, colours: Mapping[str, int]) -> Dataset:
    """A label keeps its colour on every dataset."""
    samples = [
        replace(s, rows=[replace(row, colour=colours[row.label]) for row in s.rows]) for s in dataset.samples
    ]
    return replace(dataset, samples=samples)


def dataset_places(data: Sequence[Path]) -> dict[str, Path]:
    """Fingerprint -> folder, of dataset folders."""
    return {str(read_lock(folder).get("fingerprint")): Path(folder) for folder in data}


def place_of(run: Path, places: Mapping[str, Path]) -> Path | None:
    """Where a run's dataset is among `places`; None for the folder that its config names."""
    config = read_config(run)
    place = places.get(str(config.get("dataset_fingerprint")))
    if place is None and places and not Path(str(config.get("data"))).is_dir():
        return next(iter(places.values()))  # `judge` reports in one line that it is the wrong one.
    return place


def _labels(scored: Sequence[ScoredRun]) -> dict[Path, str]:
    """Folder -> label, with the folder's name where two runs on one dataset share a label."""
    keys = [
        (str(j.metrics["label"]), str(j.metrics["dataset_fingerprint"]), str(j.metrics["split"]))
        for j in scored
    ]
    return {
        j.folder: f"{key[0]} ({j.folder.resolve().name})" if keys.count(key) > 1 else key[0]
        for j, key in zip(scored, keys, strict=True)
    }


def _dataset_names(runs: Sequence[ScoredRun]) -> dict[str, str]:
    """Fingerprint -> name; datasets of one name get their folder's name too, or else their fingerprint."""
    of = {str(run.config["dataset_fingerprint"]): run for run in runs}
    folders = {key: run.data.resolve().name for key, run in of.items()}
    names = {key: str(run.lock.get("name") or folders[key]) for key, run in of.items()}
    for suffixes in (folders, {key: key[:8] for key in of}):
        counts = Counter(names.values())
        names = {
            key: f"{name} ({suffixes[key]})" if counts[name] > 1 else name for key, name in names.items()
        }
    return names


def _dataset(group: Sequence[ScoredRun], labels: Mapping[Path, str], name: str) -> Dataset:
    samples: dict[tuple[str, ...], list[ScoredRun]] = {}
    for j in group:
        ids = tuple(e.id for task in sorted(j.examples) for e in j.examples[task])
        samples.setdefault(ids, []).append(j)
    first = group[0]
    names = {task for j in group for task in j.examples}
    tasks = [*(task for task in TASKS if task in names), *sorted(names - set(TASKS))]
    largest_first = sorted(samples.values(), key=lambda js: -sum(map(len, js[0].examples.values())))
    parts = [_sample(js, labels) for js in largest_first]
    return Dataset(name, str(first.config["split"]), first.data, first.lock, tasks, parts)


def _sample(group: Sequence[ScoredRun], labels: Mapping[Path, str]) -> Sample:
    first = group[0]
    rows = []
    for j in group:
        cells = {task: estimate(t) for task, t in j.metrics["tasks"].items()}
        rows.append(Row(labels[j.folder], cells, estimate(j.metrics["macro"]), j))
    rows.sort(key=lambda row: (-row.macro.value if row.macro else 0.0, row.label))
    counts = sorted(map(len, first.examples.values()))
    total = sum(counts)
    spread = f"{counts[0]:,}" if counts[0] == counts[-1] else f"{counts[0]:,} to {counts[-1]:,}"
    which = "the first " if first.config.get("limit") else "" if first.config.get("partial") else "all "
    tasks = len(first.examples)
    of = f"each of {tasks} tasks" if tasks > 1 else "1 task"
    text = f"{which}{spread} questions of {of} ({total:,} in all)"
    return Sample(text, first.examples, rows, [row for label in FLOORS if (row := _floor(first, label))])


def _floor(scored: ScoredRun, label: str) -> Row | None:
    """A floor as a row, None where it covers no task; tasks without a shortcut or trees take the majority."""
    right: dict[str, list[bool]] = {}
    own = False
    for task, floors in scored.floors.items():
        name = next((name for name in FLOORS[label] if name in floors), None)
        if name is not None:
            right[task] = floors[name]
            own = own or name == FLOORS[label][0] or name != MAJORITY
    if not own:
        return None
    graphs = {task: [e.graph_id for e in scored.examples[task]] for task in right}
    cells = {task: accuracy(hits, graphs[task]) for task, hits in right.items()}
    return Row(label, cells, macro_accuracy(right, graphs) if len(cells) == len(scored.floors) else None)
