"""Builds in parts, builds that reproduce a lock, and what else a build can be asked for."""

import json
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.building.verify import verify
from data_builders.errors import InputError
from data_builders.example import SCHEMA, SPLITS, Example, read_examples, read_lock
from data_builders.graphs.graph import graph_from_json
from data_builders.graphs.splits import invariant
from eval.scoring.floors import floors
from tests.data_builders.building.test_build import SMALL, bytes_of, make, run


def test_parts_come_to_the_bytes_of_one_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In any order, the last without a part; a part of a finished dataset changes nothing."""
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 8)
    keys = {
        **SMALL,
        "tasks": "edge_count,maximum_flow",
        "generators": "er,ba",
        "encoders": "adjacency,random",
    }
    config = load_config(None, keys)
    build(config, tmp_path / "whole")
    for k in (3, 1, 4, 2):
        told: list[tuple[int, bool]] = []
        assert (
            build(
                config,
                tmp_path / "parts",
                advance=lambda rows, new, told=told: told.append((rows, new)),
                part=(k, 4),
            )
            is None
        )
        assert told and all(new for _, new in told) and not (tmp_path / "parts" / "dataset.lock").exists()
    told = []
    build(config, tmp_path / "parts", advance=lambda rows, new, told=told: told.append((rows, new)))
    assert sum(rows for rows, new in told if not new) == config.rows
    assert bytes_of(tmp_path / "parts") == bytes_of(tmp_path / "whole")
    build(config, tmp_path / "whole", part=(1, 4))
    assert (
        bytes_of(tmp_path / "whole") == bytes_of(tmp_path / "parts")
        and not (tmp_path / "whole" / ".build").exists()
    )


def test_two_builds_do_not_share_a_folder(tmp_path: Path) -> None:
    config = load_config(None, {**SMALL, "tasks": "edge_count"})
    seen: list[str] = []

    def meddle(rows: int, new: bool) -> None:
        for part in (None, (1, 2)):
            with pytest.raises(InputError) as error:
                build(config, tmp_path / "d", part=part)
            seen.append(str(error.value))

    build(config, tmp_path / "d", advance=meddle)
    assert seen and all(
        "is at work there; wait for it" in line and "\n" not in line and "process " in line for line in seen
    )
    build(
        config,
        tmp_path / "e",
        advance=lambda rows, new: seen.append(str(build(config, tmp_path / "e", part=(2, 2)))),
        part=(1, 2),
    )
    assert seen[-1] == "None"


def test_locked_reproduces_or_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "ring.txt"
    file.write_text("\n".join(f"{i} {(i + 1) % 30}" for i in range(30)))
    make(tmp_path / "d", tasks="edge_count,shortest_path", graphs=str(file), generators="er")
    want = bytes_of(tmp_path / "d")
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "dataset.lock").write_bytes(want["dataset.lock"])

    def locked(*more: object) -> tuple[int, str]:
        return run(
            "build", "--locked", "--out", tmp_path / "copy", *more, capsys=capsys, monkeypatch=monkeypatch
        )

    assert "samples from the graph file ring.txt; give it with --graphs" in locked()[1]
    assert locked("--graphs", file) == (0, "") and bytes_of(tmp_path / "copy") == want
    lock = json.loads(want["dataset.lock"])
    lock["files"]["edge_count/test-00000-of-00001.parquet"] = "0" * 64
    (tmp_path / "copy" / "dataset.lock").write_text(json.dumps(lock))
    code, error = locked("--graphs", file)
    assert (
        code == 2
        and "1 of 6 files are not those of dataset.lock; the first is edge_count/test-00000-of-00001.parquet"
        in error
    )
    assert json.loads((tmp_path / "copy" / "dataset.lock").read_text()) == lock
    (tmp_path / "copy" / "dataset.lock").write_text(
        json.dumps({**lock, "versions": {**lock["versions"], "networkx": "0.1"}})
    )
    assert "made with networkx 0.1, here is" in locked("--graphs", file)[1]
    (tmp_path / "copy" / "dataset.lock").write_bytes(want["dataset.lock"])
    file.write_text("a b\n")
    assert "not the file of dataset.lock" in locked("--graphs", file)[1]
    assert (
        "no dataset.lock"
        in run("build", "--locked", "--out", tmp_path / "no", capsys=capsys, monkeypatch=monkeypatch)[1]
    )


@pytest.mark.parametrize("shard", ["0/4", "5/4", "1", "a/b", "1/0"])
def test_bad_shards_get_one_line(
    shard: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    code, error = run(
        "build", "--shard", shard, "--out", tmp_path / "d", capsys=capsys, monkeypatch=monkeypatch
    )
    assert code == 2 and "expected K/N with 1 <= K <= N" in error and error.count("\n") == 1


def test_any_names_with_any_edges(tmp_path: Path) -> None:
    file = tmp_path / "cross.yaml"
    file.write_text(
        "tasks: [edge_count]\nencoders: [{names: got, edges: incident}, adjacency, alphabet+dot]\ntrain:"
        " 3\nvalidation: 1\ntest: 1\n"
    )
    config = load_config(file, {"workers": 1})
    assert config.encoders == ("got+incident", "adjacency", "alphabet+dot")
    build(config, tmp_path / "d")
    first = read_examples(tmp_path / "d", "edge_count", "train")[0]
    assert (
        first.encoder == "got+incident"
        and "Ned, Cat" in first.question
        and "In this graph:\n" in first.question
    )
    with pytest.raises(InputError, match="unknown name scheme 'goat'"):
        load_config(None, {"encoders": "goat+incident"})


def test_columns_are_of_one_type_whatever_is_in_them(tmp_path: Path) -> None:
    """Empty queries, no rationales, mixed answers: every file has the schema of Example, so that files can be
    concatenated.
    """
    make(tmp_path / "d", tasks="edge_count,shortest_path,node_classification", rationales=False, max_nodes=6)
    for path in (tmp_path / "d").rglob("*.parquet"):
        assert pq.read_schema(path).remove_metadata().equals(SCHEMA)


def test_tasks_with_empty_and_mixed_values_stream_and_concatenate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No query, no rationale, lists that are empty, answers of every kind: the columns are the same for all
    readers.
    """
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="the `datasets` library is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    tasks = ("edge_count", "shortest_path", "node_classification", "connected_nodes")
    folder = tmp_path / "d"
    want = make(folder, tasks=",".join(tasks), rationales=False, density="0,0.2", generators="er")
    streams, frames = {}, {}
    for task in tasks:
        streams[task] = datasets.load_dataset(
            str(folder), task, split="train", streaming=True, cache_dir=str(tmp_path / "cache")
        )
        rows = list(streams[task])
        assert [Example(**row) for row in rows] == [want[row["id"]] for row in rows] and len(rows) == SMALL[
            "train"
        ]
        frames[task] = pandas.read_parquet(folder / task, engine="pyarrow")  # all splits at once
        assert len(frames[task]) == 24 and set(frames[task]["split"]) == {"train", "validation", "test"}
    assert (
        len({str(stream.features) for stream in streams.values()}) == 1
        and streams["edge_count"].features["query"] is not None
    )
    assert len({tuple(frame.dtypes.astype(str).items()) for frame in frames.values()}) == 1
    loaded = [
        datasets.load_dataset(str(folder), task, split="test", cache_dir=str(tmp_path / "cache"))
        for task in tasks
    ]
    assert len(datasets.concatenate_datasets(loaded)) == 4 * SMALL["test"]


