"""Put a trained graph model into data/models, from where `graphtalk ask` takes it, with a card:

    python -m studies.ship runs/reproduce_small/runs/graph_transformer_0 graph_transformer

The card is written from the run folder: the command, what the training took, the scores beside the floors.
"""

import json
import shutil
import sys
from pathlib import Path

from data_builders.files import write_text
from eval.analysis.findings import percent
from eval.prediction import read_config
from graph_models.run import SHIPPED
from studies.reproduce import read_facts, table

FILES = ("model.safetensors", "config.json")


def card(run: Path, name: str) -> str:
    """The README of a shipped model."""
    config, facts = read_config(run), read_facts(run, "training.json")
    metrics = read_facts(run, "metrics.json")
    lock = read_facts(Path(config["data"]), "dataset.lock")["config"]
    flags = {**config["arguments"], "tasks": ",".join(config["tasks"])}
    left_out = ("model", "train_split", "validation_split", "test_split")
    flags = {key: value for key, value in flags.items() if value is not None and key not in left_out}
    words = " \\\n    ".join(f"--{key} {json.dumps(value).strip(chr(34))}" for key, value in flags.items())
    lines = []
    for task, row in metrics["tasks"].items():
        floors = row["floors"]
        best = max(floors, key=lambda floor: floors[floor])
        interval = f"{percent(row['accuracy'])} [{percent(row['low'])}, {percent(row['high'])}]"
        lines.append([task.replace("_", " "), interval, str(row["n"]), f"{percent(floors[best])} ({best})"])
    keys = ("tasks", "generators", "train", "validation", "test", "seed")
    build = " ".join(
        f"--{key} {','.join(lock[key]) if isinstance(lock[key], list) else lock[key]}" for key in keys
    )
    return f"""\
---
license: apache-2.0
---
# {name}

A {config["model"]} of {facts["parameters"]:,} parameters that reads graphs, not text, trained from random
weights on {facts["graphs"]:,} Erdős–Rényi graphs of GraphQA's sizes (5 to 19 nodes, undirected, unweighted)
with {facts["questions"]:,} questions: {facts["steps"]:,} steps, {facts["processor_seconds"]:,.0f} s of one
processor core.

```sh
graphtalk build --out data/er {build}
graphtalk fit {config["model"]} --dataset data/er --output_dir runs/{name} \\
    {words}
```

On its test split, whose graphs are isomorphic to none of training (percent right, 95% interval, one seed):

{table(["task", "right", "n", "highest floor"], lines)}

On graphs of other sizes and families it has not been measured here.
"""


def main() -> None:
    run, name = Path(sys.argv[1]), sys.argv[2]
    folder = SHIPPED / name
    folder.mkdir(parents=True, exist_ok=True)
    for file in FILES:
        shutil.copyfile(run / "checkpoint" / file, folder / file)
    write_text(folder / "README.md", card(run, name))
    print(f"see {folder}")


if __name__ == "__main__":
    main()
