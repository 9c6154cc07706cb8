"""A dataset folder holds what its config says, the same bytes every time, and only complaints of one line."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import BuildConfig, load_config
from data_builders.errors import InputError
from data_builders.example import SPLITS, Example, dataset_tasks, read_examples, read_lock
from data_builders.graphs.graph import from_edges, graph_from_json
from data_builders.graphs.splits import invariant, split_of
from data_builders.tasks import GRAPHQA, TASKS, Query
from data_builders.text.encoders import ENCODERS

ROOT = Path(__file__).parents[3]
LES_MISERABLES = ROOT / "data" / "graphs" / "les_miserables.graphml"
SMALL: dict[str, Any] = {"train": 12, "validation": 6, "test": 6, "seed": 7, "workers": 1}


def make(out: Path, **keys: Any) -> dict[str, Example]:
    """Build with SMALL and `keys` on top; every example by id."""
    config = load_config(None, {**SMALL, **keys})
    build(config, out)
    examples = [
        e
        for task in config.tasks
        for split in SPLITS
        if config.size(split)
        for e in read_examples(out, task, split)
    ]
    assert len({e.id for e in examples}) == len(examples) == config.rows
    return {e.id: e for e in examples}


def bytes_of(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def run(
    *arguments: object, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str]:
    """Exit code and stderr of the command line, in this process."""
    monkeypatch.setattr(sys, "argv", ["graphtalk", *map(str, arguments)])
    try:
        graphtalk.main()
    except SystemExit as stop:
        return int(stop.code or 0), capsys.readouterr().err
    return 0, capsys.readouterr().err


def test_every_task_and_encoder_answers_from_the_stored_graph(tmp_path: Path) -> None:
    examples = make(
        tmp_path / "d",
        encoders=",".join(ENCODERS),
        generators="er,ba,sbm,sfn,star,path,complete",
        train=2,
        validation=1,
        test=2,
    )
    assert dataset_tasks(tmp_path / "d") == sorted(GRAPHQA)
    for e in examples.values():
        graph, names = graph_from_json(e.graph)
        task, stored = TASKS[e.task], json.loads(e.graph)
        labels = {int(node): word for node, word in stored.get("labels", {}).items()}
        query = Query(tuple(e.query), tuple(stored.get("classes", ())), labels)
        assert e.question == ENCODERS[e.encoder].text(graph, names) + ENCODERS[e.encoder].ask(
            task, names, query
        )
        solution = task.solve(graph, query)
        assert e.answer == task.say(solution, names, query)
        assert e.rationale == task.explain(graph, names, query, solution)
        assert (e.task_class, e.answer_kind) == (task.task_class, task.answer_kind)
        assert (e.num_nodes, e.num_edges) == (graph.n, graph.m)
        assert e.id == f"{e.task}/{e.generator}/{e.encoder}/{e.graph_id.removeprefix(e.generator + '/')}"
        assert (e.generator == "two_blocks") == (e.task == "node_classification")


def test_one_graph_under_all_tasks_and_encoders_with_its_own_names(tmp_path: Path) -> None:
    examples = make(
        tmp_path / "d", encoders="adjacency,random,got", tasks="edge_count,maximum_flow,cycle_check"
    )
    by_graph: dict[str, list[Example]] = {}
    for e in examples.values():
        by_graph.setdefault(e.graph_id, []).append(e)
    assert len(by_graph) == 24
    for same in by_graph.values():
        assert len(same) == 9
        assert len({invariant(graph_from_json(e.graph)[0]) for e in same}) == 1
        assert len({tuple(graph_from_json(e.graph)[1]) for e in same}) == 3


def test_only_maximum_flow_shows_capacities(tmp_path: Path) -> None:
    for e in make(tmp_path / "d", tasks="edge_count,maximum_flow", encoders="adjacency,incident").values():
        graph, _ = graph_from_json(e.graph)
        if e.task == "edge_count":
            assert graph.weights is None and "capacity" not in e.question
        elif graph.m:
            assert graph.weights is not None and set(graph.weights.values()) <= set(range(1, 11))
            assert "capacity" in e.question.split("Q: ")[0]


def test_file_order_is_by_index_then_generator_then_encoder(tmp_path: Path) -> None:
    make(tmp_path / "d", generators="star,er", encoders="incident,adjacency", tasks="node_count")
    ids = [e.id for e in read_examples(tmp_path / "d", "node_count", "test")]
    assert ids == [
        f"node_count/{g}/{e}/test/{i}"
        for i in range(6)
        for g in ("star", "er")
        for e in ("incident", "adjacency")
    ]


def without_id(examples: Mapping[str, Example], keep: Mapping[str, Example]) -> dict[str, Example]:
    return {key: e for key, e in examples.items() if key in keep}


def test_more_tasks_and_encoders_change_no_other_example(tmp_path: Path) -> None:
    few = make(tmp_path / "few", tasks="edge_count,reachability", encoders="friendship")
    more = make(tmp_path / "more", tasks=",".join(reversed(GRAPHQA)), encoders="random,friendship,expert")
    assert len(more) > len(few) and without_id(more, few) == few


def test_another_generator_changes_nothing(tmp_path: Path) -> None:
    sizes = {"min_nodes": 5, "max_nodes": 6, "train": 60, "validation": 20, "test": 20, "tasks": "edge_count"}
    few = make(tmp_path / "few", **sizes)
    assert without_id(make(tmp_path / "more", **sizes, generators="ba,er,sbm"), few) == few


def test_any_number_of_workers_writes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 40)
    keys = {
        "tasks": "shortest_path,maximum_flow",
        "encoders": "adjacency,got",
        "generators": "er,sfn",
        "graphs": str(LES_MISERABLES),
    }
    for workers in (1, 3):
        make(tmp_path / str(workers), **{**keys, "workers": workers})
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3")


def test_shards_are_borders_of_files_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make(tmp_path / "whole", tasks="edge_count")
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 5)
    assert make(tmp_path / "cut", tasks="edge_count") == whole
    assert len(list((tmp_path / "cut" / "edge_count").glob("train-*-of-00003.parquet"))) == 3
    assert [e.id for e in read_examples(tmp_path / "cut", "edge_count", "train")] == [
        key for key in whole if "/train/" in key
    ]


def test_neighbouring_seeds_share_no_more_graphs_than_chance(tmp_path: Path) -> None:
    """Seeds that differ by one, as well as splits: with 12 or more nodes, equal ER graphs are near-empty or
    near-complete ones.
    """
    graphs: dict[int, set[str]] = {}
    for seed in (42, 43, 4200):
        examples = make(
            tmp_path / str(seed), seed=seed, tasks="edge_count", min_nodes=12, max_nodes=19, train=300
        )
        graphs[seed] = {e.graph for e in examples.values()}
    near, far = len(graphs[42] & graphs[43]), len(graphs[42] & graphs[4200])
    assert near <= 10 and far <= 10


def test_every_row_is_on_the_side_of_its_split(tmp_path: Path) -> None:
    """In every form that tasks give a graph, also of datasets of other seeds and sizes."""
    keys = {"tasks": ",".join(TASKS), "train": 60, "validation": 20, "test": 20}
    report: Any = None
    for seed, generators in ((1, "er,disconnected_blocks"), (2, "ba,sfn")):
        examples = make(tmp_path / str(seed), **keys, seed=seed, generators=generators)
        assert all(split_of(graph_from_json(e.graph)[0]) == e.split for e in examples.values())
        report = read_lock(tmp_path / str(seed))["report"]
    shown = {
        invariant(graph_from_json(e.graph)[0])
        for e in examples.values()
        if (e.task, e.split) == ("cycle_check", "train")
    }
    counted = [report["graphs"][source]["train"]["classes"] for source in ("ba", "sfn")]
    assert report["graphs"]["ba"]["train"]["graphs"] >= 60  # some forms need graphs of their own
    assert max(counted) <= len(shown) <= sum(counted)
    assert "the same in every dataset" in (tmp_path / "2" / "README.md").read_text()


def test_a_split_without_the_sizes_asked_for_names_those_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = {n: split_of(from_edges(n, [(u, u + 1) for u in range(n - 1)])) for n in range(1, 25)}
    mine = next(n for n in range(5, 13) if paths[n] == "train")
    flags = ("--generators", "path", "--tasks", "edge_count", "--min-nodes", mine, "--max-nodes", mine)
    code, error = run("build", *flags, "--out", tmp_path / "d", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and error.count("\n") == 1 and not (tmp_path / "d").exists()
    sizes = (
        ", ".join(str(n) for n in range(1, 2 * mine + 1) if paths[n] == "validation")
        or f"none up to {2 * mine}"
    )
    assert f"'path' has no graphs of validation among those of {mine} to {mine} nodes" in error
    assert f"sizes with graphs of validation: {sizes} (" in error
    examples = make(
        tmp_path / "e", generators="path", tasks="edge_count"
    )  # the default sizes have some for every split
    assert all(paths[e.num_nodes] == e.split for e in examples.values())


def test_a_dataset_of_an_older_rule_is_read_but_not_continued(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    make(tmp_path / "d", tasks="edge_count")
    file = tmp_path / "d" / "dataset.lock"
    lock = json.loads(file.read_text())
    assert lock.pop("splits") == 2
    file.write_text(json.dumps(lock))
    assert read_examples(tmp_path / "d", "edge_count", "test")
    with pytest.raises(
        InputError,
        match="split by rule 1, here they are by rule 2, so it cannot be continued and must start anew",
    ):
        make(tmp_path / "d", tasks="edge_count")
    code, error = run("build", "--locked", "--out", tmp_path / "d", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and "build anew without --locked" in error and error.count("\n") == 1


def test_each_shard_alone_in_a_folder_of_its_own_has_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 8)
    keys = {**SMALL, "tasks": "edge_count,tree_check", "generators": "er,ba", "balance": "answers"}
    config = load_config(None, keys)
    build(config, tmp_path / "whole")
    want = {name: data for name, data in bytes_of(tmp_path / "whole").items() if name.endswith(".parquet")}
    have: dict[str, bytes] = {}
    for k in (3, 1, 2):
        build(config, tmp_path / str(k), part=(k, 3))
        have |= {
            name: data for name, data in bytes_of(tmp_path / str(k)).items() if name.endswith(".parquet")
        }
    assert len(want) > 8 and have == want


def test_label_counts_are_those_of_the_examples(tmp_path: Path) -> None:
    examples = make(tmp_path / "d", tasks="cycle_check,shortest_path,connected_nodes")
    report: Any = read_lock(tmp_path / "d")["report"]["tasks"]  # type: ignore[index]
    train = [e for e in examples.values() if e.split == "train"]
    yes = sum(e.task == "cycle_check" and e.answer.startswith("Yes") for e in train)
    assert (
        report["cycle_check"]["train"]["labels"].get("yes", 0) == yes
        and report["cycle_check"]["train"]["n"] == 12
    )
    none = sum(e.task == "shortest_path" and "no path" in e.answer for e in train)
    assert report["shortest_path"]["train"]["labels"].get("no path", 0) == none
    assert report["cycle_check"]["train"]["majority"] == round(max(yes, 12 - yes) / 12, 4)


def test_graph_files_give_named_subgraphs(tmp_path: Path) -> None:
    examples = make(
        tmp_path / "d",
        graphs=str(LES_MISERABLES),
        tasks="node_degree,maximum_flow",
        encoders="adjacency,incident",
    )
    assert {e.generator for e in examples.values()} == {"les_miserables"}
    for e in examples.values():
        _, names = graph_from_json(e.graph)
        assert all(not name.isdigit() for name in names) and names[e.query[0]] in e.question.split("Q: ")[1]
    capacities = {w for e in examples.values() for w in (graph_from_json(e.graph)[0].weights or {}).values()}
    assert max(capacities) > 10  # the file's own
    encoded = make(tmp_path / "e", graphs=str(LES_MISERABLES), tasks="node_degree", names="encoder")
    assert all(graph_from_json(e.graph)[1] == [str(i) for i in range(e.num_nodes)] for e in encoded.values())


def test_directed_graphs(tmp_path: Path) -> None:
    tasks = ",".join(t for t in GRAPHQA if TASKS[t].generator is None)
    examples = make(
        tmp_path / "d",
        directed=True,
        generators="er,sfn",
        encoders="adjacency,random,incident,expert",
        tasks=tasks,
    )
    assert all(graph_from_json(e.graph)[0].directed for e in examples.values())
    assert any("In a directed graph" in e.question for e in examples.values())


def test_rationales_can_be_left_out(tmp_path: Path) -> None:
    assert not any(e.rationale for e in make(tmp_path / "d", rationales=False).values())


def test_datasets_and_pandas_open_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    datasets = pytest.importorskip("datasets", reason="the `datasets` library is not installed")
    pandas = pytest.importorskip("pandas", reason="pandas is not installed")
    make(tmp_path / "d", tasks="edge_count,shortest_path")
    for task in ("edge_count", "shortest_path"):
        loaded = datasets.load_dataset(str(tmp_path / "d"), task, cache_dir=str(tmp_path / "cache"))
        assert {split: len(rows) for split, rows in loaded.items()} == {
            "train": 12,
            "validation": 6,
            "test": 6,
        }
        want = read_examples(tmp_path / "d", task, "test")
        assert [row["question"] for row in loaded["test"]] == [e.question for e in want]
        frame = pandas.read_parquet(tmp_path / "d" / task / "test-00000-of-00001.parquet")
        assert list(frame["answer"]) == [e.answer for e in want]


def test_card_header_names_every_config_and_split(tmp_path: Path) -> None:
    make(tmp_path / "d", tasks="edge_count,cycle_check", validation=0)
    header = yaml.safe_load((tmp_path / "d" / "README.md").read_text().split("---")[1])
    assert [c["config_name"] for c in header["configs"]] == ["all", "edge_count", "cycle_check"]
    for config in header["configs"]:
        assert [d["split"] for d in config["data_files"]] == ["train", "test"]
        assert all(list((tmp_path / "d").glob(d["path"])) for d in config["data_files"])


def test_flags_override_the_yaml(tmp_path: Path) -> None:
    file = tmp_path / "mine.yaml"
    file.write_text("tasks: [edge_count, cycle_check]\ntrain: 3\nencoders: got\n")
    config = load_config(file, {"train": 9, "encoders": "expert,incident", "seed": None})
    assert (config.name, config.tasks, config.train, config.encoders) == (
        "mine",
        ("edge_count", "cycle_check"),
        9,
        ("expert", "incident"),
    )


def test_the_papers_setting() -> None:
    config = load_config(ROOT / "configs" / "data" / "graphqa.yaml", {})
    assert (config.train, config.validation, config.test) == (1000, 500, 500)
    assert (
        config.families == ("er",)
        and config.encoders == ("adjacency",)
        and sorted(config.tasks) == sorted(GRAPHQA)
    )


def test_another_config_needs_overwrite_and_strangers_are_safe(tmp_path: Path) -> None:
    make(tmp_path / "d", tasks="edge_count,cycle_check")
    before = bytes_of(tmp_path / "d")
    other = load_config(None, {**SMALL, "tasks": "edge_count", "seed": 8})
    with pytest.raises(InputError, match=r"holds another dataset \(config tasks is .* there, .* here\)"):
        build(other, tmp_path / "d")
    assert bytes_of(tmp_path / "d") == before
    build(other, tmp_path / "d", overwrite=True)
    build(other, tmp_path / "fresh")
    assert bytes_of(tmp_path / "d") == bytes_of(tmp_path / "fresh")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "thesis.tex").write_text("\\section{}")
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"not empty and not a dataset of graphtalk \(thesis.tex\)"):
            build(other, tmp_path / "home", overwrite=overwrite)
    assert list(bytes_of(tmp_path / "home")) == ["thesis.tex"]
    with pytest.raises(InputError, match="not a folder"):
        build(other, tmp_path / "home" / "thesis.tex")
    with pytest.raises(InputError, match=r"cannot be written \(not a directory\)"):
        build(other, tmp_path / "home" / "thesis.tex" / "d")


def test_a_finished_folder_is_kept_and_a_damaged_one_mended(tmp_path: Path) -> None:
    config = BuildConfig(**{**SMALL, "tasks": ("edge_count", "cycle_check")})
    build(config, tmp_path / "d")
    before = bytes_of(tmp_path / "d")
    file = tmp_path / "d" / "edge_count" / "train-00000-of-00001.parquet"
    written = file.stat().st_mtime_ns
    told: list[tuple[int, bool]] = []
    build(config, tmp_path / "d", advance=lambda rows, new: told.append((rows, new)))
    assert file.stat().st_mtime_ns == written and told == [(config.rows, False)]
    file.write_bytes(file.read_bytes()[:100])
    (tmp_path / "d" / "cycle_check" / "test-00000-of-00001.parquet").unlink()
    build(config, tmp_path / "d")
    assert bytes_of(tmp_path / "d") == before


def test_a_changed_graph_file_is_another_dataset(tmp_path: Path) -> None:
    file = tmp_path / "ring.txt"
    file.write_text("\n".join(f"{i} {(i + 1) % 30}" for i in range(30)))
    keys = {**SMALL, "graphs": str(file), "tasks": "edge_count"}
    build(load_config(None, keys), tmp_path / "d")
    file.write_text(file.read_text() + "\n0 15\n")
    with pytest.raises(InputError, match="holds another dataset"):
        build(load_config(None, keys), tmp_path / "d")


def test_building_needs_neither_torch_nor_datasets(tmp_path: Path) -> None:
    """The modules are made impossible to import, as if they were not installed."""
    block = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'transformers', 'datasets', 'peft',"
        " 'accelerate']))"
    )
    flags = [
        "build",
        "--tasks",
        "edge_count",
        "--train",
        "3",
        "--validation",
        "0",
        "--test",
        "2",
        "--out",
        str(tmp_path / "d"),
    ]
    code = f"{block}; import graphtalk; sys.argv[1:] = {flags!r}; graphtalk.main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(read_examples(tmp_path / "d", "edge_count", "train")) == 3
