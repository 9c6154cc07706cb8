"""Questions in the forms of other datasets: read back, solved anew, and compared with their answers."""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import graphtalk
from data_builders.building.verify import row_difference, verify
from data_builders.errors import InputError
from data_builders.example import Example, load_examples, read_examples, truth, write_examples
from data_builders.files import file_sha256
from data_builders.graphs.graph import Graph, from_edges
from data_builders.import_dataset import import_dataset
from data_builders.tasks import TASKS, Query
from data_builders.text.encoders import ENCODERS
from data_builders.text.questions import read_question
from eval.scoring.disagreements import disagreements
from prompting.outputs.imports import import_outputs
from tests.helpers.prompt_data import make_data

Write = Callable[[Graph, Query], str]


def pairs(graph: Graph, one: str = "({},{})") -> str:
    weights = graph.weights or {}
    return " ".join(one.format(u, v, weights.get((u, v), "")) for u, v in graph.edges)


def lines(graph: Graph, one: str) -> str:
    return ",\n".join(one.format(u, v, (graph.weights or {})[u, v]) for u, v in graph.edges)


RANGE = "the nodes are numbered from 0 to {}, and the edges are:"
FORMS: dict[str, tuple[str, bool, bool, Write]] = {  # task, directed, weighted, and how a question is written
    "NLGraph connectivity": (
        "reachability", False, False,
        lambda g, q: f"Is there a path? (i,j) means an edge.\nGraph: {pairs(g)} ({g.n - 1},{g.n - 1})\n"
        "Q: Is there a path between node {} and node {}?\nA:".format(*q.nodes),
    ),
    "NLGraph cycle": (
        "cycle_check", False, False,
        lambda g, q: f"In an undirected graph, (i,j) is an edge.\nThe nodes are numbered from 0 to "
        f"{g.n - 1}, and the edges are: {pairs(g)}\nQ: Is there a cycle in this graph?\nA:",
    ),
    "NLGraph flow": (
        "maximum_flow", True, True,
        lambda g, q: f"In a directed graph, {RANGE.format(g.n - 1)}\n"
        f"{lines(g, 'an edge from node {} to node {} with capacity {}')}.\n"
        "Q: What is the maximum flow from node {} to node {}?\nA:".format(*q.nodes),
    ),
    "NLGraph shortest path": (
        "weighted_shortest_path", False, True,
        lambda g, q: f"In an undirected graph, {RANGE.format(g.n - 1)}\n"
        f"{lines(g, 'an edge between node {} and node {} with weight {}')}.\n"
        "Q: Give the shortest path from node {} to node {}.\nA:".format(*q.nodes),
    ),
    "NLGraph hamilton": (
        "hamiltonian_path", False, False,
        lambda g, q: f"The nodes are numbered from 0 to {g.n - 1}, and the edges are: {pairs(g)}\n"
        "Q: Is there a path in this graph that visits every node exactly once? If yes, give the path.\nA:",
    ),
    "GraphWiz connectivity": (
        "reachability", False, False,
        lambda g, q: f"Determine it. Q: The nodes are numbered from 0 to {g.n - 1}, and the edges are: "
        f"{pairs(g, '({}, {})')}. Is there a path between node {q.nodes[0]} and node {q.nodes[1]}?",
    ),
    "GraphWiz bipartite": (
        "bipartite_check", False, False,
        lambda g, q: "Determine it. In a directed graph, (i->j) is an edge. Q: The nodes are numbered "
        f"from 0 to {g.n - 1}, and the edges are: {pairs(g, '({}->{})')}. Is this graph bipartite?",
    ),
    "GraphWiz flow": (
        "maximum_flow", True, True,
        lambda g, q: "In a directed graph, (i->j,k) is an edge. Q: The nodes are numbered from 0 to "
        f"{g.n - 1}, and the edges are: {pairs(g, '({}->{},{})')}. "
        f"What is the maximum flow from node {q.nodes[0]} to node {q.nodes[1]}?",
    ),
    "GraphWiz shortest": (
        "weighted_shortest_path", False, True,
        lambda g, q: "In an undirected graph, (i,j,k) is an edge. Q: The nodes are numbered from 0 to "
        f"{g.n - 1}, and the edges are: {pairs(g, '({},{},{})')}. "
        f"Give the weight of the shortest path from node {q.nodes[0]} to node {q.nodes[1]}.",
    ),
    "GraphArena distance": (
        "shortest_path_nodes", False, False,
        lambda g, q: "Find it.\n\n**Example 1**\n\n- Entities in this knowledge graph: E 1, F\n"
        " - E 1 is connected to F via the relationship r.\n\n**Problem to Solve**\n\n"
        f"- Entities in this knowledge graph: {', '.join(f'E {u}' for u in range(g.n))}\n"
        "- The relationships between these entities are as follows:\n"
        + "".join(f" - E {u} is connected to E {v} via the relationship of x.\n" for u, v in g.edges)
        + "Please determine the shortest path between E {} and E {} in this network.\n".format(*q.nodes)
        + "Submit your answer in the format: [Entity1, Entity2, ...]",
    ),
}  # fmt: skip


