"""What the page says about one answer, and what its drawing highlights."""

import json
from pathlib import Path

import networkx as nx
import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, dataset_tasks, read_examples
from data_builders.graphs.graph import graph_from_json, to_networkx
from data_builders.tasks import TASKS
from eval.prediction import OUTCOMES, Prediction, Score
from eval.report.highlights import highlight
from eval.report.reasons import ending, reason
from eval.scoring.scorer import score

KINDS = sorted({task.answer_kind for task in TASKS.values()})


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("words") / "all"
    build(
        load_config(
            None, {"tasks": ",".join(TASKS), "train": 0, "validation": 0, "test": 12, "seed": 3, "workers": 1}
        ),
        out,
    )
    return out


def test_every_answer_of_every_task_gets_a_reason(data: Path) -> None:
    for task in dataset_tasks(data):
        for e in read_examples(data, task, "test"):
            prediction = Prediction(e.id, e.answer)
            assert reason(e, prediction, score(e, prediction)).endswith("which is right."), e
            silent = Prediction(e.id, "Let me think about it.")
            assert "none can be read from the output" in reason(e, silent, score(e, silent))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("outcome", OUTCOMES)
def test_every_outcome_of_every_kind_is_put_into_words(kind: str, outcome: str) -> None:
    graph = '{"directed": false, "nodes": ["0", "1"], "edges": [[0, 1]]}'
    e = Example("i", "t", "", "", "1.", kind, "", "", "", graph, "", 2, 1, [0], "test")
    sentence = reason(e, Prediction("i", "something"), Score("i", outcome, "7", 0.0))  # type: ignore[arg-type]
    assert sentence.endswith(".") and sentence[0].isupper()


def test_another_right_path_is_said_to_be_another() -> None:
    graph = '{"directed": false, "nodes": ["0", "1", "2", "3"], "edges": [[0, 1], [1, 2], [2, 3], [0, 3]]}'
    e = Example(
        "i", "shortest_path_nodes", "", "", "0, 1, 2.", "path", "", "", "", graph, "", 4, 4, [0, 2], "test"
    )
    for text, words in (("0, 3, 2.", "which holds in the graph too."), ("0, 1, 2.", "which is right.")):
        prediction = Prediction("i", text)
        assert reason(e, prediction, score(e, prediction)).endswith(words)


@pytest.mark.parametrize(
    ("task", "kind", "gold", "text", "words"),
    [
        (
            "connected_nodes",
            "node_set",
            "1, 3.",
            "1, 2.",
            "right answer is 1, 3. The two share nodes (F1 0.50).",
        ),
        (
            "connected_nodes",
            "node_set",
            "1, 3.",
            "1, 3, 7.",
            "1 node that the graph does not have. The two share nodes (F1 0.80).",
        ),
        (
            "shortest_path_nodes",
            "path",
            "0, 1.",
            "0, 3, 2, 1.",
            "It is possible in the graph, though not what was asked (credit 0.50).",
        ),
        ("shortest_path_nodes", "path", "0, 1.", "0, 2, 1.", "It names 1 edge that the graph does not have."),
        (
            "node_degree",
            "integer",
            "2.",
            "The degree is **2**, I am sure of it. Ask me more!",
            "so it is not right in the strict sense.",
        ),
    ],
)
def test_a_reason_tells_what_an_answer_is_worth(
    task: str, kind: str, gold: str, text: str, words: str
) -> None:
    graph = '{"directed": false, "nodes": ["0", "1", "2", "3"], "edges": [[0, 1], [1, 2], [2, 3], [0, 3]]}'
    query = [0, 1] if kind == "path" else [0]
    e = Example("i", task, "", "", gold, kind, "", "", "", graph, "", 4, 4, query, "test")
    prediction = Prediction("i", text)
    assert reason(e, prediction, score(e, prediction)).endswith(words)


def test_an_ending_tells_what_was_recorded() -> None:
    assert ending(Prediction("i", "")) == "ended by itself"
    assert ending(Prediction("i", "", "error")) == "failed"
    assert (
        ending(Prediction("i", "", "content_filter", 1000, 2, 0.001))
        == "content_filter; 1,000 tokens in, 2 out; less than 0.01 s"
    )


def edges_of(e: Example) -> tuple[list[tuple[int, int]], "nx.Graph[int]"]:
    graph, _ = graph_from_json(e.graph)
    return [(u, v) for u, v in highlight(e)[1]], to_networkx(graph)


def test_what_is_highlighted_lies_in_the_graph(data: Path) -> None:
    for task in dataset_tasks(data):
        for e in read_examples(data, task, "test"):
            nodes, _ = highlight(e)
            edges, graph = edges_of(e)
            assert all(graph.has_edge(u, v) for u, v in edges), (task, edges)
            assert set(nodes) <= set(graph) and not set(nodes) & set(e.query)


def value(e: Example) -> int:
    return int(e.answer.strip().rstrip(".").split()[0])


def test_what_is_highlighted_gives_the_answer(data: Path) -> None:
    checked = 0
    for e in (e for task in dataset_tasks(data) for e in read_examples(data, task, "test")):
        edges, graph = edges_of(e)
        number = e.answer.strip().rstrip(".").isdigit()
        weights = [graph.edges[u, v].get("weight", 1) for u, v in edges]
        match e.task:
            case "shortest_path" | "diameter" | "node_degree" | "maximum_matching_size" if number:
                assert len(edges) == value(e), e
            case "weighted_shortest_path" | "minimum_spanning_tree_weight" | "maximum_flow" if number:
                assert sum(weights) == value(e), e
            case "edge_existence" | "reachability" | "cycle_check" | "directed_cycle_check":
                assert bool(edges) == e.answer.strip().startswith("Yes"), e
            case "connected_nodes" | "disconnected_nodes":
                names = json.loads(e.graph)["nodes"]
                assert {names[u] for u in highlight(e)[0]} == set(
                    e.answer.strip().removesuffix(".").split(", ")
                ) - {"No nodes"}, e
            case "hamiltonian_path" | "shortest_path_nodes":
                stops = e.answer.strip().removesuffix(".").split(", ")
                assert len(edges) == (0 if "no" in stops[0].split() else len(stops) - 1), e
            case _:
                continue
        checked += 1
    assert checked > 120
