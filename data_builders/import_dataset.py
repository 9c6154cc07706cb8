"""Records of other datasets -> a dataset folder of ours: their texts, with answers that are computed anew."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from data_builders.building.card import balance, imported_card, label
from data_builders.building.floors import dataset_floors
from data_builders.building.folder import fingerprint, write_lock
from data_builders.errors import InputError
from data_builders.example import SPLITS, Example, write_examples
from data_builders.files import atomic_folder, file_sha256, write_text
from data_builders.graphs.graph import graph_to_json
from data_builders.records import read_records
from data_builders.tasks import TASKS
from data_builders.text.questions import ImportedQuestion, read_question

QUESTION = ("question", "input_prompt", "problem_text", "prompt", "query", "input")
ANSWER = ("answer", "exact_answer", "target", "output")
"""What the columns are called: GraphQA and NLGraph, GraphWiz, GraphArena; the first that a record has."""


@dataclass(frozen=True)
class ImportedDataset:
    """What came of some records.

    examples: in the order of the records. theirs: example id -> the answer that its record holds.
    skipped: place of a record -> why no question of ours was made of it.
    """

    lock: dict[str, Any]
    examples: list[Example]
    theirs: dict[str, Any]
    skipped: dict[str, str]


def import_dataset(
    paths: Sequence[Path], out: Path, split: str | None = None, name: str | None = None
) -> ImportedDataset:
    """Make the dataset folder `out` of the records in some files, and return what is in it.

    A record is a row of a file with the text of a question, and its answer. The text stays as it is; the
    graph, the query and the answer are ours. split: of all records; else the one that stands in the name of
    their file (test where there is none). Raises InputError for a row without a question, where no row can be
    used, and where `out` holds anything.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out}: is there already; choose another --out")
    examples: list[Example] = []
    theirs: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    graphs: dict[tuple[str, str, str], int] = {}
    counts: Counter[tuple[str, str, str]] = Counter()
    for path in paths:
        part = split or next((s for s in SPLITS if s[:5] in path.stem), "test")
        for place, text, answer, source in _records(path):
            try:
                question = read_question(text)
            except InputError as error:
                skipped[place] = str(error)
                continue
            source = source or question.form
            key = (source, part, question.task)
            example = _example(text, question, source, part, counts[key], graphs)
            counts[key] += 1
            examples.append(example)
            theirs[example.id] = answer
    if not examples:
        first = next((f"{place}: {reason}" for place, reason in skipped.items()), "there are no rows")
        raise InputError(f"no row is a question of ours; the first: {first}")
    with atomic_folder(out) as folder:
        lock = _write(folder, examples, paths, name or out.resolve().name)
    return ImportedDataset(lock, examples, theirs, skipped)


def _records(path: Path) -> Iterator[tuple[str, str, Any, str]]:
    """Place, question, answer and GraphQA's name of the graph generator of each row."""
    for place, row in read_records(path):
        text = next((row[key] for key in QUESTION if isinstance(row.get(key), str)), None)
        if text is None:
            raise InputError(
                f"{place}: its columns are {', '.join(row)}; the question stands in {' or '.join(QUESTION)}"
            )
        answer = next((row[key] for key in ANSWER if row.get(key) is not None), None)
        yield place, text, answer, str(row.get("algorithm") or "").replace("/", " ")


def _example(
    text: str,
    question: ImportedQuestion,
    source: str,
    split: str,
    index: int,
    graphs: dict[tuple[str, str, str], int],
) -> Example:
    """graphs: source, split and graph -> its number, to which a graph that is new is added."""
    task, graph = TASKS[question.task], question.graph
    solution = task.solve(graph, question.query)
    stored = graph_to_json(graph, question.names)
    number = graphs.setdefault((source, split, stored), len(graphs))
    return Example(
        id=f"{task.name}/{source}/{question.form}/{split}/{index}",
        task=task.name,
        task_class=task.task_class,
        question=text,
        answer=task.say(solution, question.names, question.query),
        answer_kind=task.answer_kind,
        rationale="",
        encoder=question.form,
        generator=source,
        graph=stored,
        graph_id=f"{source}/{split}/{number}",
        num_nodes=graph.n,
        num_edges=graph.m,
        query=list(question.query.nodes),
        split=split,
        solution=json.dumps(solution),
    )


def _write(folder: Path, examples: Sequence[Example], paths: Sequence[Path], name: str) -> dict[str, Any]:
    """The parquet files, the card and the lock."""
    parts: dict[tuple[str, str], list[Example]] = {}
    for e in examples:
        parts.setdefault((e.task, e.split), []).append(e)
    files = {}
    for (task, split), rows in parts.items():
        file = f"{task}/{split}-00000-of-00001.parquet"
        (folder / task).mkdir(exist_ok=True)
        write_examples(rows, folder / file)
        files[file] = file_sha256(folder / file)
    tasks = [task for task in TASKS if any(task == of for of, _ in parts)]
    lock: dict[str, Any] = {
        "name": name,
        "config": {
            "tasks": tasks,
            **{split: sum(len(rows) for (_, of), rows in parts.items() if of == split) for split in SPLITS},
            "encoders": list(dict.fromkeys(e.encoder for e in examples)),
            "graphs": {path.stem: {"file": path.name, "sha256": file_sha256(path)} for path in paths},
        },
        "versions": {package: metadata.version(package) for package in ("pyarrow", "graphtalk")},
        "files": dict(sorted(files.items())),
        "fingerprint": fingerprint(files),
        "report": {
            "tasks": {
                task: {s: balance(_labels(parts[task, s])) for s in SPLITS if (task, s) in parts}
                for task in tasks
            },
            "graphs": _graph_counts(examples),
            "files": {},
            "floors": dataset_floors(folder, tasks),
        },
    }
    write_text(folder / "README.md", imported_card(lock))
    write_lock(folder, lock)
    return lock


def _graph_counts(examples: Sequence[Example]) -> dict[str, Any]:
    """Source -> split -> how many graphs; their classes are not counted."""
    ids = {(e.generator, e.split, e.graph_id) for e in examples}
    counts: dict[str, Any] = {}
    for (source, split), n in sorted(Counter((source, split) for source, split, _ in ids).items()):
        counts.setdefault(source, {})[split] = {"graphs": n, "classes": None}
    return counts


def _labels(examples: Sequence[Example]) -> Counter[str]:
    return Counter(label(json.loads(e.solution)) for e in examples)
