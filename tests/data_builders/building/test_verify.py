"""verify passes what build writes, and names the row of whatever was changed afterwards."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.building.folder import fingerprint
from data_builders.building.verify import verify
from data_builders.errors import InputError
from data_builders.example import SCHEMA
from data_builders.files import file_sha256
from data_builders.tasks import GRAPHQA, TASKS
from data_builders.text.encoders import ENCODERS

SIZES: dict[str, Any] = {"train": 8, "validation": 3, "test": 3, "workers": 1}
TABLE = "edge_count/train-00000-of-00001.parquet"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("verify") / "d"
    build(
        load_config(
            None, {**SIZES, "encoders": ",".join(ENCODERS), "generators": "er,sfn", "self_loops": True}
        ),
        out,
    )
    return out


def test_what_is_built_agrees(dataset: Path, tmp_path: Path) -> None:
    verdict = verify(dataset)
    assert verdict.difference is None and verdict.unchecked == []
    assert verdict.rows == 14 * len(ENCODERS) * (2 * (len(GRAPHQA) - 1) + 1)
    for directed, families in ((False, "er,ba,path_star,disconnected_blocks"), (True, "er,sfn")):
        tasks = [
            name
            for name, task in TASKS.items()
            if not directed or (task.generator is None and task.direction != "undirected")
        ]
        build(
            load_config(
                None, {**SIZES, "tasks": ",".join(tasks), "directed": directed, "generators": families}
            ),
            tmp_path / str(directed),
        )
        verdict = verify(tmp_path / str(directed))
        assert verdict.difference is None and verdict.rows >= 14 * (len(tasks) - 1) * 2


def edit(folder: Path, column: str, row: int, change: Callable[[Any], Any], rehash: bool = True) -> None:
    """Change one value; with `rehash`, as someone would who also makes the lock fit."""
    table = pq.read_table(folder / TABLE)
    values = table[column].to_pylist()
    values[row] = change(values[row])
    at = SCHEMA.get_field_index(column)
    pq.write_table(
        table.set_column(at, SCHEMA.field(column), pa.array(values, SCHEMA.field(column).type)),
        folder / TABLE,
    )
    if rehash:
        lock = json.loads((folder / "dataset.lock").read_text())
        lock["files"][TABLE] = file_sha256(folder / TABLE)
        lock["fingerprint"] = fingerprint(lock["files"])
        (folder / "dataset.lock").write_text(json.dumps(lock))


def other_graph(text: str) -> str:
    graph = json.loads(text)
    return json.dumps({**graph, "edges": graph["edges"][1:] or [[0, 1]]})


EDITS: dict[str, tuple[str, Callable[[Any], Any], str]] = {
    "answer": ("answer", lambda old: " 171.", "answer is ' 171.', but the graph gives"),
    "question": ("question", lambda old: old.replace("edges", "roads"), "question is "),
    "rationale": ("rationale", lambda old: old + " Surely.", "rationale is "),
    "graph": ("graph", other_graph, "num_edges is "),
    "no graph": ("graph", lambda old: "{}", "graph and query do not fit together (KeyError"),
    "same names": (
        "graph",
        lambda old: json.dumps({**json.loads(old), "nodes": ["a"] * len(json.loads(old)["nodes"])}),
        "two nodes",
    ),
    "count": ("num_nodes", lambda old: old + 1, "num_nodes is "),
    "split": ("split", lambda old: "test", "split is 'test', but the graph gives 'train'"),
    "id": ("id", lambda old: old.replace("edge_count", "node_count"), "id is "),
    "task": ("task", lambda old: "counting", "unknown task 'counting'"),
    "encoder": ("encoder", lambda old: "morse", "unknown encoder 'morse'"),
    "null": ("graph", lambda old: None, "graph and query do not fit together"),
}


@pytest.mark.parametrize("case", EDITS)
def test_the_changed_row_is_named(dataset: Path, tmp_path: Path, case: str) -> None:
    column, change, message = EDITS[case]
    shutil.copytree(dataset, tmp_path / "d")
    edit(tmp_path / "d", column, 7, change)
    found = verify(tmp_path / "d").difference
    assert (
        found is not None and found.startswith(f"{TABLE}: row 7 (") and message in found and "\n" not in found
    )


def test_a_row_that_stands_twice_is_named(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "d")
    table = pq.read_table(dataset / TABLE)
    pq.write_table(
        pa.concat_tables([table.slice(0, 5), table.slice(4, 1), table.slice(6)]), tmp_path / "d" / TABLE
    )
    assert "row 5" in str(verify(tmp_path / "d").difference) and "the id occurs twice" in str(
        verify(tmp_path / "d").difference
    )


def test_files_are_held_against_the_lock(dataset: Path, tmp_path: Path) -> None:
    shutil.copytree(dataset, tmp_path / "d")
    edit(tmp_path / "d", "answer", 0, lambda old: old, rehash=False)
    assert (
        verify(tmp_path / "d").difference
        == f"{TABLE}: its sha256 is not that in dataset.lock, although every row agrees with its graph"
    )
    (tmp_path / "d" / TABLE).write_bytes(b"PAR1")
    assert f"{TABLE}: cannot be read as parquet" in str(verify(tmp_path / "d").difference)
    (tmp_path / "d" / TABLE).unlink()
    assert verify(tmp_path / "d").difference == f"{TABLE}: missing"
    shutil.copy(dataset / TABLE, tmp_path / "d" / TABLE)
    shutil.copy(dataset / TABLE, tmp_path / "d" / "edge_count" / "train-more.parquet")
    assert verify(tmp_path / "d").difference == "edge_count/train-more.parquet: not listed in dataset.lock"
    with pytest.raises(InputError, match="not a dataset folder"):
        verify(tmp_path)


def test_the_command_line(
    dataset: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(dataset, tmp_path / "d")
    edit(tmp_path / "d", "answer", 3, lambda old: " 400.")
    for folder, code in ((dataset, 0), (tmp_path / "d", 1), (tmp_path, 2)):
        monkeypatch.setattr(sys, "argv", ["graphtalk", "verify", str(folder)])
        with pytest.raises(SystemExit) as stop:
            graphtalk.main()
        assert (stop.value.code or 0) == code
        out, err = capsys.readouterr()
        assert ("examples agree with their graphs" in out) == (code == 0)
        assert err.count("\n") == (code > 0)
