"""A procedural data set for reasoning_gym: any number of examples, made as they are read."""

import json
from pathlib import Path

from data_builders.building.config import BuildConfig
from data_builders.building.draws import Draws
from data_builders.building.rows import Chunk
from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.exports.source import Source

MODULE = '''\
"""The questions of {name} as a procedural data set of reasoning_gym: `import graphtalk_gym` registers it."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import graphtalk
from data_builders.exports.reasoning_gym import examples_at
from reasoning_gym.factory import ProceduralDataset, register_dataset

CONFIG = json.loads((Path(__file__).parent / "config.json").read_text(encoding="utf-8"))


@dataclass
class GraphtalkConfig:
    """size: how many examples. split: the side of all graphs that they are about."""

    seed: int = CONFIG["seed"]
    size: int = 500
    split: str = "train"

    def validate(self) -> None:
        assert self.split in ("train", "validation", "test"), self.split


class GraphtalkDataset(ProceduralDataset):
    """Item i asks about the graph of index i // (examples per graph)."""

    def __init__(self, config):
        super().__init__(config=config, seed=config.seed, size=config.size)
        self.build = graphtalk.BuildConfig(**{{**CONFIG, "seed": config.seed}})
        self.per_graph = len(examples_at(self.build, config.split, 0))

    def __getitem__(self, index):
        if not 0 <= index < self.size:
            raise IndexError(index)
        graph, nth = divmod(index, self.per_graph)
        example = asdict(examples_at(self.build, self.config.split, graph)[nth])
        metadata = {{"source_dataset": "graphtalk", "source_index": index, "example": example}}
        return {{"question": example["question"], "answer": example["answer"].strip(), "metadata": metadata}}

    def score_answer(self, answer, entry):
        """The credit of graphtalk's scorer, 1.0 for a right answer."""
        if not isinstance(answer, str):
            return 0.0
        example = graphtalk.Example(**entry["metadata"]["example"])
        return graphtalk.score(example, graphtalk.Prediction(example.id, answer)).credit


register_dataset("graphtalk", GraphtalkDataset, GraphtalkConfig)
'''

README = """\
# {name}, for reasoning_gym

```python
import graphtalk_gym  # this folder on the path: registers "graphtalk"
import reasoning_gym

data = reasoning_gym.create_dataset("graphtalk", size=100, seed=1)
print(data.score_answer("There is no path.", data[0]))
```

Examples are made as they are read: `size` may be anything, and another seed gives other graphs, always of
the side of their `split`. With the seed {seed} they are those of the dataset.
"""
LEFT_OUT = {"workers", "max_bytes", "graphs"}


def examples_at(config: BuildConfig, split: str, index: int) -> list[Example]:
    """The examples about the graphs of one index, which a build of `config` puts into `split`; the same ones,
    whatever the sizes of its splits.
    """
    own = config.of_split(split)
    chunk = Chunk(own, split)
    for source in own.all_sources:
        for choice in next(Draws(own, {}, split, source).choices([index])):
            chunk.add(source, index, choice.graph, choice.nth, choice.tasks)
    return [Example(**row) for table in chunk.tables().values() for row in table.to_pylist()]


def export(source: Source, out: Path) -> None:
    """graphtalk_gym.py and config.json; InputError for a dataset of the user's own graphs."""
    config = source.lock["config"]
    if config["graphs"]:
        raise InputError(
            f"{source.folder}: reasoning_gym draws new graphs, and those of {', '.join(config['graphs'])} "
            "are in a file; export a dataset of random generators"
        )
    kept = {key: value for key, value in config.items() if key not in LEFT_OUT} | {"tasks": source.tasks}
    (out / "config.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
    (out / "graphtalk_gym.py").write_text(MODULE.format(name=source.name), encoding="utf-8")
    (out / "README.md").write_text(README.format(name=source.name, seed=config["seed"]), encoding="utf-8")
