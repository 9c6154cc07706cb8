"""Every prompt and answer that the public GraphQA implementation printed, byte for byte."""

import json
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from data_builders.example import Example
from data_builders.graphs.graph import Graph, graph_to_json
from data_builders.graphs.names import node_names
from data_builders.tasks import GRAPHQA, TASKS, Query
from data_builders.text.encoders import ENCODERS
from data_builders.text.formal_encoders import FORMAL
from prompting.prompts.methods import build_prompt

SHARED = Path(__file__).parents[3].parent / "shared" / "reference" / "goldens.jsonl"
# A file that the variable names must be there: a wrong path shall fail, not skip.
FILES = [SHARED] * SHARED.is_file() + [
    Path(named) for named in [os.environ.get("GRAPHTALK_GOLDENS")] if named
]
pytestmark = pytest.mark.skipif(
    not FILES, reason=f"no goldens: neither {SHARED} nor a file in GRAPHTALK_GOLDENS"
)


def records(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def names_by_id(record: dict[str, Any]) -> list[str]:
    """`names` follows the iteration order of `nodes`; ours are indexed by id."""
    return [name for _, name in sorted(zip(record["nodes"], record["names"], strict=True))]


def example(record: dict[str, Any], task_name: str, encoder: str, with_reason: bool) -> Example:
    """Our Example for a record's graph and query."""
    adjacency = {u: tuple(neighbours) for u, neighbours in record["adjacency"]}
    graph = Graph(adjacency, record["directed"], blocks=tuple(record.get("blocks", ())))
    names, task = names_by_id(record), TASKS[task_name]
    labels = {u: record["node_labels"][str(u)] for u in record.get("label_order", ())}
    query = Query(tuple(record["node_ids"]), tuple(record.get("classes", ())), labels)
    solution = task.solve(graph, query)
    witness = record.get("witness_path") or [
        step[0] if isinstance(step, list) else step for step in record.get("witness_cycle", [])
    ]
    return Example(
        id=f"{task_name}/golden/{encoder}/test/0",
        task=task_name,
        task_class=task.task_class,
        question=ENCODERS[encoder].text(graph, names) + task.ask(names, query),
        answer=task.say(solution, names, query),
        answer_kind=task.answer_kind,
        rationale=task.explain(graph, names, query, solution, witness or None) if with_reason else "",
        encoder=encoder,
        generator="golden",
        graph=graph_to_json(graph, names),
        graph_id="golden/test/0",
        num_nodes=graph.n,
        num_edges=graph.m,
        query=list(query.nodes),
        split="test",
    )


def difference(record: dict[str, Any]) -> str | None:
    """What we print otherwise than the record, or None."""
    task, encoder, method = record["task"], record["encoder"], record["method"]
    asked = example(record, task, encoder, with_reason=False)
    shown = [
        example(e, task, encoder, with_reason=method.startswith("cot")) for e in record.get("exemplars", [])
    ]
    got = (build_prompt(method, asked, shown), asked.answer)
    want = (record["question"], record["answer"])
    return None if got == want else f"{task}/{encoder}/{method}\n  got  {got!r}\n  want {want!r}"


@pytest.mark.parametrize("path", FILES, ids=str)
def test_every_record_is_printed_byte_for_byte(path: Path) -> None:
    differences = [text for text in map(difference, records(path)) if text is not None]
    assert not differences, f"{len(differences)} of {len(records(path))} differ:\n" + "\n".join(
        differences[:5]
    )


@pytest.mark.skipif(not SHARED.is_file(), reason=f"{SHARED} is not there")
def test_the_reference_file_is_whole() -> None:
    found = records(SHARED)
    assert len(found) == 351
    assert Counter(r["method"] for r in found) == {
        "zero_shot": 321,
        "zero_cot": 6,
        "few_shot": 9,
        "cot": 6,
        "cot_bag": 9,
    }
    assert {r["encoder"] for r in found} == set(ENCODERS) - set(FORMAL)
    assert {r["task"] for r in found} == set(GRAPHQA) - {"maximum_flow"}


@pytest.mark.parametrize("path", FILES, ids=str)
def test_our_names_are_the_records_names(path: Path) -> None:
    checked = 0
    for record in records(path):
        if record["encoder"] != "random":
            assert names_by_id(record) == node_names(
                ENCODERS[record["encoder"]].names, len(record["nodes"]), random.Random(0)
            )
            checked += 1
    assert checked
