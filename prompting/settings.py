"""The settings of a prompting run: a YAML file, with flags on top, checked before anything is sent."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Annotated, Any, Literal

from data_builders.errors import InputError
from data_builders.files import read_yaml
from data_builders.options import Option, as_flag, fields_of, from_json, parse_shard, validate
from prompting.backends.model import ModelOptions
from prompting.backends.registry import priced_name
from prompting.budget import Budget, find_price
from prompting.prompts.methods import METHODS


@dataclass(frozen=True)
class PromptRun:
    """The questions of one run, and its prompts. The help of each field says what it means."""

    data: Annotated[Path, Option("Dataset folder, made by `graphtalk build`.")]
    method: Annotated[str, Option(f"Prompt method: {', '.join(METHODS)}.")]
    tasks: Annotated[
        tuple[str, ...] | None, Option("Tasks, with commas; all of the dataset's by default.")
    ] = None
    split: Annotated[str, Option("Split with the questions; test by default.")] = "test"
    limit: Annotated[
        int | None, Option("Examples per task, from the front of the split; all by default.")
    ] = None
    shots: Annotated[int, Option("Exemplars of the methods that show some; 2 by default.")] = 2
    seed: Annotated[int, Option("Seed of the exemplars and of sampling; 0 by default.")] = 0
    any_generator: Annotated[bool, Option("Exemplars from every generator, not only the question's.")] = False
    exemplars: Annotated[
        Literal["drawn", "fixed"],
        Option("drawn for each question, or fixed per task, encoder and generator."),
    ] = "drawn"
    balanced: Annotated[bool, Option("Exemplars whose answers take turns.")] = False
    answer_format: Annotated[bool, Option("Say in the prompt what the answer is to look like.")] = False
    samples: Annotated[
        int, Option("Completions per prompt; more than one vote. 5 for self_consistency, else 1.")
    ] = 1


@dataclass(frozen=True)
class Target:
    """Which model, where the run is kept, and what tokens cost. The help of each field says what it means."""

    model: Annotated[
        str | None,
        Option(
            "hf:FOLDER or hf:ID (transformers), openai:NAME@BASE_URL (a server), or batch:NAME@URL_OR_FOLDER."
        ),
    ] = None
    out: Annotated[
        Path | None, Option("Run folder, e.g. runs/NAME; the same command again continues there.")
    ] = None
    label: Annotated[str | None, Option("Name of the run's row in tables; the folder's name by default.")] = (
        None
    )
    journal: Annotated[
        Path | None,
        Option("File of completions that several runs share; the run folder's own by default."),
    ] = None
    shard: Annotated[
        str | None,
        Option(
            "K/N: the K-th of N parts, for another process; the same command without it merges all parts."
        ),
    ] = None
    tokenizer: Annotated[str | None, Option("Folder or id of the tokenizer that --dry-run counts with.")] = (
        None
    )
    prices: Annotated[
        Mapping[str, Any],
        Option('JSON of dollars per million tokens, e.g. {"gpt-x": {"prompt": 1, "output": 4}}.', json=True),
    ] = field(default_factory=dict)


@dataclass(frozen=True)
class Caps:
    """Where a run stops by itself. None is no cap."""

    max_tokens_total: Annotated[int | None, Option("Stop before the run takes more tokens than this.")] = None
    max_cost: Annotated[
        float | None, Option("Stop before the run costs more dollars; --prices has the prices.")
    ] = None
    max_time: Annotated[float | None, Option("Stop this invocation after so many seconds.")] = None

    def __post_init__(self) -> None:
        for key, value in asdict(self).items():
            if value is not None and not value > 0:
                raise InputError(f"{as_flag(key)} is {value!r}; it is a number above 0")


@dataclass(frozen=True)
class Settings:
    """All settings of one run, a record for each part of the program that reads them."""

    run: PromptRun
    target: Target
    options: ModelOptions
    caps: Caps

    @property
    def part(self) -> tuple[int, int] | None:
        """What --shard says; InputError where it cannot be."""
        if self.target.shard is not None and self.target.journal is not None:
            raise InputError("--shard keeps a journal of its own; leave --journal out")
        return None if self.target.shard is None else parse_shard(self.target.shard)

    def budget(self) -> Budget:
        """A fresh budget; InputError for a cap on money without a price."""
        if self.target.model is None:
            return Budget(**asdict(self.caps))
        price = find_price(priced_name(self.target.model), self.target.prices)
        if price is not None and self.target.model.startswith("batch:"):
            price = replace(
                price, prompt=price.prompt * price.batch, output=price.output * price.batch, batch=1.0
            )
        return Budget(**asdict(self.caps), price=price)


PARTS: tuple[Any, ...] = (PromptRun, Target, ModelOptions, Caps)
FIELDS = {name: option for part in PARTS for name, (_, option) in fields_of(part).items()}
"""Key of a YAML file, which is also a flag -> its option."""

_EXAMPLES = {
    "extra": '{"reasoning_effort": "low"}',
    "prices": '{"gpt-x": {"prompt": 1, "output": 4}}',
    "stop": r'["\n\n"]',
}


def load_settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The checked settings of a YAML file (or of nothing), with the flags that are not None on top.

    >>> flags = {"data": "data/graphqa", "method": "cot", "tasks": "node_count, cycle_check"}
    >>> load_settings(None, flags).run.tasks
    ('node_count', 'cycle_check')
    """
    flags = {key: value for key, value in flags.items() if value is not None}
    values = {} if config is None else read_yaml(config, FIELDS)
    values |= flags
    for key in ("data", "method"):
        if key not in values:
            raise InputError(f"no {key}; give --{key}, or {key}: in the file of --config")
    if isinstance(values.get("tasks"), str):
        values["tasks"] = [name.strip() for name in values["tasks"].split(",") if name.strip()]
    for key, example in _EXAMPLES.items():
        if isinstance(values.get(key), str):
            values[key] = from_json(key, values[key], example)
    method = METHODS.get(str(values["method"]))  # An unknown one is refused where the prompts are made.
    values.setdefault("max_new_tokens", method.new_tokens if method else 1)
    values.setdefault("samples", method.samples if method else 1)
    values.setdefault("temperature", method.temperature if method else 0.0)
    if values.get("stop") is None:
        values["stop"] = None if method and method.shots else ()
    settings = Settings(
        *(
            validate(part, {f.name: values[f.name] for f in fields(part) if f.name in values}, config, flags)
            for part in PARTS
        )
    )
    if settings.run.samples > 1 and not settings.options.temperature:
        raise InputError(
            f"--samples {settings.run.samples} would bring the same text each time; "
            "give --temperature, e.g. 0.7"
        )
    return settings
