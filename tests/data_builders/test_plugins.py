"""Tasks, encoders and generators of an installed package, or of a module that --plugins names, work in every
command, its worker processes included.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULE = """
from data_builders.graphs.generators import Generator
from data_builders.graphs.graph import from_edges
from data_builders.tasks import TASKS, Task
from data_builders.tasks.second_opinion import SECOND
from data_builders.tasks.task import question, draw_nothing, say_number
from data_builders.text.decoders import DECODERS
from data_builders.text.encoders import Encoder

def ends(graph, query):
    return sum(len(ends) == 1 for ends in graph.adjacency.values())

def write(graph, names, quantity="capacity"):
    return f"{graph.n}: {' '.join(f'{u}-{v}' for u, v in graph.edges)}\\n"

def read(text):
    n, _, edges = text.partition(":")
    return [str(u) for u in range(int(n))], [(*edge.split("-"), None) for edge in edges.split()], False

def explain(graph, names, query, solution, witness=None):
    return " They were counted."

QUESTION = question("How many ends are in this graph?")
END_COUNT = Task("end_count", "retrieval", "integer", draw_nothing, QUESTION, ends, say_number, explain)
SHORT = Encoder("short", "integers", False, write)
DECODERS["short"] = read
TWO_STARS = Generator(lambda rng, n: from_edges(n, [(u % 2, u) for u in range(2, n)]), min_nodes=4)
SECOND["end_count"] = ends
"""
REGISTERED = (
    MODULE
    + """
from data_builders.graphs.generators import GENERATORS
from data_builders.text.encoders import ENCODERS
TASKS["end_count"], ENCODERS["short"], GENERATORS["two_stars"] = END_COUNT, SHORT, TWO_STARS
"""
)
ENTRY_POINTS = """[graphtalk.tasks]
end_count = ends_and_stars:END_COUNT
[graphtalk.encoders]
short = ends_and_stars:SHORT
[graphtalk.generators]
two_stars = ends_and_stars:TWO_STARS
"""


def graphtalk(*words: str, cwd: Path, path: Path | None = None) -> subprocess.CompletedProcess[str]:
    code = "from graphtalk import main\nif __name__ == '__main__': main()"
    (cwd / "start.py").write_text(code)
    paths = os.pathsep.join(map(str, [ROOT, *([path] if path else [])]))
    environment = {**os.environ, "PYTHONPATH": paths, "PYTHONSAFEPATH": "1"}
    command = [sys.executable, "start.py", *words]
    return subprocess.run(command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=300)


def install(folder: Path, module: str, entry_points: str) -> Path:
    """A package as pip leaves it, in a folder that can go onto sys.path."""
    info = folder / "ends_and_stars-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "ends_and_stars.py").write_text(module)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ends-and-stars\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(entry_points)
    return folder


CHOICES = "--tasks end_count --encoders short --generators two_stars"
# There is one such graph of each size, and a graph has one split: these sizes reach all splits.
BUILD = f"build {CHOICES} --max-nodes 40 --train 12 --validation 2 --test 4 --out d"


@pytest.mark.parametrize("way", ["entry points", "--plugins"])
def test_a_plugin_builds_in_worker_processes_and_is_verified(way: str, tmp_path: Path) -> None:
    path, flags = None, ["--plugins", "mine"]
    if way == "entry points":
        path, flags = install(tmp_path / "site", MODULE, ENTRY_POINTS), []
    else:
        (tmp_path / "mine.py").write_text(REGISTERED)
    made = graphtalk(*flags, *BUILD.split(), "--workers", "2", cwd=tmp_path, path=path)
    assert made.returncode == 0, made.stderr
    checked = graphtalk(*flags, "verify", "d", cwd=tmp_path, path=path)
    assert checked.returncode == 0, checked.stderr
    without = graphtalk(*BUILD.replace("--out d", "--out e").split(), cwd=tmp_path)
    assert without.returncode == 2 and "end_count" in without.stderr


FAULTS = {
    "no such module": ("", "[graphtalk.tasks]\nend_count = nowhere:X\n", "cannot be imported"),
    "another type": (
        MODULE,
        "[graphtalk.tasks]\nshort = ends_and_stars:SHORT\n",
        "expected Task, not Encoder",
    ),
    "another name": (MODULE, "[graphtalk.tasks]\nends = ends_and_stars:END_COUNT\n", "is called 'end_count'"),
    "a taken name": (
        MODULE,
        "[graphtalk.generators]\ner = ends_and_stars:TWO_STARS\n",
        "there already is a generator",
    ),
    "broken": ("1 / 0", ENTRY_POINTS, "ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_plugin_that_cannot_be_used_is_one_line(fault: str, tmp_path: Path) -> None:
    module, entry_points, words = FAULTS[fault]
    path = install(tmp_path / "site", module, entry_points)
    refused = graphtalk(*BUILD.split(), cwd=tmp_path, path=path)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1, refused.stderr
    assert words in refused.stderr and "of ends-and-stars" in refused.stderr


def test_a_module_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    refused = graphtalk("--plugins", "nowhere", *BUILD.split(), cwd=tmp_path)
    assert refused.returncode == 2 and len(refused.stderr.splitlines()) == 1, refused.stderr
    assert refused.stderr.startswith("graphtalk: --plugins nowhere: cannot be imported")
