"""What each run took: time, tokens, and money where its config names the price."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from eval.analysis.runs import Row


@dataclass(frozen=True)
class Cost:
    """Sums over a run's answers; 0 for what it did not record, and None for dollars without a price."""

    answers: int
    seconds: float
    prompt_tokens: int
    output_tokens: int
    dollars: float | None

    def per_second(self, amount: float) -> float | None:
        """An amount per second, None where the time was not recorded."""
        return amount / self.seconds if self.seconds else None


def cost(row: Row) -> Cost:
    """Sum up what a run's predictions recorded, and take the dollars from its usage.json.

    Without that file the config's price counts: `price: {prompt: .., output: ..}`, dollars per million
    tokens. Raises InputError if usage.json is no JSON.
    """
    assert row.run is not None
    predictions = row.run.predictions.values()
    seconds = sum(p.seconds for p in predictions)
    prompt, output = sum(p.prompt_tokens for p in predictions), sum(p.output_tokens for p in predictions)
    dollars = _recorded_dollars(row.run.folder)
    if dollars is None:
        dollars = _price(row.run.config.get("price"), prompt, output)
    return Cost(len(predictions), seconds, prompt, output, dollars)


def _recorded_dollars(run: Path) -> float | None:
    """The dollars of a run's usage.json, which knows of retries, samples and batch prices; None without it."""
    path = run / "usage.json"
    if not path.is_file():
        return None
    try:
        usage = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise InputError(
            f"{path}: not JSON ({error}); the command that made the run writes it again"
        ) from error
    dollars = usage.get("dollars") if isinstance(usage, dict) else None
    return float(dollars) if isinstance(dollars, int | float) else None


def _price(price: Any, prompt: int, output: int) -> float | None:
    """None where the price is not there, or not of that form.

    >>> _price({"prompt": 0.5, "output": 2.0}, 1_000_000, 500_000)
    1.5
    """
    match price:
        case {"prompt": int() | float() as per_prompt, "output": int() | float() as per_output}:
            return (prompt * per_prompt + output * per_output) / 1e6
    return None