def test_tokens_are_counted_for_a_tokenizer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizers = pytest.importorskip("tokenizers", reason="the package tokenizers is not installed")
    words = tokenizers.Tokenizer(tokenizers.models.WordLevel({"?": 0}, unk_token="?"))
    words.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    (tmp_path / "model").mkdir()
    words.save(str(tmp_path / "model" / "tokenizer.json"))
    examples = make(tmp_path / "d", tasks="edge_count,cycle_check")
    fingerprint = read_lock(tmp_path / "d")["fingerprint"]
    config = load_config(None, {**SMALL, "tasks": "edge_count,cycle_check"})
    build(config, tmp_path / "d", tokenizer=tmp_path / "model")  # also for a dataset that is there
    counts: Any = read_lock(tmp_path / "d")["report"]["tokens"]["tasks"]  # type: ignore[index]
    lengths = [
        len((e.question + e.answer).split())
        for e in examples.values()
        if e.id.startswith("cycle_check/er/adjacency/train/")
    ]
    assert counts["cycle_check"]["train"] == {
        **counts["cycle_check"]["train"],
        "n": 12,
        "mean": round(sum(lengths) / 12, 1),
        "max": max(lengths),
    }
    assert (
        "## Tokens" in (tmp_path / "d" / "README.md").read_text()
        and read_lock(tmp_path / "d")["fingerprint"] == fingerprint
    )
    build(config, tmp_path / "d")
    assert "tokens" in read_lock(tmp_path / "d")["report"]  # type: ignore[operator]
    (tmp_path / "bad.json").write_text("{}")
    for path, message in (
        (tmp_path / "no", "no such file; give a tokenizer.json"),
        (tmp_path / "bad.json", "not a tokenizer.json that can"),
    ):
        code, error = run(
            "build", "--tokenizer", path, "--out", tmp_path / "e", capsys=capsys, monkeypatch=monkeypatch
        )
        assert code == 2 and message in error and error.count("\n") == 1 and not (tmp_path / "e").exists()


