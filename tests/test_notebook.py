"""The example notebook runs from top to bottom and prints what is stored in it."""

import contextlib
import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.programs import environment

pytestmark = pytest.mark.torch
NOTEBOOK = Path(__file__).parents[1] / "docs" / "graphtalk.ipynb"


def code_cells(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


def printed(cell: dict[str, Any]) -> str:
    """What a cell's stored outputs say on standard output."""
    return "".join("".join(out["text"]) for out in cell["outputs"] if out.get("name") == "stdout")


def test_the_cells_print_what_the_notebook_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """As plain Python, which needs nothing of Jupyter."""
    monkeypatch.setenv("MPLBACKEND", "Agg")
    names: dict[str, object] = {}
    cells = code_cells(NOTEBOOK)
    for cell in cells:
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            exec("".join(cell["source"]), names)
        assert out.getvalue() == printed(cell), "".join(cell["source"])
    assert len(cells) > 5 and sum(bool(printed(cell)) for cell in cells) > 4


IN_JUPYTER = """
import sys, nbformat
from nbclient import NotebookClient
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, timeout=300, kernel_name="python3").execute()
nbformat.write(notebook, sys.argv[2])
"""


@pytest.mark.slow
def test_jupyter_gives_the_same(tmp_path: Path) -> None:
    python = environment("nbclient", "nbclient ipykernel", tmp_path)
    kernel = [python, "-m", "ipykernel", "install", "--prefix", str(tmp_path)]
    subprocess.run(kernel, check=True, capture_output=True)
    own = {"JUPYTER_PATH": str(tmp_path / "share" / "jupyter"), "PYTHONPATH": str(NOTEBOOK.parents[1])}
    run = [python, "-c", IN_JUPYTER, str(NOTEBOOK), str(tmp_path / "out.ipynb")]
    done = subprocess.run(run, env={**os.environ, **own}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert [printed(cell) for cell in code_cells(tmp_path / "out.ipynb")] == [
        printed(cell) for cell in code_cells(NOTEBOOK)
    ]
