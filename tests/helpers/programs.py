"""Environments of their own for programs whose versions clash with ours, over the packages of this one."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest


def environment(name: str, requirement: str, folder: Path) -> str:
    """The Python of an environment that has a program and, under it, all that this one has.

    requirement: for pip; several have spaces between them.
    GRAPHTALK_PROGRAMS may name a folder in which these environments are kept; else they lie in `folder`. The
    test is skipped where the program cannot be installed.
    """
    home = Path(os.environ.get("GRAPHTALK_PROGRAMS", folder)) / f"env-{name}"
    python = home / "bin" / "python"
    if not (home / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        packages = next(home.glob("lib/python*/site-packages"))
        (packages / "below.pth").write_text(sysconfig.get_path("purelib") + "\n")
        pip = [str(python), "-m", "pip", "install", "-q", *requirement.split()]
        installed = subprocess.run(pip, capture_output=True, text=True, check=False)
        if installed.returncode:
            pytest.skip(f"{requirement} cannot be installed: {installed.stderr[-300:]}")
        (home / "ready").touch()
    return str(python)
