"""The caps of a run count what is spent, what requests in flight may take, and what the next one may take."""

import pytest

from data_builders.errors import InputError
from prompting.budget import Budget, Price


def test_held_prompt_tokens_count_against_the_cap_on_tokens() -> None:
    budget = Budget(max_tokens_total=100)
    assert budget.hold(60, 0), "nothing is in flight yet"
    assert not budget.hold(50, 0), "60 prompt tokens are in flight"
    assert budget.over(40) is None and budget.over(41) is not None
    budget.release(60, 0)
    assert budget.hold(50, 0), "what came back is no longer held"


def test_held_prompt_tokens_count_against_the_cap_on_money() -> None:
    """The answers cost nothing, so that the held prompts alone reach the cap."""
    budget = Budget(max_cost=1.0, price=Price(prompt=1.0, output=0.0))
    assert budget.hold(600_000, 10) and not budget.hold(500_000, 10)
    budget.release(600_000, 10)
    budget.spend(300_000, 10)
    assert budget.hold(600_000, 10) and not budget.hold(200_000, 10), "spent and held count together"


def test_held_output_tokens_count_too() -> None:
    budget = Budget(max_tokens_total=100)
    assert budget.hold(0, 60) and not budget.hold(0, 50)


def test_the_message_names_the_cap_to_raise() -> None:
    tokens, money = Budget(max_tokens_total=10), Budget(max_cost=1e-6, price=Price(1.0, 1.0))
    assert "may take 12 tokens" in tokens.stop_message(8, 4)
    assert "raise --max-tokens-total and start" in tokens.stop_message(8, 4)
    assert "raise --max-cost and start" in money.stop_message(8, 4)
    over = Budget(max_time=1e-9).stop_message()
    assert "--max-time of 1e-09 s is over" in over and "raise" not in over, "the same command goes on"


def test_a_cap_on_money_needs_a_price() -> None:
    with pytest.raises(InputError, match="--max-cost needs the price"):
        Budget(max_cost=1.0)
