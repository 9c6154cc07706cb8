"""`graphtalk ask`: one question about a graph file, the model's answer, the truth and the verdict."""

import sys
from pathlib import Path

import networkx as nx
import pytest

import graphtalk
from data_builders.errors import InputError
from prompting.ask import question_about
from prompting.backends.fake_server import FakeServer


@pytest.fixture
def roads(tmp_path: Path) -> Path:
    graph = nx.Graph([("Ulm", "Bonn"), ("Bonn", "Jena"), ("Jena", "Kiel")])
    nx.write_graphml(graph, tmp_path / "roads.graphml")
    return tmp_path / "roads.graphml"


def command(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["graphtalk", "ask", *words])
    with pytest.raises(SystemExit) as stop:
        graphtalk.main()
    return int(stop.value.code or 0)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [("The length is 3.", "correct (read as 3)"), ("2.", "wrong (read as 2)"), ("", "unparsed")],
)
def test_a_question_is_asked_and_judged(
    said: str, verdict: str, roads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeServer(answer=lambda prompt: said) as server:
        words = (
            str(roads),
            "shortest_path",
            "--from",
            "Ulm",
            "--to",
            "Kiel",
            "--model",
            f"openai:m@{server.url}",
            "--answer-format",
        )
        assert command(monkeypatch, *words) == 0
        ((prompt, times),) = server.arrived.items()
    printed = capsys.readouterr().out
    assert (
        times == 1 and prompt in printed and "from node Ulm to node Kiel" in prompt and "'Answer:'" in prompt
    )
    assert printed.endswith(f"answer: {said}\ntruth: 3.\nverdict: {verdict}\n")


def test_without_a_model_the_prompt_and_the_truth(
    roads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, str(roads), "node_degree", "--from", "Bonn", "--encoder", "incident") == 0
    assert capsys.readouterr().out.endswith("\n\ntruth: 2.\n")


@pytest.mark.torch
def test_without_a_model_one_that_comes_along_answers(
    roads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, str(roads), "shortest_path", "--from", "Ulm", "--to", "Kiel") == 0
    printed = capsys.readouterr().out
    assert "\nanswer of " in printed and "3. (correct)\n\ntruth: 3.\n" in printed
    for length, task, reason in (
        (21, "cycle_check", "they know graphs of at most 20 nodes, and this one has 21"),
        (4, "diameter", "the model was not trained on task diameter"),
    ):
        nx.write_graphml(nx.path_graph(length), roads)
        assert command(monkeypatch, str(roads), task) == 0
        printed = capsys.readouterr().out
        assert "those that come along cannot answer: " in printed and reason in printed
        assert printed.endswith(f"\n\ntruth: {'No, there is no cycle.' if task == 'cycle_check' else '3.'}\n")


def test_a_server_that_is_not_there_is_one_line(
    roads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with FakeServer() as server:
        pass
    (roads.parent / "once.yaml").write_text("attempts: 1\n")
    words = (
        str(roads),
        "cycle_check",
        "--model",
        f"openai:m@{server.url}",
        "--config",
        str(roads.parent / "once.yaml"),
    )
    assert command(monkeypatch, *words) == 3
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize(
    ("task", "nodes", "said"),
    [
        ("shortest_path", ["Ulm", "Rom"], "no node 'Rom'; it has Ulm, Bonn, Jena, Kiel"),
        ("shortest_path", ["Ulm"], "is about 2 nodes, and 1 is given; use --from and --to"),
        ("cycle_check", ["Ulm"], "is about 0 nodes, and 1 is given; use no node"),
        ("shortest_path", ["Ulm", "Ulm"], "two different nodes"),
        ("maximum_flow", ["Ulm", "Kiel"], "maximum_flow needs a graph with edge capacities"),
        ("minimum_spanning_tree_weight", [], "minimum_spanning_tree_weight needs"),
        ("topological_order", [], "say --directed if the edges have directions"),
        ("node_classification", ["Ulm"], "needs graphs of the generator two_blocks"),
        ("longest_path", [], "unknown task 'longest_path'"),
    ],
)
def test_what_cannot_be_asked(task: str, nodes: list[str], said: str, roads: Path) -> None:
    with pytest.raises(InputError) as caught:
        question_about(roads, task, nodes)
    assert said in str(caught.value)


def test_a_prompt_of_millions_of_characters_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "ring.txt"
    file.write_text("".join(f"n{u} n{(u + 1) % 50_000}\n" for u in range(50_000)))
    command(monkeypatch, str(file), "node_degree", "--from", "n3")
    note, _, prompt = capsys.readouterr().out.partition("prompt:\n")
    assert note.splitlines()[-1].startswith("note: the prompt has 1,")
    assert len(prompt) > 1_000_000 and "n49999" in prompt


def test_methods_that_show_examples_are_refused(
    roads: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command(monkeypatch, str(roads), "cycle_check", "--method", "cot") == 2
    assert "use zero_shot, zero_cot or algorithm" in capsys.readouterr().err
