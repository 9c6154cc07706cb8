"""Budget: how many tokens, how much money and how much time a run may take, and the stop at its end."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_builders.errors import InputError


class Stopped(Exception):
    """A run ends before its end, with everything that was paid for on disk; the message is one line that says
    why and how to go on.
    """


@dataclass(frozen=True)
class Price:
    """Dollars per million tokens. batch: what batch files cost, as a share of that."""

    prompt: float
    output: float
    batch: float = 0.5

    def of(self, prompt_tokens: int, output_tokens: int) -> float:
        """Dollars.

        >>> Price(0.5, 2.0).of(1_000_000, 500_000)
        1.5
        """
        return (prompt_tokens * self.prompt + output_tokens * self.output) / 1e6


def find_price(model: str, prices: Mapping[str, Any]) -> Price | None:
    """The price of a model in a table of its names; None where it is not in there.

    >>> find_price("gpt-x", {"gpt-x": {"prompt": 1, "output": 4}})
    Price(prompt=1, output=4, batch=0.5)
    """
    row = prices.get(model)
    if row is None:
        return None
    known = {"prompt", "output", "batch"}
    numbers = isinstance(row, Mapping) and all(isinstance(v, int | float) and v >= 0 for v in row.values())
    if not numbers or not {"prompt", "output"} <= set(row) <= known:
        raise InputError(
            f"price of {model}: {row!r}; write prompt: and output: (and batch:) with dollars per million tokens"
        )
    return Price(**row)


@dataclass
class Budget:
    """Caps over a whole run, what earlier starts spent included (time: of this start); None is no cap.

    `hold` asks for room before a request is sent, with the most that it may cost, so that the caps are never
    passed; `settle` gives the room back and counts what it did cost.
    """

    max_tokens_total: int | None = None
    max_cost: float | None = None
    max_time: float | None = None
    price: Price | None = None
    prompt_tokens: int = 0
    output_tokens: int = 0
    _held: list[int] = field(default_factory=lambda: [0, 0])
    _begin: float = field(default_factory=time.monotonic)

    def __post_init__(self) -> None:
        if self.max_cost is not None and self.price is None:
            raise InputError("--max-cost needs the price of the model; give it in the config's prices: table")

    @property
    def cost(self) -> float | None:
        """Dollars spent, None where the price is not known."""
        return None if self.price is None else self.price.of(self.prompt_tokens, self.output_tokens)

    @property
    def seconds_left(self) -> float | None:
        return None if self.max_time is None else self.max_time - (time.monotonic() - self._begin)

    def over(self, prompt_tokens: int = 0, output_tokens: int = 0) -> str | None:
        """Why nothing more that takes so many tokens may be sent; None where it may."""
        prompt = self.prompt_tokens + self._held[0] + prompt_tokens
        output = self.output_tokens + self._held[1] + output_tokens
        if self.seconds_left is not None and self.seconds_left <= 0:
            return f"--max-time of {self.max_time:g} s is over"
        if self.max_tokens_total is not None and prompt + output > self.max_tokens_total:
            return f"--max-tokens-total of {self.max_tokens_total:,} is reached ({self.prompt_tokens + self.output_tokens:,} spent)"
        if (
            self.max_cost is not None
            and self.price is not None
            and self.price.of(prompt, output) > self.max_cost
        ):
            return f"--max-cost of ${self.max_cost:g} is reached (${self.cost or 0:.4f} spent)"
        return None

    def hold(self, prompt_tokens: int, output_tokens: int) -> bool:
        """Take room for a request of at most so many tokens; False where there is not enough."""
        if self.over(prompt_tokens, output_tokens):
            return False
        self._held[0] += prompt_tokens
        self._held[1] += output_tokens
        return True

    def release(self, prompt_tokens: int, output_tokens: int) -> None:
        """Give back what was held."""
        self._held[0] -= prompt_tokens
        self._held[1] -= output_tokens

    def spend(self, prompt_tokens: int, output_tokens: int) -> None:
        self.prompt_tokens += prompt_tokens
        self.output_tokens += output_tokens
