"""A taskset for verifiers (v1): a package of its own, with the examples and our scorer as its reward."""

from pathlib import Path

from data_builders.exports.source import Source, row, write_jsonl

MODULE = '''\
"""The questions of {name} as a taskset of verifiers, rewarded by graphtalk."""

import json
from pathlib import Path

import graphtalk
import verifiers.v1 as vf

DATA = Path(__file__).parent / "data"

__all__ = ["GraphtalkTaskset"]


class GraphtalkData(vf.TaskData):
    example: dict


class GraphtalkConfig(vf.TasksetConfig):
    split: str = "{split}"


class GraphtalkTask(vf.Task[GraphtalkData]):
    def result(self, text, reason="stop"):
        example = graphtalk.Example(**self.data.example)
        return graphtalk.score(example, graphtalk.Prediction(example.id, text, reason))

    @vf.reward
    async def credit(self, trace) -> float:
        return self.result(trace.last_reply, "length" if trace.is_truncated else "stop").credit

    @vf.metric
    async def correct(self, trace) -> float:
        result = self.result(trace.last_reply, "length" if trace.is_truncated else "stop")
        return float(result.outcome == "correct")

    async def validate(self, runtime) -> bool:
        return self.result(self.data.example["answer"]).outcome == "correct"


class GraphtalkTaskset(vf.Taskset[GraphtalkTask, GraphtalkConfig]):
    def load(self):
        with (DATA / f"{{self.config.split}}.jsonl").open(encoding="utf-8") as file:
            for example in map(json.loads, file):
                data = GraphtalkData(id=example["id"], prompt=example["question"], example=example)
                yield GraphtalkTask(data)
'''
PROJECT = """\
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "graphtalk-taskset"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["verifiers>=0.4", "graphtalk"]

[tool.setuptools]
packages = ["graphtalk_taskset"]
package-data = {graphtalk_taskset = ["data/*.jsonl"]}
"""
README = """\
# {name}, for verifiers

```sh
pip install --no-deps -e .  # beside verifiers and graphtalk
vf-validate graphtalk-taskset --runtime.type subprocess
vf-eval graphtalk-taskset --model openai/gpt-5-mini
```
"""


def export(source: Source, out: Path) -> None:
    """pyproject.toml and graphtalk_taskset/{__init__.py, data/SPLIT.jsonl}."""
    package = out / "graphtalk_taskset"
    for split in source.splits:
        write_jsonl(package / "data" / f"{split}.jsonl", map(row, source.examples(split)))
    text = MODULE.format(name=source.name, split=source.splits[-1])
    (package / "__init__.py").write_text(text, encoding="utf-8")
    (out / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (out / "README.md").write_text(README.format(name=source.name), encoding="utf-8")
