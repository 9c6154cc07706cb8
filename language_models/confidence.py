"""How sure a model was of what it wrote: the probability that greedy decoding gave to the tokens that it
picked.
"""

import math

import torch
from transformers import LogitsProcessor


def picked(scores: torch.Tensor) -> torch.Tensor:
    """The logarithm of the probability of each row's likeliest token; scores is [rows, vocabulary], what
    comes back [rows].

    >>> [round(p, 3) for p in picked(torch.tensor([[0.0, 0.0], [5.0, -torch.inf]])).exp().tolist()]
    [0.5, 1.0]
    """
    scores = scores.float()
    return scores.amax(-1) - scores.logsumexp(-1)


class Likelihood(LogitsProcessor):
    """Given to `generate`, it notes these at each step of greedy decoding; `output_scores` would keep the
    whole vocabulary's.
    """

    def __init__(self) -> None:
        self._steps: list[torch.Tensor] = []  # [rows] each

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        self._steps.append(picked(scores))
        return scores

    def rows(self, tokens: list[int]) -> list[float]:
        """The probability of each row's first tokens; tokens says how many of each are its own."""
        steps = torch.stack(self._steps, 1).tolist()
        return [math.exp(sum(row[:count])) for row, count in zip(steps, tokens, strict=True)]
