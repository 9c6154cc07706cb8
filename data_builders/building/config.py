"""BuildConfig: what a dataset is made of, from a YAML file, from flags, or from both."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from data_builders.errors import InputError, check_choice
from data_builders.files import file_sha256, read_yaml
from data_builders.options import Option, validate
from data_builders.readers.source import (
    MAX_BYTES,
    Columns,
    Directed,
    Header,
    Label,
    MaxBytes,
    Weight,
    Weights,
)

Names = tuple[str, ...]
Range = tuple[float, float] | None
Balance = Literal["none", "answers", "rules"]

# Functions here import what knows the tasks, encoders and generators: `graphtalk build --help` needs the
# fields alone, and networkx takes as long to load as all the rest.


def _graphqa() -> tuple[str, ...]:
    from data_builders.tasks import GRAPHQA

    return GRAPHQA


MOST_GRAPHS = 1_000_000_000  # of a split, and
MOST_NODES = 1_000_000  # of a graph: more is a slip of the keyboard, and would compute for ever


class BuildConfig(BaseModel):
    """The keys of a data YAML; each is also a flag of `graphtalk build`, and its help says what it means."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)

    name: Annotated[str, Option("Name of the dataset.")] = Field("graphqa", min_length=1)
    tasks: Annotated[
        Names, Option("Tasks, with commas; by default GraphQA's, of which those that fit the graphs.")
    ] = Field(default_factory=_graphqa)
    encoders: Annotated[
        Names,
        Option(
            "Encoders, with commas; got+incident has the node names of one and the edges of the other, "
            "{names: got, edges: incident} in YAML."
        ),
    ] = ("adjacency",)
    generators: Annotated[Names | None, Option("Random graph generators, with commas.")] = None
    graphs: Annotated[
        tuple[Path, ...],
        Option("File of a graph to sample subgraphs from; repeatable. Each is a generator, called like it."),
    ] = ()
    names: Annotated[
        Literal["labels", "encoder"], Option("Node names of graph files: labels or encoder.")
    ] = "labels"
    unit: Annotated[
        Literal["subgraph", "graph"],
        Option("What graph files are asked about: subgraphs of them, or each graph as it is, without train."),
    ] = "subgraph"
    sampling: Annotated[
        Literal["walk", "jump", "ego", "fire", "induced"],
        Option(
            "Subgraphs of graph files: along a random walk, with jumps (jump), around a node (ego), by forest"
            " fire (fire), or of uniform nodes (induced)."
        ),
    ] = "walk"
    balance: Annotated[
        Balance, Option("none, answers, or rules: every answer equally often, also where rules of thumb err.")
    ] = "none"
    label: Label = None
    columns: Columns = ()
    weight: Weight = None
    weights: Weights = True
    header: Header = None
    max_bytes: MaxBytes = MAX_BYTES
    train: Annotated[
        int, Option("Training graphs per generator; every task asks about each once per encoder.")
    ] = Field(1000, ge=0, le=MOST_GRAPHS)
    validation: Annotated[int, Option("Validation graphs per generator.")] = Field(500, ge=0, le=MOST_GRAPHS)
    test: Annotated[int, Option("Test graphs per generator.")] = Field(500, ge=0, le=MOST_GRAPHS)
    seed: Annotated[int, Option("Seed of every random stream.")] = 0
    min_nodes: Annotated[
        int | None, Option("Smallest graph; sizes are uniform then, not GraphQA's three classes.")
    ] = Field(None, ge=1, le=MOST_NODES)
    max_nodes: Annotated[int | None, Option("Largest graph.")] = Field(None, ge=1, le=MOST_NODES)
    density: Annotated[Range, Option("Edge probabilities of er, LOW,HIGH; 0,1 by default.")] = None
    test_encoders: Annotated[
        Names | None, Option("Encoders of the test split, if not those of training.")
    ] = None
    test_generators: Annotated[Names | None, Option("Random graph generators of the test split.")] = None
    test_balance: Annotated[Balance | None, Option("Balance of the test split: none, answers, or rules.")] = (
        None
    )
    test_min_nodes: Annotated[
        int | None, Option("Smallest graph of the test split, if not that of training.")
    ] = Field(None, ge=1, le=MOST_NODES)
    test_max_nodes: Annotated[int | None, Option("Largest graph of the test split.")] = Field(
        None, ge=1, le=MOST_NODES
    )
    test_density: Annotated[Range, Option("Edge probabilities of er in the test split, LOW,HIGH.")] = None
    directed: Directed = False
    self_loops: Annotated[bool, Option("Keep the self loops of sfn.")] = False
    rationales: Annotated[bool, Option("Store chain-of-thought reasons.")] = True
    workers: Annotated[int | None, Option("Processes; one per core by default. The dataset is the same.")] = (
        Field(None, ge=1)
    )

    @field_validator(
        "tasks", "encoders", "generators", "graphs", "test_encoders", "test_generators", mode="before"
    )
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """A list may also be one name or names with commas between them; a repeated name counts once."""
        from data_builders.text.encoders import get_encoder

        if isinstance(value, str):
            value = [name for name in value.split(",") if name.strip()]
        if isinstance(value, dict):
            value = [value]
        if not isinstance(value, list):
            return value
        value = [get_encoder(each).name if isinstance(each, dict) else each for each in value]
        return list(dict.fromkeys(value)) if all(isinstance(each, str) for each in value) else value

    @field_validator("density", "test_density", mode="before")
    @classmethod
    def _range(cls, value: Any) -> Any:
        """A range may also be one number, or `LOW,HIGH`."""
        parts = (
            value.split(",")
            if isinstance(value, str)
            else [value]
            if isinstance(value, int | float)
            else value
        )
        return parts * 2 if isinstance(parts, list) and len(parts) == 1 else parts

    @model_validator(mode="before")
    @classmethod
    def _whole_graphs(cls, values: Any) -> Any:
        """Whole graphs are one question set: no train, and by default one question per task and encoder."""
        if isinstance(values, dict) and values.get("unit") == "graph":
            return {"train": 0, "validation": 0, "test": 1, **values}
        return values

    @property
    def families(self) -> tuple[str, ...]:
        """The random generators to draw from: er, unless others or graph files are named."""
        if self.generators is None:
            return () if self.graphs else ("er",)
        return self.generators

    @property
    def sources(self) -> tuple[str, ...]:
        """Random generators, then graph files, by name."""
        from data_builders.readers.graph_files import source_name

        return (*self.families, *(source_name(path) for path in self.graphs))

    def sources_of(self, task: str) -> tuple[str, ...]:
        """Where the graphs of a task come from: all sources, unless the task brings its own."""
        from data_builders.tasks import TASKS

        own = TASKS[task].generator
        return self.sources if own is None else (own,)

    @property
    def all_sources(self) -> tuple[str, ...]:
        """Every source that any task draws from, each once."""
        return tuple(dict.fromkeys(source for task in self.tasks for source in self.sources_of(task)))

    def tasks_of(self, source: str) -> tuple[str, ...]:
        return tuple(task for task in self.tasks if source in self.sources_of(task))

    def size(self, split: str) -> int:
        return {"train": self.train, "validation": self.validation, "test": self.test}[split]

    @property
    def rows(self) -> int:
        """Number of examples in the whole dataset."""
        from data_builders.example import SPLITS

        return sum(self.of_split(split)._questions * self.size(split) for split in SPLITS)

    @property
    def _questions(self) -> int:
        """Number of examples per index."""
        return sum(len(self.sources_of(task)) for task in self.tasks) * len(self.encoders)

    def check(self) -> None:
        """Raise InputError for names, sizes and options that do not go together."""
        from data_builders.example import SPLITS

        if not any(self.size(split) for split in SPLITS):
            raise InputError("train, validation and test are all 0; ask for at least one graph")
        if self.unit == "graph":
            self._check_whole_graphs()
        for config in (self, self.of_split("test")):
            config._check_names()
            config._check_sizes()
            config._check_options()
        self._check_stems()

    @property
    def smallest(self) -> int:
        """Number of nodes of the smallest graphs."""
        from data_builders.graphs.generators import SIZE_CLASSES

        return SIZE_CLASSES[0][0] if self.min_nodes is None else self.min_nodes

    @property
    def largest(self) -> int:
        """Number of nodes of the largest graphs."""
        from data_builders.graphs.generators import SIZE_CLASSES

        return SIZE_CLASSES[-1][1] if self.max_nodes is None else self.max_nodes

    def of_split(self, split: str) -> "BuildConfig":
        """The config with what a split has of its own."""
        own = {key.removeprefix("test_"): getattr(self, key) for key in TEST_KEYS if split == "test"}
        own = {key: value for key, value in own.items() if value is not None}
        return self.model_copy(update=own) if own else self

    def _check_names(self) -> None:
        from data_builders.graphs.generators import GENERATORS
        from data_builders.tasks import TASKS
        from data_builders.text.encoders import ENCODERS, get_encoder

        for kind, given, known in (
            ("task", self.tasks, TASKS),
            ("encoder", self.encoders, ENCODERS),
            ("generator", self.families, GENERATORS),
        ):
            if not given and (kind != "generator" or not self.graphs):
                raise InputError(f"no {kind}s; choose from {', '.join(sorted(known))}")
            for name in given:
                if kind == "encoder":
                    get_encoder(name)
                else:
                    check_choice(kind, name, known)

    def _check_whole_graphs(self) -> None:
        from data_builders.tasks import EDGE_CHANGING, TASKS

        if not self.graphs or self.families:
            raise InputError(
                "unit graph asks about graph files as they are; give --graphs, and no generators"
            )
        if self.train or self.validation:
            raise InputError(
                "unit graph makes one question set: leave train and validation out, or set them to 0"
            )
        for key in ("min_nodes", "max_nodes", "test_min_nodes", "test_max_nodes"):
            if getattr(self, key) is not None:
                raise InputError(f"unit graph asks about graph files as they are; leave {key} out")

        for name in self.tasks:
            transform = TASKS[check_choice("task", name, TASKS)].transform
            if transform in EDGE_CHANGING or (transform == "directed" and not self.directed):
                raise InputError(
                    f"task {name!r} changes the edges of a graph, and unit graph asks about graph "
                    f"files as they are"
                )

    def _check_sizes(self) -> None:
        from data_builders.graphs.generators import GENERATORS

        low, high = self.smallest, self.largest
        if low > high:
            raise InputError(f"min_nodes {low} is larger than max_nodes {high}")
        for name in self.all_sources:
            if name in GENERATORS and low < GENERATORS[name].min_nodes:
                raise InputError(
                    f"generator {name!r} needs at least {GENERATORS[name].min_nodes} nodes; min_nodes is"
                    f" {low}"
                )

    def _check_options(self) -> None:
        from data_builders.graphs.generators import GENERATORS
        from data_builders.tasks import TASKS
        from data_builders.text.encoders import ENCODERS, get_encoder

        plain = [
            name
            for name in self.encoders
            if not get_encoder(name).directed or not get_encoder(name).says_direction
        ]
        for name in self.tasks:
            if TASKS[name].direction == "directed" and plain:
                raise InputError(
                    f"task {name!r} asks about directed graphs, which encoder {plain[0]!r} does not tell from"
                    " others"
                )
            if TASKS[name].direction == "undirected" and self.directed:
                raise InputError(f"task {name!r} asks about undirected graphs; leave it out with directed")
        if self.directed:
            able = sorted(e.name for e in ENCODERS.values() if e.directed)
            for name in self.encoders:
                if not get_encoder(name).directed:
                    raise InputError(
                        f"encoder {name!r} cannot describe directed graphs; choose from {', '.join(able)}"
                    )
            able = sorted(name for name, g in GENERATORS.items() if "directed" in g.options)
            for name in self.families:
                if name not in able:
                    raise InputError(
                        f"generator {name!r} draws undirected graphs only; with directed, choose from"
                        f" {', '.join(able)}"
                    )
            for name in self.tasks:
                if TASKS[name].generator is not None:
                    raise InputError(
                        f"task {name!r} draws its own undirected graphs; leave it out with directed"
                    )
        if self.density is not None and (
            "er" not in self.families or not 0 <= self.density[0] <= self.density[1] <= 1
        ):
            raise InputError(
                f"density {self.density[0]:g},{self.density[1]:g}: expected 0 <= LOW <= HIGH <= 1, and the"
                " generator er"
            )
        able = sorted(name for name, g in GENERATORS.items() if "self_loops" in g.options)
        if self.self_loops and not set(able) & set(self.families):
            raise InputError(f"no generator here can have self_loops; choose from {', '.join(able)}")

    def _check_stems(self) -> None:
        from data_builders.graphs.generators import GENERATORS
        from data_builders.readers.graph_files import source_name

        stems = [source_name(path) for path in self.graphs]
        for path in self.graphs:
            if source_name(path) in GENERATORS or stems.count(source_name(path)) > 1:
                raise InputError(
                    f"{path}: the name {source_name(path)!r} is taken by another generator or graph file;"
                    " rename the file"
                )


