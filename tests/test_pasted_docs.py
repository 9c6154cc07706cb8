"""The commands and the Python at the top of some pages under docs/ work when they are pasted."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.parametrize("page", ["publish.md", "export.md", "scale.md", "python.md"])
def test_a_page_works_when_it_is_pasted(page: str, tmp_path: Path) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    block = re.search(r"```(sh|python)\n(.*?)```", text, re.DOTALL)
    assert block
    console = tmp_path / "bin" / "graphtalk"
    console.parent.mkdir()
    console.write_text(f"#!{sys.executable}\nfrom graphtalk import main\nmain()\n")
    console.chmod(0o755)
    own = {"PATH": f"{console.parent}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}
    shell = ["bash", "-euc"] if block[1] == "sh" else [sys.executable, "-c"]
    done = subprocess.run(
        [*shell, block[2]],
        cwd=tmp_path,
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0 and done.stdout, done.stderr[-2000:]
