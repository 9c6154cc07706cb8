"""What pyproject.toml declares is what the code imports; and commands load no more than they need."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.test_house import ROOT, graphtalk, imported, parsed

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
ROOMS = {  # folder -> extras whose packages it may import
    "data_builders": {"prompting"},  # tokenizers, to count tokens
    "eval": {"prompting"},  # huggingface_hub, to publish
    "language_models": {"prompting", "ctranslate2"},
    "prompting": {"prompting"},
    "finetune": {"finetune", "ctranslate2"},
    "graph_models": {"graph_models"},
}
DISTRIBUTION = {"yaml": "pyyaml", "sklearn": "scikit-learn"}  # import name -> package, where they differ
NOT_IMPORTED = {  # package -> what loads it, or runs it
    "gguf": "transformers reads GGUF files with it",
    "tensorboard": "--report_to tensorboard",
    "bitsandbytes": "transformers, for 4 bit",
    "deepspeed": "accelerate",
    "ninja": "deepspeed",
    "pytest-xdist": "make test",
    "ruff": "make check",
    "mypy": "make check",
    "types-pyyaml": "mypy",
    "fastapi": "transformers serve",
    "uvicorn": "transformers serve",
}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", text)[0].lower().replace("_", "-") for text in requirements}


EXTRAS = {extra: names(packages) for extra, packages in PROJECT["optional-dependencies"].items()}


def packages(folder: Path) -> set[str]:
    """Packages that the files under a folder import, late imports included."""
    found = {name.split(".")[0] for path in folder.rglob("*.py") for name in imported(parsed(path))}
    ours = {path.stem for path in ROOT.iterdir()}
    return {
        DISTRIBUTION.get(name, name).replace("_", "-") for name in found - ours - set(sys.stdlib_module_names)
    }


@pytest.mark.parametrize("room", ROOMS)
def test_what_is_imported_is_declared(room: str) -> None:
    declared = names(PROJECT["dependencies"]).union(*(EXTRAS[extra] for extra in ROOMS[room]))
    assert packages(ROOT / room) <= declared


def test_what_is_declared_is_used() -> None:
    rooms = set[str]().union(*(packages(ROOT / room) for room in ROOMS), {"typer"})
    declared = names(PROJECT["dependencies"]).union(*(EXTRAS[e] for e in EXTRAS if e != "dev"))
    assert declared - rooms - NOT_IMPORTED.keys() == set()
    assert EXTRAS["dev"] - packages(ROOT / "tests") - NOT_IMPORTED.keys() == set()
    assert NOT_IMPORTED.keys() <= declared | EXTRAS["dev"]


def test_the_pinned_versions_are_the_declared_packages() -> None:
    pinned = names([line for line in (ROOT / "requirements.txt").read_text().splitlines() if "==" in line])
    wanted = names(PROJECT["dependencies"]).union(*EXTRAS.values()) - {"bitsandbytes"}
    assert wanted - pinned == set()


COMMANDS = ["build", "tasks", "verify", "prompt", "ask", "smollm2", "finetune", "merge", "score", "report"]
HEAVY = ["torch", "transformers", "networkx", "pyarrow", "numpy", "scipy", "sklearn", "pandas", "matplotlib"]


@pytest.mark.parametrize("command", ["", *COMMANDS, "compare", "conformance"])
def test_help_loads_nothing_heavy(command: str) -> None:
    program = (
        f"import sys, graphtalk\nsys.argv = ['graphtalk', *{command.split()!r}, '--help']\n"
        "try:\n    graphtalk.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        f"assert not set(sys.modules) & set({HEAVY!r}), set(sys.modules) & set({HEAVY!r})"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_scoring_loads_no_learner() -> None:
    program = "import eval.scoring, sys\nassert not {'torch', 'sklearn', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)


def test_building_loads_neither_plots_nor_learners(tmp_path: Path) -> None:
    unwanted = {"sklearn", "torch", "matplotlib"}  # pandas is loaded by pyarrow, where it is installed
    program = (
        "import sys, graphtalk\n"
        f"sys.argv = 'graphtalk build --train 2 --validation 1 --test 1 --out {tmp_path}/d'.split()\n"
        "try:\n    graphtalk.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        f"loaded = {unwanted!r} & set(sys.modules)\nassert not loaded, loaded"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


def test_a_missing_extra_is_one_line(tmp_path: Path) -> None:
    """Only the message: which extra a package is in comes from the installed metadata."""
    out = graphtalk("merge", "run", "--out", "m", cwd=tmp_path, blocked=("peft", "torch", "transformers"))
    assert out.returncode == 2 and out.stderr.count("\n") == 1
    assert "is not installed; in the clone, pip install -e" in out.stderr and "finetune" in out.stderr
