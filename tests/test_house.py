"""The shape of the house: which way imports may point, what may be named what, and what works without torch
or in a crowded folder.
"""

import ast
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import networkx as nx
import pytest

ROOT = Path(__file__).parents[1]
UPSTREAM: dict[str, set[str]] = {
    "data_builders": set(),
    "eval": {"data_builders"},
    "language_models": {"data_builders", "eval"},
    "graph_models": {"data_builders", "eval"},
    "prompting": {"data_builders", "eval", "language_models", "graph_models"},
    "finetune": {"data_builders", "eval", "language_models"},
    "studies": {"data_builders", "eval", "language_models", "graph_models", "prompting", "finetune"},
}
FOLDERS = [folder for folder in UPSTREAM if (ROOT / folder).is_dir()]
MOST_FILES = 12  # that a folder shows beside its rooms; `__init__.py` says nothing and is not counted
# Names of libraries, which a module of ours would hide, and names that say nothing about what is inside.
FORBIDDEN = {"datasets", "evaluate", "tokenizers", "accelerate", "peft", "models"}
FORBIDDEN |= {"utils", "util", "common", "helpers", "misc", "base"}


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(tree: ast.Module) -> set[str]:
    """Every module that a file imports, inside functions too; `from a import b` gives a and a.b."""
    modules: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"relative import of {node.module} in line {node.lineno}"
            modules |= {str(node.module), *(f"{node.module}.{alias.name}" for alias in node.names)}
    return modules


