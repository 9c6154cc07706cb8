"""The training loss, normalised once over everything that one optimizer step sees."""

from collections.abc import Callable
from typing import Any

import torch
from torch.nn import functional

IGNORED = -100  # label of padding


def token_loss(label_smoothing: float = 0.0) -> Callable[..., torch.Tensor]:
    """A `compute_loss_func` for Trainer: the sum of token losses / the number of target tokens in the whole
    step.

    Why not the model's own loss: T5 returns the mean over its micro-batch, while Trainer (transformers 5.23)
    believes that it divided by `num_items_in_batch`, since `T5ForConditionalGeneration.forward` takes
    `**kwargs`. Loss and gradient then grow with processes x accumulation steps, and ragged batches are
    weighted wrongly.

    The function takes outputs with logits (batch, target length, vocabulary) and labels (batch, target
    length), and returns a scalar. Without `num_items_in_batch` (evaluation) it is the mean over the batch's
    own target tokens.
    """

    def loss(
        outputs: Any, labels: torch.Tensor, num_items_in_batch: torch.Tensor | int | None = None
    ) -> torch.Tensor:
        logits = outputs["logits"].float()
        total = functional.cross_entropy(
            logits.view(-1, logits.size(-1)),
            labels.view(-1),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=label_smoothing,
        )
        return total / (labels.ne(IGNORED).sum() if num_items_in_batch is None else num_items_in_batch)

    return loss
