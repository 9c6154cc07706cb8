"""Budget: how many tokens, how much money and how much time a run may take."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from data_builders.errors import InputError


class Stopped(Exception):
    """A run stops early, with everything that was paid for on disk.

    The message is one line that says why, and how to go on.
    """


class ServerFailed(Stopped):
    """A run stops since its server answers nothing, or refuses everything.

    reason: the first failure of a server that never answered, else the last.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}; what was answered is kept: start the same command again to continue")
        self.reason = reason


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
            f"price of {model}: {row!r}; write prompt: and output: (and batch:) with dollars per million "
            f"tokens"
        )
    return Price(**row)


@dataclass
class Budget:
    """Caps on a whole run; None is no cap. Tokens and money count what earlier invocations spent.

    `hold` takes room for a request before it is sent, for the most that it may cost, so that no cap is ever
    passed. `release` gives the room back, and `spend` counts what the request did cost.
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
        """Seconds of this invocation until `max_time`; None without that cap."""
        return None if self.max_time is None else self.max_time - (time.monotonic() - self._begin)

    def over(self, prompt_tokens: int = 0, output_tokens: int = 0) -> str | None:
        """Why no request of so many tokens may be sent; None where it may.

        Requests that are in flight count with the room that is held for them.
        """
        prompt = self.prompt_tokens + self._held[0] + prompt_tokens
        output = self.output_tokens + self._held[1] + output_tokens
        if self.seconds_left is not None and self.seconds_left <= 0:
            return f"--max-time of {self.max_time:g} s is over"
        if self.max_tokens_total is not None and prompt + output > self.max_tokens_total:
            spent = self.prompt_tokens + self.output_tokens
            return f"--max-tokens-total of {self.max_tokens_total:,} is reached ({spent:,} spent)"
        cost = None if self.price is None else self.price.of(prompt, output)
        if self.max_cost is not None and cost is not None and cost > self.max_cost:
            return f"--max-cost of ${self.max_cost:g} is reached (${self.cost or 0:.4f} spent)"
        return None

    def stop_message(self, prompt_tokens: int = 0, output_tokens: int = 0) -> str:
        """The line for a run that a cap stops: which cap, and what lets the run go on."""
        reason = self.over(prompt_tokens, output_tokens) or "the run was stopped"
        cap = reason.partition(" of ")[0]
        if cap not in ("--max-tokens-total", "--max-cost"):
            return f"{reason}; what was answered is kept: start the same command again to continue"
        return (
            f"{reason}, and the next request may take {prompt_tokens + output_tokens:,} tokens; what was "
            f"answered is kept: raise {cap} and start the same command again to continue, or score what is "
            "there with --partial"
        )

    def hold(self, prompt_tokens: int, output_tokens: int) -> bool:
        """Take room for a request of at most so many tokens; False where a cap leaves too little."""
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


def most_tokens(characters: int, characters_per_token: float = 2.0) -> int:
    """The tokens of a prompt, by a guess that errs upward.

    >>> most_tokens(1000)
    566
    """
    return int(characters / characters_per_token * 1.1) + 16
