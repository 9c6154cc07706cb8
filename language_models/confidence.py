"""How confident a model is of an answer: the probability that it gave to the tokens that it chose."""

import math

import torch
from transformers import LogitsProcessor

from data_builders.errors import InputError


class NotANumber(InputError):
    """A model's scores are NaN; one process of several may be the only one that knows."""


def token_logprob(scores: torch.Tensor) -> torch.Tensor:
    """Return the log-probability of each row's likeliest token.

    scores: (rows, vocabulary) logits; the result is (rows,), and NaN where a row's scores are no numbers.

    >>> [round(p, 3) for p in token_logprob(torch.tensor([[0.0, 0.0], [5.0, -torch.inf]])).exp().tolist()]
    [0.5, 1.0]
    """
    scores = scores.float()
    return scores.amax(-1) - scores.logsumexp(-1)


def check_number(value: float, model: object) -> None:
    """Raise NotANumber, which names the model, where a log-probability or a sum of some is NaN."""
    if math.isnan(value):
        name = getattr(model, "name_or_path", "") or "the trained model"
        dtype = str(getattr(model, "dtype", "")).removeprefix("torch.")
        raise NotANumber(
            f"{name}: the model gives NaN, which is no probability; its weights are broken, or "
            f"overflow in {dtype}"
        )


class TokenLogprobs(LogitsProcessor):
    """Given to `generate`, it notes each step's log-probabilities of greedy decoding, and stops at a NaN.

    `output_scores` of `generate` would keep the scores of the whole vocabulary instead.
    """

    def __init__(self, model: object) -> None:
        self._model = model
        self._steps: list[torch.Tensor] = []  # (rows,) each

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        logprobs = token_logprob(scores)
        check_number(float(logprobs.sum()), self._model)
        self._steps.append(logprobs)
        return scores

    def confidences(self, lengths: list[int]) -> list[float]:
        """Return the probability of each row's first tokens; lengths: how many of them are the row's own."""
        steps = torch.stack(self._steps, 1).tolist()
        return [math.exp(sum(row[:length])) for row, length in zip(steps, lengths, strict=True)]
