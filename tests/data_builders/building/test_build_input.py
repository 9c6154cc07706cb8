"""What a build cannot do is said in one line, before anything is written."""

from pathlib import Path

import pytest

from data_builders.building.config import load_config
from data_builders.errors import InputError
from tests.data_builders.building.test_build import run

BAD_FLAGS = {
    "task": (("--tasks", "nodecount"), "unknown task 'nodecount'; choose from "),
    "encoder": (("--encoders", "adjacency,foo"), "unknown encoder 'foo'; choose from adjacency"),
    "generator": (("--generators", "erdos"), "unknown generator 'erdos'; choose from ba, caveman, complete"),
    "no tasks": (("--tasks", ","), "no tasks; choose from"),
    "nothing": (("--train", 0, "--validation", 0, "--test", 0), "train, validation and test are all 0"),
    "negative": (("--train", -1), "--train: input should be greater than or equal to 0, not -1"),
    "names": (("--names", "x"), "--names: input should be 'labels' or 'encoder', not 'x'"),
    "sizes": (("--min-nodes", 9, "--max-nodes", 8), "min_nodes 9 is larger than max_nodes 8"),
    "density": (("--density", "0.5,0.2"), "density 0.5,0.2: expected 0 <= LOW <= HIGH <= 1"),
    "no er": (("--density", 0.5, "--generators", "ba"), "and the generator er"),
    "too small": (
        ("--generators", "sfn", "--min-nodes", 2),
        "generator 'sfn' needs at least 3 nodes; min_nodes is 2",
    ),
    "one node": (
        ("--tasks", "reachability", "--min-nodes", 1),
        "task 'reachability' cannot ask about the smallest graphs of 'er'",
    ),
    "people": (
        ("--directed", "--tasks", "edge_count", "--encoders", "got"),
        "encoder 'got' cannot describe directed graphs; choose",
    ),
    "undirected": (
        ("--directed", "--tasks", "edge_count", "--generators", "ba"),
        "generator 'ba' draws undirected graphs only",
    ),
    "blocks": (("--directed",), "task 'node_classification' draws its own undirected graphs"),
    "directed task": (
        ("--tasks", "topological_order", "--encoders", "got"),
        "'topological_order' asks about directed graphs, which",
    ),
    "undirected task": (
        ("--directed", "--tasks", "tree_check"),
        "task 'tree_check' asks about undirected graphs; leave it out",
    ),
    "loops": (("--self-loops",), "no generator here can have self_loops; choose from sfn"),
    "no file": (
        ("--graphs", "no/such.graphml"),
        "no/such.graphml: cannot be read (no such file or directory)",
    ),
    "stem": (("--graphs", "some/er.graphml"), "some/er.graphml: the name 'er' is taken"),
    "no yaml": (("no.yaml",), "no.yaml: cannot be read (no such file or directory)"),
}


@pytest.mark.parametrize("case", BAD_FLAGS)
def test_bad_flags_get_one_line_and_exit_code_2(
    case: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    flags, message = BAD_FLAGS[case]
    monkeypatch.chdir(tmp_path)
    code, error = run("build", *flags, "--out", tmp_path / "d", capsys=capsys, monkeypatch=monkeypatch)
    assert code == 2 and message in error and error.count("\n") == 1
    assert not (tmp_path / "d").exists()


BAD_YAML = {
    "key": ("tsks: [edge_count]\n", "unknown key 'tsks'; accepted keys are name, tasks, encoders"),
    "value": (
        "train: many\n",
        "train: input should be a valid integer, unable to parse string as an integer, not 'many'",
    ),
    "syntax": ("train: 1\ntasks: [a\nseed: 2\n", "line 3: not YAML"),
    "list": ("- a\n", "expected `key: value` lines"),
    "binary": (b"\xff\xfe\x00", "not UTF-8 text"),
}


@pytest.mark.parametrize("case", BAD_YAML)
def test_bad_yaml_gets_one_line(case: str, tmp_path: Path) -> None:
    text, message = BAD_YAML[case]
    file = tmp_path / "bad.yaml"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        load_config(file, {})
    assert (
        str(error.value).startswith(f"{file}: ")
        and message in str(error.value)
        and "\n" not in str(error.value)
    )
