"""docs/promises.md names tests that exist."""

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_each_promise_names_tests_that_exist() -> None:
    page = (ROOT / "docs" / "promises.md").read_text(encoding="utf-8").partition("\n## ")[0]
    rows = re.findall(r"^\| (?!promise|-)(.+) \| (.+) \|$", page, re.M)
    assert len(rows) > 15
    for promise, cell in rows:
        tests = re.findall(r"`([\w/]+\.py)::(\w+)`", cell)
        assert tests and cell.count("`") == 2 * len(tests), f"{promise}: no test holds it"
        for path, name in tests:
            tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
            names = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
            assert name in names, f"{promise}: {path} has no {name}"
