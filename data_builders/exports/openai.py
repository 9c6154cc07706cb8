"""OpenAI's files: requests for the Batch API (and `vllm run-batch`), and conversations for fine-tuning."""

from itertools import islice
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.exports.source import Source, chat, row, write_jsonl

LINES = 50_000  # that the Batch API takes in one file

README = """\
# {name}, for OpenAI's API

- `fine_tuning/SPLIT.jsonl`: conversations for fine-tuning.
- `batch/SPLIT-00000.jsonl`: requests to {model}, at most {lines:,} a file. `vllm run-batch` reads them too.
- `examples/SPLIT.jsonl`: what the requests were made of; a request's `custom_id` is an example's `id`.

Scores of the replies in `replies.jsonl`:

```python
import json
import graphtalk

replies = map(json.loads, open("replies.jsonl"))
texts = {{r["custom_id"]: r["response"]["body"]["choices"][0]["message"]["content"] for r in replies}}
examples = [graphtalk.Example(**json.loads(line)) for line in open("examples/test.jsonl")]
print(graphtalk.evaluate(examples, [graphtalk.Prediction(e.id, texts[e.id]) for e in examples]).tasks)
```
"""


def export(source: Source, out: Path) -> None:
    """fine_tuning/, batch/ and examples/; InputError where no model was named."""
    if source.model is None:
        raise InputError("--to openai: a request names its model; give --model, such as --model gpt-5-mini")
    for split in source.splits:
        write_jsonl(
            out / "fine_tuning" / f"{split}.jsonl", ({"messages": chat(e)} for e in source.examples(split))
        )
        write_jsonl(out / "examples" / f"{split}.jsonl", map(row, source.examples(split)))
        requests = (_request(example, source.model) for example in source.examples(split))
        number = 0
        while lines := list(islice(requests, LINES)):
            write_jsonl(out / "batch" / f"{split}-{number:05d}.jsonl", lines)
            number += 1
    text = README.format(name=source.name, model=source.model, lines=LINES)
    (out / "README.md").write_text(text, encoding="utf-8")


def _request(example: Example, model: str) -> dict[str, Any]:
    return {
        "custom_id": example.id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": model, "messages": chat(example)[:1]},
    }
