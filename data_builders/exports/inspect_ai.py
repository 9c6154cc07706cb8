"""Tasks for inspect_ai: one file of tasks with our scorer, and the examples beside it."""

from pathlib import Path

from data_builders.exports.source import Source, row, write_jsonl

HEAD = '''\
"""The questions of {name} as tasks of inspect_ai, scored by graphtalk."""

from pathlib import Path

import graphtalk
from inspect_ai import Task, task
from inspect_ai.dataset import Sample, json_dataset
from inspect_ai.scorer import CORRECT, INCORRECT, Score, accuracy, scorer, stderr
from inspect_ai.solver import generate

DATA = Path(__file__).parent / "data"


def sample(row):
    return Sample(row["question"], target=row["answer"].strip(), id=row["id"], metadata={{"example": row}})


@scorer(metrics=[accuracy(), stderr()])
def graphtalk_scorer():
    async def score(state, target):
        example = graphtalk.Example(**state.metadata["example"])
        reason = {{"max_tokens": "length", "content_filter": "refusal"}}.get(state.output.stop_reason, "stop")
        prediction = graphtalk.Prediction(example.id, state.output.completion, reason)
        result = graphtalk.score(example, prediction)
        return Score(
            value=CORRECT if result.outcome == "correct" else INCORRECT,
            answer=result.parsed,
            explanation=result.outcome,
            metadata={{"credit": result.credit, "strict": result.strict}},
        )

    return score


def questions(name, split):
    data = json_dataset(str(DATA / split / f"{{name}}.jsonl"), sample)
    return Task(dataset=data, solver=generate(), scorer=graphtalk_scorer())
'''
TASK = """

@task
def {task}(split="{split}"):
    return questions("{task}", split)
"""
README = """\
# {name}, for inspect_ai

One task of inspect_ai for each of ours:

```sh
inspect eval tasks.py@{task} --model openai/gpt-5-mini --limit 100
inspect eval tasks.py --model vllm/Qwen/Qwen3-0.6B -T split=validation
```
"""


def export(source: Source, out: Path) -> None:
    """tasks.py and data/SPLIT/TASK.jsonl."""
    for split in source.splits:
        for task in source.tasks:
            write_jsonl(out / "data" / split / f"{task}.jsonl", map(row, source.examples(split, task)))
    tasks = "".join(TASK.format(task=task, split=source.splits[-1]) for task in source.tasks)
    (out / "tasks.py").write_text(HEAD.format(name=source.name) + tasks, encoding="utf-8")
    (out / "README.md").write_text(README.format(name=source.name, task=source.tasks[0]), encoding="utf-8")
