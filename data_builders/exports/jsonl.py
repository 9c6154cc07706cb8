"""Plain JSON lines: every column of every example, one file a split."""

from pathlib import Path

from data_builders.exports.source import Source, row, write_jsonl

README = """\
# {name}, as JSON lines

One example a line, with every column of the dataset (`graph` and `solution` are JSON in a string).

```python
from datasets import load_dataset

load_dataset("json", data_files={{"test": "test.jsonl"}}, split="test")
```
"""


def export(source: Source, out: Path) -> None:
    """SPLIT.jsonl."""
    for split in source.splits:
        write_jsonl(out / f"{split}.jsonl", map(row, source.examples(split)))
    (out / "README.md").write_text(README.format(name=source.name), encoding="utf-8")
