"""docs/add_a_task.md and docs/add_an_encoder.md, followed word for word in a copy of the project."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_house import FOLDERS, ROOT

STEP = re.compile(
    r"^(?P<how>New file|At the end of|In) `(?P<file>[^`]+)`"
    r"(?:, (?P<side>before|after) the line `(?P<line>[^\n]+)`)?:\n\n```\w+\n(?P<block>.*?)```$",
    re.DOTALL | re.MULTILINE,
)
COMMANDS = re.compile(r"^```sh\n(.*?)```$", re.DOTALL | re.MULTILINE)


def copy_of_the_project(folder: Path) -> Path:
    for name in (*FOLDERS, "tests", "docs", "configs"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("graphtalk.py", "pyproject.toml", "README.md", "Makefile"):
        shutil.copy(ROOT / name, folder)
    return folder


def follow(page: str, project: Path) -> int:
    """Do what the page says with every block; how many there were."""
    steps = list(STEP.finditer((ROOT / "docs" / page).read_text(encoding="utf-8")))
    for step in steps:
        path, block = project / step["file"], step["block"]
        if step["how"] == "New file":
            assert not path.exists()
            path.write_text(block, encoding="utf-8")
            continue
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        if step["how"] == "In":
            places = [i for i, line in enumerate(lines) if line.strip() == step["line"]]
            assert len(places) == 1, f"{step['file']} has {len(places)} lines {step['line']!r}"
            at = places[0] + (step["side"] == "after")
        else:
            at = len(lines)
        path.write_text("".join([*lines[:at], block, *lines[at:]]), encoding="utf-8")
    return len(steps)


def run(command: str, project: Path) -> subprocess.CompletedProcess[str]:
    program, *words = shlex.split(command)
    start = [sys.executable, *([] if program == "python" else ["-m", program])]
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [*start, *words], cwd=project, env=environment, capture_output=True, text=True, timeout=600
    )


@pytest.mark.slow  # a minute and a half
@pytest.mark.parametrize(("page", "blocks"), [("add_a_task.md", 8), ("add_an_encoder.md", 5)])
def test_the_page_followed_word_for_word_ends_green(page: str, blocks: int, tmp_path: Path) -> None:
    project = copy_of_the_project(tmp_path)
    assert follow(page, project) == blocks
    commands = "".join(COMMANDS.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))).splitlines()
    assert any("graphtalk build" in command for command in commands)
    for command in commands:
        done = run(command, project)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"


def test_what_a_new_task_and_encoder_lack_is_listed_at_once(tmp_path: Path) -> None:
    """Registered and nothing more: one failing test names every part that is still to be written."""
    project = copy_of_the_project(tmp_path)
    (project / "mine.py").write_text(
        "from dataclasses import replace\n"
        "from data_builders.tasks import TASKS\n"
        "from data_builders.text.encoders import ENCODERS\n"
        "TASKS['is_odd'] = replace(TASKS['cycle_check'], name='is_odd')\n"
        "ENCODERS['short'] = replace(ENCODERS['tokens'], name='short')\n"
    )
    conftest = project / "tests" / "conftest.py"
    conftest.write_text("import mine  # noqa: F401\n" + conftest.read_text(encoding="utf-8"))
    done = run("python -m pytest tests/test_completeness.py", project)
    assert done.returncode == 1 and "1 failed" in done.stdout.splitlines()[-1], done.stdout
    places = ("SECOND", "RULES", "TOPICS", "ALGORITHMS", "conformance.jsonl", "data_format.md", "tests/")
    for place in places:
        assert re.search(rf"^E .*is_odd: .*{place}", done.stdout, re.MULTILINE), place
    for place in ("data_format.md", "DECODERS"):
        assert re.search(rf"^E .*short: .*{place}", done.stdout, re.MULTILINE), place
