"""The shape of the house: which way imports may point, what may be named what, and what works without torch
or in a crowded folder.
"""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
UPSTREAM: dict[str, set[str]] = {
    "data_builders": set(),
    "eval": {"data_builders"},
    "language_models": {"data_builders", "eval"},
    "graph_models": {"data_builders", "eval"},
    "prompting": {"data_builders", "eval", "language_models"},
    "finetune": {"data_builders", "eval", "language_models"},
}
SHADOWS = {"datasets", "evaluate", "tokenizers", "accelerate", "peft"}


def imported(path: Path) -> set[str]:
    """Top-level names of every module that a file imports, inside functions too."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add((node.module or "").split(".")[0])
    return found


@pytest.mark.parametrize("folder", UPSTREAM)
def test_imports_point_up_the_stream(folder: str) -> None:
    files = sorted((ROOT / folder).rglob("*.py"))
    assert files
    for path in files:
        ours = imported(path) & ({*UPSTREAM, "graphtalk"} - {folder})
        assert ours <= UPSTREAM[folder], (
            f"{path.relative_to(ROOT)} imports {sorted(ours - UPSTREAM[folder])} against the stream"
        )


def test_the_data_builders_never_import_torch() -> None:
    for path in (ROOT / "data_builders").rglob("*.py"):
        assert not imported(path) & {"torch", "transformers"}, path


def test_no_module_shadows_a_library() -> None:
    for folder in UPSTREAM:
        for path in (ROOT / folder).rglob("*"):
            assert path.stem not in SHADOWS, path
    for path in ROOT.rglob("*.py"):
        if ".venv" not in path.parts:
            assert "import eval." not in path.read_text(encoding="utf-8").replace('"import eval."', ""), (
                f"{path} would shadow the builtin eval"
            )


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
        shown = subprocess.run(
            [str(script), command, "--help"], cwd=tmp_path, capture_output=True, text=True, timeout=300
        )
        assert shown.returncode == 0, shown.stderr
