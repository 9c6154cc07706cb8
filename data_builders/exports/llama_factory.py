"""LLaMA-Factory's data folder: `dataset_info.json`, and each split in the alpaca and the sharegpt form."""

import json
from pathlib import Path
from typing import Any

from data_builders.exports.source import Source, write_jsonl

README = """\
# {name}, for LLaMA-Factory

`dataset_info.json` names one dataset a split and form. In a training YAML of LLaMA-Factory:

```yaml
dataset_dir: FOLDER  # this one
dataset: {name}_train_alpaca
eval_dataset: {name}_validation_alpaca
```
"""


def export(source: Source, out: Path) -> None:
    """NAME_SPLIT_alpaca.jsonl, NAME_SPLIT_sharegpt.jsonl and dataset_info.json."""
    info: dict[str, Any] = {}
    for split in source.splits:
        alpaca, sharegpt = (f"{source.name}_{split}_{form}" for form in ("alpaca", "sharegpt"))
        write_jsonl(
            out / f"{alpaca}.jsonl",
            (
                {"instruction": e.question, "input": "", "output": e.answer.strip()}
                for e in source.examples(split)
            ),
        )
        write_jsonl(
            out / f"{sharegpt}.jsonl",
            (
                {
                    "conversations": [
                        {"from": "human", "value": e.question},
                        {"from": "gpt", "value": e.answer.strip()},
                    ]
                }
                for e in source.examples(split)
            ),
        )
        info[alpaca] = {
            "file_name": f"{alpaca}.jsonl",
            "formatting": "alpaca",
            "columns": {"prompt": "instruction", "query": "input", "response": "output"},
        }
        info[sharegpt] = {
            "file_name": f"{sharegpt}.jsonl",
            "formatting": "sharegpt",
            "columns": {"messages": "conversations"},
            "tags": {"role_tag": "from", "content_tag": "value", "user_tag": "human", "assistant_tag": "gpt"},
        }
    (out / "dataset_info.json").write_text(json.dumps(info, indent=2) + "\n", encoding="utf-8")
    (out / "README.md").write_text(README.format(name=source.name), encoding="utf-8")