def test_the_test_split_can_be_drawn_otherwise(tmp_path: Path) -> None:
    """The ood preset: train and validation are those of a plain dataset; test has other sizes, families and
    texts, and balanced answers.
    """
    tasks = "edge_count,shortest_path"
    preset = Path(__file__).parents[3] / "configs" / "data" / "ood.yaml"
    config = load_config(
        preset, {**SMALL, "tasks": tasks, "test": 25, "min_nodes": 10, "max_nodes": 14, "test_min_nodes": 7}
    )
    build(config, tmp_path / "d")
    assert config.rows == sum(
        len(read_examples(tmp_path / "d", task, split)) for task in config.tasks for split in SPLITS
    )
    train, test = (read_examples(tmp_path / "d", "edge_count", split) for split in ("train", "test"))
    assert {e.generator for e in train} == {"er"} and {e.encoder for e in train} == {"adjacency"}
    assert {e.generator for e in test} == {"er", "ba", "sbm", "watts_strogatz", "random_tree", "path_star"}
    assert {e.encoder for e in test} == {"adjacency", "incident", "got"} and len(test) == 25 * 18
    assert (
        all(10 <= e.num_nodes <= 14 for e in train)
        and max(e.num_nodes for e in test) > 35
        and min(e.num_nodes for e in test) < 10
    )
    far = [
        e.answer
        for e in read_examples(tmp_path / "d", "shortest_path", "test")
        if e.generator == "er" and e.encoder == "got"
    ]
    assert [far.count(f"{d}.") for d in (1, 2, 3)] == [5, 5, 5]
    seen = {invariant(graph_from_json(e.graph)[0]) for e in train}
    assert not seen & {invariant(graph_from_json(e.graph)[0]) for e in test}
    said = (tmp_path / "d" / "README.md").read_text()
    assert (
        "The test split is drawn otherwise: encoders adjacency, incident, got; generators er, ba" in said
        and "balance answers" in said
    )
    assert verify(tmp_path / "d").difference is None
    same = make(tmp_path / "same", tasks="edge_count", min_nodes=10, max_nodes=14)
    assert [e.question for e in train] == [
        e.question for e in same.values() if e.split == "train"
    ]  # none of these had to make way
    with pytest.raises(InputError, match="min_nodes 20 is larger than max_nodes 19"):
        load_config(None, {"test_min_nodes": 20})
    with pytest.raises(InputError, match="unknown encoder 'foo'"):
        load_config(None, {"test_encoders": "foo"})
    with pytest.raises(InputError, match="unknown generator 'foo'"):
        load_config(None, {"test_generators": "foo"})


def test_floors_are_those_that_eval_finds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = "cycle_check,shortest_path,node_degree,node_count,connected_nodes"
    make(tmp_path / "d", tasks=tasks, train=60, test=40)
    found: Any = read_lock(tmp_path / "d")["report"]["floors"]  # type: ignore[index]
    for task in tasks.split(","):
        judged = floors(tmp_path / "d", task, read_examples(tmp_path / "d", task, "test"))
        shares = {
            name: round(sum(judged[name]) / 40, 4) if name in judged else None
            for name in ("majority", "rule")
        }
        assert found[task] == {"split": "test", "n": 40, **shares}
    assert found["node_count"]["rule"] is None and found["cycle_check"]["rule"] > 0.8
    assert "| cycle_check | test | 40 |" in (tmp_path / "d" / "README.md").read_text()
    make(tmp_path / "e", tasks="cycle_check", train=0, test=0)
    alone: Any = read_lock(tmp_path / "e")["report"]["floors"]  # type: ignore[index]
    assert alone["cycle_check"]["split"] == "validation" and alone["cycle_check"]["majority"] is None
