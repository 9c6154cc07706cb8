"""TRL's five forms of a dataset: completions, chats, GRPO prompts, preference pairs and stepwise labels."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from data_builders.building.card import config_version
from data_builders.example import Example
from data_builders.exports.source import Source, chat, row, write_jsonl
from data_builders.exports.wrong_answers import wrong_answer

README = """\
# {name}, for TRL

| config | columns | trainer |
|---|---|---|
| prompt_completion | prompt, completion | SFTTrainer |
| messages | messages | SFTTrainer |
| grpo | prompt (a user's turn), and every column of the example | GRPOTrainer |
| preference | prompt, chosen, rejected (close to the right answer, and wrong) | DPOTrainer, RewardTrainer |
| stepwise | prompt, completions (the reason, the answer), labels | PRMTrainer |

```python
import graphtalk
from datasets import load_dataset
from trl import GRPOTrainer

data = load_dataset("path/of/this_folder", "grpo", split="train")
GRPOTrainer("Qwen/Qwen3-0.6B", reward_funcs=graphtalk.reward, train_dataset=data).train()
```
"""


def _prompt_completion(example: Example) -> Iterator[dict[str, Any]]:
    yield {"prompt": example.question, "completion": example.answer}


def _messages(example: Example) -> Iterator[dict[str, Any]]:
    yield {"messages": chat(example)}


def _grpo(example: Example) -> Iterator[dict[str, Any]]:
    yield {"prompt": chat(example)[:1], **row(example)}


def _preference(example: Example) -> Iterator[dict[str, Any]]:
    yield {"prompt": example.question, "chosen": example.answer, "rejected": wrong_answer(example)}


def _stepwise(example: Example) -> Iterator[dict[str, Any]]:
    """The right answer and a wrong one, each after the same reason where the dataset keeps reasons."""
    reason = [example.rationale.strip()] if example.rationale.strip() else []
    for answer, right in ((example.answer, True), (wrong_answer(example), False)):
        labels = [True] * len(reason) + [right]
        yield {"prompt": example.question, "completions": [*reason, answer.strip()], "labels": labels}


FORMS = {
    "prompt_completion": _prompt_completion,
    "messages": _messages,
    "grpo": _grpo,
    "preference": _preference,
    "stepwise": _stepwise,
}


def export(source: Source, out: Path) -> None:
    """FORM/SPLIT.jsonl, and a README.md that makes each form a config of `load_dataset`."""
    for form, rows in FORMS.items():
        for split in source.splits:
            lines = (line for example in source.examples(split) for line in rows(example))
            write_jsonl(out / form / f"{split}.jsonl", lines)
    configs = [
        {
            "config_name": form,
            "data_files": [{"split": s, "path": f"{form}/{s}.jsonl"} for s in source.splits],
            "version": config_version(source.lock),
        }
        for form in FORMS
    ]
    header = yaml.safe_dump({"configs": configs}, sort_keys=False)
    (out / "README.md").write_text(f"---\n{header}---\n{README.format(name=source.name)}", encoding="utf-8")
