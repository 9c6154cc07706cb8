"""What each run took: time, tokens, and money where its config names the price."""

from dataclasses import dataclass
from typing import Any

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
    tokens.
    """
    assert row.run is not None
    predictions = row.run.predictions.values()
    seconds = sum(p.seconds for p in predictions)
    prompt, output = sum(p.prompt_tokens for p in predictions), sum(p.output_tokens for p in predictions)
    dollars = row.run.usage.get("dollars")  # It knows of retries, samples and batch prices.
    if not isinstance(dollars, int | float):
        dollars = _price(row.run.config.get("price"), prompt, output)
    return Cost(len(predictions), seconds, prompt, output, dollars)


def _price(price: Any, prompt: int, output: int) -> float | None:
    """None where the price is not there, or not of that form.

    >>> _price({"prompt": 0.5, "output": 2.0}, 1_000_000, 500_000)
    1.5
    """
    match price:
        case {"prompt": int() | float() as per_prompt, "output": int() | float() as per_output}:
            return (prompt * per_prompt + output * per_output) / 1e6
    return None