TEST_KEYS = tuple(key for key in BuildConfig.model_fields if key.startswith("test_"))


def load_config(path: Path | None, flags: dict[str, Any]) -> BuildConfig:
    """The checked config of a YAML file (or of nothing) with the flags that are not None on top.

    >>> load_config(None, {"tasks": "node_count,edge_count", "train": 5}).tasks
    ('node_count', 'edge_count')
    """
    given = {} if path is None else read_yaml(path, BuildConfig.model_fields)
    flags = {key: value for key, value in flags.items() if value is not None}
    if path is not None:
        given.setdefault("name", path.stem)
    config: BuildConfig = validate(BuildConfig, {**given, **flags}, path, flags)
    config.check()
    return config


def locked_config(out: Path, graphs: Sequence[Path]) -> dict[str, Any]:
    """The keys of the config in a folder's dataset.lock; InputError where the versions here, or the graph
    files given, are others.
    """
    from importlib import metadata

    from data_builders.building.folder import of_another_rule
    from data_builders.example import read_lock
    from data_builders.graphs.splits import RULE
    from data_builders.readers.graph_files import source_name

    lock: Any = read_lock(out)
    if lock.get("splits") != RULE:
        raise InputError(
            f"{out}: {of_another_rule(lock)}, so this version cannot build it; build anew without --locked"
        )
    for name, version in lock["versions"].items():
        if metadata.version(name) != version:
            raise InputError(
                f"{out}: dataset.lock was made with {name} {version}, here is {metadata.version(name)};"
                " install that version"
            )
    config: dict[str, Any] = dict(lock["config"])
    wanted, given = config["graphs"], {source_name(path): path for path in graphs}
    for stem, file in wanted.items():
        if stem not in given:
            raise InputError(
                f"{out}: dataset.lock samples from the graph file {file['file']}; give it with --graphs"
            )
        if given[stem].is_file() and file_sha256(given[stem]) != file["sha256"]:
            raise InputError(
                f"{given[stem]}: not the file of dataset.lock, whose sha256 begins with {file['sha256'][:12]}"
            )
    if given.keys() - wanted.keys():
        raise InputError(
            f"{out}: dataset.lock samples from no graph file called {min(given.keys() - wanted.keys())!r}"
        )
    return {**config, "graphs": [str(given[stem]) for stem in wanted]}
