"""Tasks that cannot ask about the user's graph are left out, and say why."""

from pathlib import Path

import pytest

import graphtalk
from data_builders.building.compatibility import compatibility, with_compatible_tasks
from data_builders.building.config import load_config
from data_builders.building.rows import open_files
from data_builders.example import dataset_tasks
from data_builders.tasks import GRAPHQA, TASKS
from tests.data_builders.building.test_build import run

PAIRS = {
    "edge_existence",
    "reachability",
    "shortest_path",
    "maximum_flow",
}  # of GraphQA's, those that ask about two nodes


@pytest.fixture
def ring(tmp_path: Path) -> Path:
    path = tmp_path / "ring.csv"
    path.write_text("source,target\n" + "".join(f"n{u},n{(u + 1) % 30}\n" for u in range(30)))
    return path


def test_every_task_is_offered_or_has_a_reason(ring: Path) -> None:
    config = load_config(None, {"graphs": str(ring), "tasks": "edge_count", "min_nodes": 1, "max_nodes": 30})
    found = compatibility(config, open_files(config))
    assert found.keys() == TASKS.keys()
    assert found["hamiltonian_path"] == "needs a graph of at most 20 nodes; this one has 30"
    assert found["reachability"] == "needs a graph of at least 2 nodes; this one has 1"
    assert found["node_classification"] == "asks about graphs of the generator two_blocks only"
    refused = {task for task, reason in found.items() if reason is not None}
    assert (
        refused & set(GRAPHQA) == {"node_classification", *PAIRS}
        and {"cycle_check", "tree_check"} & refused == set()
    )


def test_directions_and_encoders_count(ring: Path) -> None:
    config = load_config(None, {"graphs": str(ring), "tasks": "edge_count", "directed": True})
    found = compatibility(config, open_files(config))
    assert (
        found["tree_check"] == "needs an undirected graph; this one is directed"
        and found["directed_cycle_check"] is None
    )
    config = load_config(None, {"graphs": str(ring), "tasks": "edge_count", "encoders": "got"})
    found = compatibility(config, open_files(config))
    assert (
        found["topological_order"]
        == "asks about directed graphs, which encoder got does not tell from others"
    )
    assert found["shortest_path"] is None
    config = load_config(None, {"tasks": "edge_count", "directed": True})
    assert (
        compatibility(config, {})["node_classification"]
        == "asks about undirected graphs of the generator two_blocks only"
    )


def test_a_build_that_names_no_tasks_takes_those_that_fit(ring: Path) -> None:
    config = load_config(None, {"graphs": str(ring)})
    fitting, left_out = with_compatible_tasks(config, open_files(config))
    assert set(left_out) == {"node_classification", "maximum_flow"}  # the file has no weights
    assert set(fitting.tasks) == set(GRAPHQA) - set(left_out)
    assert with_compatible_tasks(load_config(None, {}), {}) == (load_config(None, {}), {})
    named = load_config(None, {"graphs": str(ring), "tasks": "cycle_check"})
    assert with_compatible_tasks(named, open_files(named)) == (named, {})


def test_the_commands_say_what_is_left_out(
    ring: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def said(*arguments: object) -> str:
        monkeypatch.setattr("sys.argv", ["graphtalk", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            graphtalk.main()
        assert not stop.value.code
        return capsys.readouterr().out

    sizes = ("--train", 3, "--validation", 0, "--test", 2, "--workers", 1)
    built = said("build", "--graphs", ring, *sizes, "--out", tmp_path / "d")
    assert "without node_classification: it asks about graphs of the generator two_blocks only\n" in built
    assert dataset_tasks(tmp_path / "d") == sorted(set(GRAPHQA) - {"node_classification", "maximum_flow"})
    listed = said("tasks", ring, "--min-nodes", 1)
    assert all(task in listed for task in TASKS) and "Is there a cycle in this graph?" in listed
    assert "it needs a graph of at least 2 nodes" in listed
    missing = tmp_path / "no.csv"
    want = f"graphtalk: {missing}: cannot be read (no such file or directory); give a file of a graph\n"
    assert run("tasks", missing, capsys=capsys, monkeypatch=monkeypatch) == (2, want)
