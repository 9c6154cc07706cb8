"""The pages under docs/ say what is so: the worked example runs as it stands, and the tables name what there
is.
"""

import doctest
import re
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pytest

from data_builders.example import SCHEMA
from data_builders.graphs.graph import from_edges
from data_builders.graphs.names import SCHEMES
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS, Query, Task, second_opinion
from data_builders.text.encoders import ENCODERS
from eval.answers.kinds import KINDS

DOCS = Path(__file__).parents[1] / "docs"


def blocks(page: str, kind: str) -> list[str]:
    return re.findall(rf"```{kind}\n(.*?)```", (DOCS / page).read_text(encoding="utf-8"), re.DOTALL)


def test_a_task_can_be_added_as_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for table in (TASKS, second_opinion.SECOND):  # what the page adds is taken out again
        monkeypatch.setitem(table, "leaf_count", None)
    space: dict[str, Any] = {"__name__": "leaves"}
    for block in blocks("add_a_task.md", "python"):
        exec(compile(block, "docs/add_a_task.md", "exec"), space)
    tests = [space[name] for name in space if name.startswith("test_")]
    assert len(tests) == 3
    for test in tests:
        test()
    finder, parser, runner = (
        doctest.DocTestFinder(),
        doctest.DocTestParser(),
        doctest.DocTestRunner(verbose=False),
    )
    session = "\n".join(blocks("add_a_task.md", "pycon"))
    for example in (
        *finder.find(space["leaves"], "leaves", globs=space),
        parser.get_doctest(session, space, "add_a_task.md", None, 0),
    ):
        assert example.examples
        runner.run(example)
    assert runner.summarize(verbose=False).failed == 0


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
