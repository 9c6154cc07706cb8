"""docs/finetuning.md names flags and files that exist."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[2]


def test_every_flag_and_file_of_the_page_exists() -> None:
    from finetune.config import parser

    text = (ROOT / "docs" / "finetuning.md").read_text(encoding="utf-8")
    known = {option for action in parser()._actions for option in action.option_strings}
    elsewhere = {"--out"}  # of graphtalk merge
    named = set(re.findall(r"--[a-z_0-9]+", text))
    assert len(named) > 20 and named - elsewhere <= known, named - elsewhere - known
    files = re.findall(r"configs/[a-z_/]+[a-z0-9_]*\.yaml", text)
    assert files and all((ROOT / file).is_file() for file in files)
    pages = re.findall(r"\]\(([a-z_]+\.md)\)", text)
    assert pages and all((ROOT / "docs" / page).is_file() for page in pages)
