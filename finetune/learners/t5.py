"""Hugging Face's trainer with our batches, and how what it trained is kept."""

import shutil
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from torch.utils.data import DataLoader
from transformers import Seq2SeqTrainer

from finetune.batches.data import Batches
from finetune.learners.monitor import MonitoredTrainer


class GraphTrainer(MonitoredTrainer, Seq2SeqTrainer):
    """Seq2SeqTrainer with batches of similar length, in an order that a resumed run repeats exactly."""

    def get_train_dataloader(self) -> Any:
        tokens: Any = self.train_dataset
        return by_length(self, tokens, tokens.lengths) or super().get_train_dataloader()


def by_length(trainer: Any, rows: Any, lengths: list[int] | None) -> "EpochLoader | None":
    """Batches of rows of similar length, where `max_tokens` or group_by_length ask for them."""
    args = trainer.args
    if lengths is None or (trainer.max_tokens is None and args.train_sampling_strategy != "group_by_length"):
        return None
    sampler = Batches(
        lengths,
        args.seed if args.data_seed is None else args.data_seed,
        max_tokens=trainer.max_tokens,
        size=args.per_device_train_batch_size,
        rank=args.process_index,
        ranks=args.world_size,
    )
    return EpochLoader(
        rows,
        batch_sampler=sampler,
        collate_fn=trainer.data_collator,
        num_workers=args.dataloader_num_workers,
        pin_memory=args.dataloader_pin_memory and torch.cuda.is_available(),
    )


class EpochLoader(DataLoader[Any]):
    """Passes Trainer's epoch on to the batches. Not prepared by accelerate, which would deal them out a
    second time.
    """

    def set_epoch(self, epoch: int) -> None:
        self.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]


def save(trainer: Any, run: Path) -> None:
    """run/checkpoint appears whole or not at all; the log of the training lies beside it."""
    part = run / "checkpoint.part"
    if trainer.args.should_save and part.exists():
        shutil.rmtree(part)
    PartialState().wait_for_everyone()
    trainer.save_model(str(part))  # every rank takes part: ZeRO-3 gathers the weights here
    trainer.save_state()
    PartialState().wait_for_everyone()
    if trainer.args.should_save:
        (part / "training_args.bin").unlink(missing_ok=True)  # a pickle that nobody needs to trust
        if (run / "checkpoint").exists():
            shutil.rmtree(run / "checkpoint")
        part.rename(run / "checkpoint")
    PartialState().wait_for_everyone()
