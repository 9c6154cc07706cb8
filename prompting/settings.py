"""What a prompting run is asked to do: a YAML file, flags on top, checked before anything is read or sent."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from data_builders.errors import InputError
from data_builders.files import read_yaml
from prompting.backends.model import ModelOptions, priced_name
from prompting.budget import Budget, find_price
from prompting.prompts.methods import METHODS
from prompting.run import PromptRun


@dataclass(frozen=True)
class Target:
    """Which model, where the run is kept, and what tokens cost.

    journal: file of completions that several runs share; the run folder's own by default. tokenizer: folder
    or id of the tokenizer that --dry-run counts with. prices: model -> dollars per million tokens, `prompt:`
    and `output:`.
    """

    model: str | None = None
    out: Path | None = None
    label: str | None = None
    journal: Path | None = None
    tokenizer: str | None = None
    prices: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Settings:
    target: Target
    run: PromptRun
    options: ModelOptions
    caps: Mapping[str, Any]

    def budget(self) -> Budget:
        """A fresh budget; InputError for a cap on money without a price."""
        if self.target.model is None:
            return Budget(**self.caps)
        price = find_price(priced_name(self.target.model), self.target.prices)
        if price is not None and self.target.model.startswith("batch:"):
            price = replace(
                price, prompt=price.prompt * price.batch, output=price.output * price.batch, batch=1.0
            )
        return Budget(**self.caps, price=price)


CAPS = ("max_tokens_total", "max_cost", "max_time")
KEYS = (*(f.name for kind in (Target, PromptRun, ModelOptions) for f in fields(kind)), *CAPS)


def load_settings(config: Path | None, flags: Mapping[str, Any]) -> Settings:
    """The checked settings of a YAML file (or of nothing) with the flags that are not None on top.

    >>> load_settings(None, {"data": "data/graphqa", "method": "cot", "tasks": "node_count, edge_count"}).run.tasks
    ('node_count', 'edge_count')
    """
    given = {} if config is None else read_yaml(config, KEYS)
    given.update({key: value for key, value in flags.items() if value is not None})
    for key in ("data", "method"):
        if key not in given:
            raise InputError(f"no {key}; give --{key}, or {key}: in the file of --config")
    if isinstance(given.get("tasks"), str):
        given["tasks"] = [name.strip() for name in given["tasks"].split(",") if name.strip()]
    if isinstance(given.get("extra"), str):
        given["extra"] = _json(given["extra"])
    method = METHODS.get(str(given["method"]))  # an unknown one is refused where the prompts are made
    given.setdefault("max_new_tokens", method.new_tokens if method else 1)
    given.setdefault("samples", method.samples if method else 1)
    given.setdefault("temperature", method.temperature if method else 0.0)
    caps = {key: given.pop(key) for key in CAPS if key in given}
    target, run, options = (_checked(kind, given, config) for kind in (Target, PromptRun, ModelOptions))
    settings = Settings(target, run, options, _caps(caps))
    if settings.run.samples > 1 and not settings.options.temperature:
        raise InputError(
            f"--samples {settings.run.samples} would bring the same text each time; give --temperature, e.g. 0.7"
        )
    return settings


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise InputError(
            f'--extra is {text!r}; it is a JSON object of keys for the request, e.g. \'{{"reasoning_effort": "low"}}\''
        ) from None


def _checked(kind: Any, given: Mapping[str, Any], config: Path | None) -> Any:
    own = {f.name: given[f.name] for f in fields(kind) if f.name in given}
    try:
        return TypeAdapter(kind).validate_python(own)
    except ValidationError as error:
        first = error.errors()[0]
        cause = first.get("ctx", {}).get("error")
        if isinstance(cause, InputError):
            raise cause from None
        key = str(first["loc"][0])
        where = f"--{key.replace('_', '-')}" if config is None else f"{config}: {key}"
        raise InputError(
            f"{where}: {first['msg'][0].lower()}{first['msg'][1:]}, not {first['input']!r}"
        ) from None


def _caps(given: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in given.items():
        if value is not None and (
            isinstance(value, bool) or not isinstance(value, int | float) or value <= 0
        ):
            raise InputError(f"--{key.replace('_', '-')} is {value!r}; it is a number above 0")
    return dict(given)
