"""Tasks for lm-evaluation-harness: a YAML a task, a group of all, and `process_results` by our scorer."""

from pathlib import Path

import yaml

from data_builders.example import write_examples
from data_builders.exports.source import Source

MODULE = '''\
"""What the YAML files beside this one call: the examples, and graphtalk's scorer."""

from pathlib import Path

import graphtalk
from datasets import load_dataset

DATA = Path(__file__).parent / "data"


def load(task, **_):
    splits = ("train", "validation", "test")
    files = {split: str(DATA / task / f"{split}.parquet") for split in splits}
    return load_dataset("parquet", data_files={s: f for s, f in files.items() if Path(f).is_file()})


def process_results(doc, results):
    result = graphtalk.score(graphtalk.Example(**doc), graphtalk.Prediction(doc["id"], results[0]))
    correct = result.outcome == "correct"
    return {"acc": float(correct), "strict": float(result.strict), "credit": result.credit}
'''
TASK = """\
task: {name}
custom_dataset: !function scorer.load
dataset_kwargs: {{task: {task}}}
test_split: {split}
output_type: generate_until
doc_to_text: "{{{{question}}}}"
doc_to_target: "{{{{answer}}}}"
target_delimiter: ""
generation_kwargs: {{until: [], do_sample: false, temperature: 0.0, max_gen_toks: 256}}
process_results: !function scorer.process_results
metric_list:
  - {{metric: acc, aggregation: mean, higher_is_better: true}}
  - {{metric: strict, aggregation: mean, higher_is_better: true}}
  - {{metric: credit, aggregation: mean, higher_is_better: true}}
metadata: {{version: 1.0}}
"""
README = """\
# {name}, for lm-evaluation-harness

```sh
lm_eval run --include_path . --tasks graphtalk --model hf --model_args pretrained=Qwen/Qwen3-0.6B
```

`acc` is the share of right answers, `strict` of those that stand alone, `credit` counts partly right ones.
The tasks of the group `graphtalk` are {tasks}.
"""


def export(source: Source, out: Path) -> None:
    """TASK.yaml, graphtalk.yaml (the group), scorer.py and data/TASK/SPLIT.parquet."""
    for task in source.tasks:
        for split in source.splits:
            (out / "data" / task).mkdir(parents=True, exist_ok=True)
            write_examples(list(source.examples(split, task)), out / "data" / task / f"{split}.parquet")
        text = TASK.format(name=_name(task), task=task, split=source.splits[-1])
        (out / f"{task}.yaml").write_text(text, encoding="utf-8")
    names = [_name(task) for task in source.tasks]
    metrics = [
        {"metric": metric, "aggregation": "mean", "weight_by_size": False}
        for metric in ("acc", "strict", "credit")
    ]
    group = {"group": "graphtalk", "task": names, "aggregate_metric_list": metrics}
    (out / "graphtalk.yaml").write_text(yaml.safe_dump(group, sort_keys=False), encoding="utf-8")
    (out / "scorer.py").write_text(MODULE, encoding="utf-8")
    (out / "README.md").write_text(README.format(name=source.name, tasks=", ".join(names)), encoding="utf-8")


def _name(task: str) -> str:
    return f"graphtalk_{task}"