def module_name(path: Path) -> str:
    """The name by which a file under the root is imported."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


TREES = {path: parsed(path) for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))}


def import_graph() -> "nx.DiGraph[str]":
    """Which file of ours imports which, late imports included."""
    names = {module_name(path) for path in TREES}
    graph: nx.DiGraph[str] = nx.DiGraph()
    for path, tree in TREES.items():
        graph.add_edges_from((module_name(path), other) for other in imported(tree) & names)
    graph.remove_edges_from(
        list(nx.selfloop_edges(graph))
    )  # `from eval.scoring import score` in its own room
    return graph


def joined(graph: "nx.DiGraph[str]", depth: int) -> "nx.DiGraph[str]":
    """The import graph seen from outside: names that agree in their first `depth` parts are one node."""

    def outside(name: str) -> str:
        return ".".join(name.split(".")[:depth])

    edges = {(outside(a), outside(b)) for a, b in graph.edges}
    return nx.DiGraph([(a, b) for a, b in edges if a != b])


def test_imports_point_up_the_stream() -> None:
    folders = joined(import_graph(), 1)
    wrong = [(a, b) for a, b in folders.edges if b not in UPSTREAM[a]]
    assert not wrong, f"imports against the stream: {wrong}"
    assert ("eval", "data_builders") in folders.edges
    for path, tree in TREES.items():
        assert "graphtalk" not in imported(tree), f"{path} imports the command line"


@pytest.mark.parametrize("depth", [2, 9], ids=["rooms and the files beside them", "files"])
def test_no_circle_of_imports(depth: int) -> None:
    """A room imported by a file that it imports itself is a circle, too, although Python may load it."""
    graph = joined(import_graph(), depth)
    assert ("data_builders.building", "data_builders.tasks") in joined(graph, 2).edges
    assert list(nx.simple_cycles(graph)) == []


def test_a_circle_of_late_imports_is_seen() -> None:
    late = ast.parse("def f():\n    from eval.api import score\n    import eval.prediction")
    assert imported(late) == {"eval.api", "eval.api.score", "eval.prediction"}
    circle = nx.DiGraph([("eval.report.page", "eval.api"), ("eval.api", "eval.report.write")])
    assert list(nx.simple_cycles(circle)) == []
    assert list(nx.simple_cycles(joined(circle, 2)))


def test_no_folder_shows_more_files_than_a_glance_takes_in() -> None:
    shown = Counter(path.parent.relative_to(ROOT) for path in TREES if path.name != "__init__.py")
    assert {str(folder): n for folder, n in shown.items() if n > MOST_FILES} == {}


def test_the_first_line_of_a_file_says_what_it_does() -> None:
    first: dict[str, Path] = {}
    for path, tree in TREES.items():
        summary = " ".join((ast.get_docstring(tree) or "").partition("\n\n")[0].split())
        assert len(summary.split()) >= 4 and summary.endswith((".", ":", "?")), f"{path}: {summary!r}"
        assert summary not in first, f"{path} says the same of itself as {first[summary]}: {summary!r}"
        first[summary] = path


def test_building_and_scoring_never_import_torch() -> None:
    for path, tree in TREES.items():
        if path.relative_to(ROOT).parts[0] in ("data_builders", "eval"):
            assert not {name.split(".")[0] for name in imported(tree)} & {"torch", "transformers"}, path


def test_no_module_has_a_forbidden_name() -> None:
    for folder in FOLDERS:
        for path in (ROOT / folder).rglob("*"):
            assert path.stem not in FORBIDDEN, path
    for path in [*TREES, *(ROOT / "tests").rglob("*.py"), *(ROOT / "benchmarks").glob("*.py")]:
        for node in ast.walk(TREES.get(path) or parsed(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            assert not any(name.startswith("eval.") for name in names), f"{path} shadows the builtin eval"


def graphtalk(*args: str, cwd: Path, blocked: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """The command line in a process of its own, with some packages made impossible to import."""
    code = (
        "import sys\n"
        "class Blocked:\n"  # not None in sys.modules, which scipy takes for a module
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] in {blocked!r}: raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Blocked())\n"
        f"sys.argv = ['graphtalk', *{args!r}]\n"
        "from graphtalk import main\nmain()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    return subprocess.run(
        [sys.executable, "-c", code], cwd=cwd, env=environment, capture_output=True, text=True, timeout=300
    )


def test_building_and_scoring_work_without_the_training_stack(tmp_path: Path) -> None:
    blocked = ("torch", "transformers", "peft", "accelerate", "datasets", "deepspeed", "tokenizers")
    flags = ["--tasks", "cycle_check", "--train", "20", "--validation", "5", "--test", "5", "--out", "data"]
    build = graphtalk("build", *flags, cwd=tmp_path, blocked=blocked)
    assert build.returncode == 0, build.stderr

    from data_builders.example import read_examples, read_lock
    from eval.prediction import Prediction, write_config, write_environment, write_predictions

    run = tmp_path / "runs" / "gold"
    fingerprint = read_lock(tmp_path / "data")["fingerprint"]
    config = {
        "label": "gold",
        "kind": "rule",
        "data": str(tmp_path / "data"),
        "dataset_fingerprint": fingerprint,
        "split": "test",
    }
    write_config({**config, "tasks": ["cycle_check"], "limit": None}, run)
    write_environment(run)
    write_predictions(
        [Prediction(e.id, e.answer) for e in read_examples(tmp_path / "data", "cycle_check", "test")], run
    )
    score = graphtalk("score", "runs/gold", cwd=tmp_path, blocked=blocked)
    assert score.returncode == 0, score.stderr
    report = graphtalk("report", "runs/gold", "--out", "report", cwd=tmp_path, blocked=blocked)
    assert report.returncode == 0, report.stderr
    assert "gold" in (tmp_path / "report" / "report.html").read_text(encoding="utf-8")


def test_a_folder_with_an_eval_of_its_own_does_not_get_in_the_way(tmp_path: Path) -> None:
    for name in ("eval", "finetune", "prompting", "data_builders"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise RuntimeError('the wrong package')\n")
    (tmp_path / "eval.py").write_text("raise RuntimeError('the wrong module')\n")
    script = Path(sys.executable).with_name("graphtalk")
    if not script.exists():
        pytest.skip("the console script is not installed in this environment")
    for command in ("build", "prompt", "score", "report", "compare", "finetune"):
        printed = subprocess.run(
            [str(script), command, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert printed.returncode == 0, printed.stderr