def drawn(rng: random.Random, directed: bool, weighted: bool) -> Graph:
    n = rng.randint(4, 8)
    ends = [(u, v) for u in range(n) for v in range(n) if (u != v if directed else u < v)]
    edges = sorted(rng.sample(ends, rng.randint(3, len(ends) // 2)))
    return from_edges(n, [(*e, rng.randint(1, 9)) if weighted else e for e in edges], directed)


@pytest.mark.parametrize("form", FORMS)
def test_what_was_written_is_read_back(form: str) -> None:
    task, directed, weighted, write = FORMS[form]
    rng = random.Random(form)
    count = 0
    for _ in range(40):
        graph = drawn(rng, directed, weighted)
        if TASKS[task].fits(graph):
            continue
        query = TASKS[task].draw(graph, rng)
        if form == "NLGraph connectivity":  # it says nothing of how many nodes there are
            graph = from_edges(graph.n, [*graph.edges, (graph.n - 1, graph.n - 1)])
            question = read_question(write(from_edges(graph.n, graph.edges[:-1]), query))
        else:
            question = read_question(write(graph, query))
        assert (question.task, question.query) == (task, query)
        assert question.graph.n == graph.n and set(question.graph.edges) == set(graph.edges)
        assert question.graph.weights == graph.weights
        count += 1
    assert count > 10


def test_every_method_and_encoder_of_graphqa(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", test=3)
    for e in load_examples(data, None, "test"):
        graph = json.loads(e.graph)
        shots = f"Example: {e.question.replace('0', '00')}3.\nExample: {e.question}"
        bag = e.question.replace("Q: ", "Let's construct the graph with the nodes and edges first.\nQ: ")
        for text in (e.question, f"{e.question}Let's think step by step. ", shots, bag):
            question = read_question(text)
            assert (question.task, question.names) == (e.task, graph["nodes"])
            assert [list(edge) for edge in question.graph.edges] == graph["edges"]
    graph_of = from_edges(4, [(0, 1), (1, 2), (2, 3)])
    for name in ("incident", "friendship", "social_network", "coauthorship", "expert"):
        text = ENCODERS[name].text(graph_of, ["Ann", "Bob", "Cy", "Di"])
        question = read_question(f"{text}Q: Is node Di connected to node Ann?\nA: ")
        assert (question.task, question.query.nodes) == ("edge_existence", (3, 0))
        assert question.graph.edges == graph_of.edges


def rows(form: str, count: int = 5) -> list[dict[str, Any]]:
    """Records of one form, with right answers."""
    task, directed, weighted, write = FORMS[form]
    rng, made = random.Random(form), []
    while len(made) < count:
        graph = drawn(rng, directed, weighted)
        if TASKS[task].fits(graph):
            continue
        query = TASKS[task].draw(graph, rng)
        solution = TASKS[task].solve(graph, query)
        names = [f"E {u}" if "Arena" in form else str(u) for u in range(graph.n)]
        answer: Any = TASKS[task].say(solution, names, query)
        if "Arena" in form:
            if solution is None:
                continue
            answer = len(solution) - 1
        elif "GraphWiz" in form:
            answer = f"### {answer.strip(' .')}"
        made.append({"question": write(graph, query), "answer": answer})
    return made


def dataset(folder: Path, forms: Sequence[str], change: Callable[[Any], None] = lambda rows: None) -> Path:
    made = [row for form in forms for row in rows(form)]
    change(made)
    path = folder / "records_test.json"
    path.write_text(json.dumps({str(n): row for n, row in enumerate(made)}))
    return path


LISTED = [form for form in FORMS if form != "NLGraph connectivity"]


def test_an_imported_dataset_is_one_of_ours(tmp_path: Path) -> None:
    path = dataset(tmp_path, LISTED)
    imported = import_dataset([path], tmp_path / "data")
    assert len(imported.examples) == 5 * len(LISTED) and not imported.skipped
    assert disagreements(imported.examples, imported.theirs) == []
    assert load_examples(tmp_path / "data", None, "test") == sorted(
        imported.examples, key=lambda e: (e.task, imported.examples.index(e))
    )
    verdict = verify(tmp_path / "data")
    assert verdict.difference is None and verdict.rows == len(imported.examples)
    outputs = [{"question": e.question, "output": e.answer} for e in imported.examples]
    (tmp_path / "outputs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in outputs))
    run = import_outputs([tmp_path / "outputs.jsonl"], tmp_path / "data", tmp_path / "run")
    assert run.metrics["macro"]["accuracy"] == 1 and not run.unanswered


def test_wrong_answers_of_theirs_are_found(tmp_path: Path) -> None:
    def change(made: list[dict[str, Any]]) -> None:
        made[0]["answer"] = "### 99"
        made[5]["answer"] = 1000
        made[6]["answer"] = "a path"

    path = dataset(tmp_path, ["GraphWiz flow", "GraphArena distance"], change)
    imported = import_dataset([path], tmp_path / "data")
    wrong = disagreements(imported.examples, imported.theirs)
    assert [(d.example.task, d.theirs, d.outcome) for d in wrong] == [
        ("maximum_flow", "### 99", "wrong"),
        ("shortest_path_nodes", "1000", "wrong"),
        ("shortest_path_nodes", "a path", "unparsed"),
    ]


def test_a_row_that_was_changed_is_named(tmp_path: Path) -> None:
    import_dataset([dataset(tmp_path, ["GraphWiz flow"])], tmp_path / "data")
    file = tmp_path / "data" / "maximum_flow" / "test-00000-of-00001.parquet"
    first, *others = read_examples(tmp_path / "data", "maximum_flow", "test")
    for changed, message in (
        (replace(first, answer="99.", solution="99"), "answer is '99.', but the graph gives"),
        (replace(first, question=others[0].question), "the text reads as another graph or question"),
        (replace(first, question="Q: Is it?"), "the text cannot be read back"),
    ):
        write_examples([changed, *others], file)
        lock = json.loads((tmp_path / "data" / "dataset.lock").read_text())
        lock["files"] = {name: file_sha256(file) for name in lock["files"]}
        (tmp_path / "data" / "dataset.lock").write_text(json.dumps(lock))
        assert message in str(list(_differences(tmp_path / "data")))


def _differences(data: Path) -> list[str]:
    table = load_examples(data, None, "test")
    found = [
        row_difference({name: getattr(e, name) for name in e.__slots__}, Path(e.task) / "test-0")
        for e in table
    ]
    return [text for text in found if text]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("What is the capital of France?", "no form of question that is known here"),
        ("The nodes are numbered from 0 to 3. Q: Is there a Hamiltonian path?", "no task of ours asks"),
        ("The nodes are numbered from 0 to 1, and the edges are: (0,5).\nQ: Is there a cycle in this graph?",
         "node 5 is not one of the nodes 0 to 1"),
        ("In a directed graph, (0->1) is an edge.\nQ: What is the maximum flow from node 0 to node 1?",
         "maximum_flow needs a capacity of each edge"),
        ("Q: How many nodes are in this graph?\nA: ", "the text shows no graph"),
        ("Node 1 likes golf.\nQ: Does node 0 like golf or tennis?\nA: ", "planted block"),
    ],
)  # fmt: skip
def test_what_cannot_be_a_question_of_ours_says_why(text: str, reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        read_question(text)


def test_files_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "rows.jsonl").write_text('{"text": "Q?"}\n')
    with pytest.raises(InputError, match="row 1: its columns are text; the question stands in question or"):
        import_dataset([tmp_path / "rows.jsonl"], tmp_path / "data")
    (tmp_path / "rows.jsonl").write_text('{"question": "Q?"}\n')
    with pytest.raises(InputError, match=r"no row is a question of ours; the first: .*row 1"):
        import_dataset([tmp_path / "rows.jsonl"], tmp_path / "data")
    assert not (tmp_path / "data").exists()
    with pytest.raises(InputError, match="is there already"):
        import_dataset([tmp_path / "rows.jsonl"], tmp_path)


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def change(made: list[dict[str, Any]]) -> None:
        made[0]["answer"] = "### 99"
        made.append({"question": "What?", "answer": "That."})

    path = dataset(tmp_path, ["GraphWiz flow"], change)
    words = ["import-dataset", str(path), "--out", str(tmp_path / "data"), "--split", "train"]
    monkeypatch.setattr("sys.argv", ["graphtalk", *words])
    with pytest.raises(SystemExit) as stop:
        graphtalk.main()
    printed = capsys.readouterr().out
    assert not stop.value.code and "maximum_flow: train 5" in printed
    assert "1 of their 5 answers are not right by the graph in the text:" in printed and "'### 99'" in printed
    assert "skipped 1: no form of question that is known here: 'What?'" in printed
    report = json.loads((tmp_path / "data" / "import.json").read_text())
    (example,) = [e for e in load_examples(tmp_path / "data", None, "train") if e.id.endswith("/0")]
    assert report["disagreements"][0]["id"] == example.id and isinstance(truth(example), int)
    assert isinstance(example, Example)
