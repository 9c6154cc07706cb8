"""Whether packed rows teach a model what its examples teach it alone; models and versions differ in it.

A packed row tells the model where an example begins by positions that start again at 0. Some models read them
neither as a border nor as positions: an example then sees those before it, or stands elsewhere than alone.
"""

from inspect import signature
from typing import Any

import torch

from data_builders.errors import InputError, one_line
from language_models.decode import base_model

EXAMPLES = 3  # of the row that is compared
FULL_PRECISION, HALF_PRECISION = (
    0.01,
    0.2,
)  # most deviation, as a share of what seeing the others would change


def check_packing(trainer: Any) -> None:
    """Compare a packed row with its examples alone; InputError in one line where the model differs.

    Every process compares the same row. A dataset without a row of two examples has nothing to compare.
    """
    rows = trainer.train_dataset
    first = next((i for i, lengths in enumerate(rows["seq_lengths"]) if len(lengths) > 1), None)
    if first is None:
        return
    model, kind = trainer.model_wrapped, trainer.model.config.model_type
    training = model.training
    model.eval()
    lengths = rows[first]["seq_lengths"][:EXAMPLES]
    ids = torch.tensor(rows[first]["input_ids"][: sum(lengths)])
    # The rows of a batch are one row to the model, so that a batch may be longer than a model can read.
    batch = [
        rows[first],
        *(rows[i] for i in range(min(len(rows), trainer.args.per_device_train_batch_size) - 1)),
    ]
    try:
        packed = _logits(trainer, trainer.data_collator(batch), len(ids))
    except Exception as error:  # each model has its own, from deep inside
        reason = one_line(f"{type(error).__name__}: {error}", 200)
        raise InputError(
            f"packing: a {kind} model cannot read packed rows ({reason}); leave --packing out"
        ) from None
    alone = torch.cat([_logits(trainer, {"input_ids": part[None]}) for part in torch.split(ids, lengths)])
    joined = _logits(trainer, {"input_ids": ids[None]})  # as one text, where each example sees those before
    model.train(training)
    deviation, leak = float((packed - alone).abs().mean()), float((joined - alone).abs().mean())
    half = trainer.accelerator.mixed_precision != "no" or trainer.model.dtype != torch.float32
    if deviation > (HALF_PRECISION if half else FULL_PRECISION) * leak:
        raise InputError(
            f"packing: in one row, the examples of a {kind} model see each other or stand at other positions "
            f"than alone (its scores differ by {deviation:.2g} in the mean; by {leak:.2g} were the row one "
            "text); leave --packing out"
        )


def keeps_logits(model: Any) -> bool:
    """Return whether a model can score the vocabulary at some places and nowhere else."""
    return "logits_to_keep" in signature(type(base_model(model)).forward).parameters


def _logits(trainer: Any, inputs: dict[str, Any], tokens: int | None = None) -> torch.Tensor:
    """Return (tokens, vocabulary), in float32, at the first tokens of the one row in `inputs`."""
    inputs = {key: value for key, value in inputs.items() if key not in ("labels", "answer_places")}
    if tokens and keeps_logits(trainer.model):
        inputs["logits_to_keep"] = torch.arange(tokens)
    with torch.no_grad(), trainer.compute_loss_context_manager(), torch.compiler.set_stance("force_eager"):
        logits: torch.Tensor = trainer.model_wrapped(
            **trainer._prepare_inputs(inputs), use_cache=False
        ).logits
    return logits[0, :tokens].float()
