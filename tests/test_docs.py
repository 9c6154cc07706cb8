"""The pages under docs/ say what is so: the tables name what there is."""

import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pyarrow as pa

from data_builders.example import SCHEMA
from data_builders.graphs.graph import from_edges
from data_builders.graphs.names import SCHEMES
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS, Query, Task
from data_builders.text.encoders import ENCODERS
from eval.answers.kinds import KINDS

DOCS = Path(__file__).parents[1] / "docs"


def table(page: str, first: str) -> list[list[str]]:
    """The cells of the table whose first column is called `first`."""
    text = (DOCS / page).read_text(encoding="utf-8")
    rows = re.search(rf"^\| {first} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, re.MULTILINE)
    assert rows, f"{page} has no table of {first}s"
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[1].splitlines()]


def test_the_format_names_every_column_with_its_type() -> None:
    types = {"string": pa.string(), "int32": pa.int32(), "list of int32": pa.list_(pa.int32())}
    assert [(name, types[kind]) for name, kind, _ in table("data_format.md", "column")] == [
        (f.name, f.type) for f in SCHEMA
    ]


def test_the_format_names_every_task_with_its_question() -> None:
    want = []
    for task in TASKS.values():
        nodes = Query((0, 1)[: len(drawn(task))], ("C0", "C1"))
        question = task.ask(["S", "T"], nodes).removeprefix("Q: ").partition("\n")[0]
        want.append(
            [
                task.name,
                task.task_class,
                task.answer_kind,
                task.transform,
                task.generator or task.direction,
                question,
            ]
        )
    assert table("data_format.md", "task") == want
    kinds = {task.answer_kind for task in TASKS.values()}
    assert {kind for kind, _ in table("data_format.md", "kind")} == kinds == set(KINDS)


def drawn(task: Task) -> tuple[int, ...]:
    graph = replace(GRAPH_TRANSFORMS[task.transform](from_edges(2, [(0, 1)]), Random(0)), blocks=(0, 1))
    return task.draw(graph, Random(0)).nodes


def test_the_format_names_every_encoder() -> None:
    said = {
        (True, True): "yes",
        (True, False): "only where the question does not depend on it",
        (False, True): "no",
    }
    want = [[e.name, e.names, said[e.directed, e.says_direction]] for e in ENCODERS.values()]
    assert table("data_format.md", "encoder") == want
    page = (DOCS / "data_format.md").read_text(encoding="utf-8")
    assert all(scheme in page for scheme in SCHEMES)
