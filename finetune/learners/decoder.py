"""Decoder-only models, full or with adapters, through TRL's SFTTrainer.

What TRL 1.16 would do by itself and does not here: cut examples at 1,024 tokens, train in bf16 with gradient
checkpointing, tokenise a prompt together with its answer (which can change the prompt's last tokens), write a
model card of its own at every checkpoint, and score the whole vocabulary at every token of the question.
"""

from collections.abc import Callable
from dataclasses import fields
from functools import partial
from typing import Any

from datasets import Dataset
from torch.nn import functional
from transformers import TrainingArguments
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from data_builders.errors import InputError
from data_builders.example import Example
from finetune.batches.completions import check_lengths, completion_room, encode_completions
from finetune.batches.data import Tokens
from finetune.batches.loss import IGNORED
from finetune.compiled import MULTIPLE
from finetune.config import DataArguments, Options
from finetune.learners.monitor import MonitoredTrainer
from finetune.learners.packing import keeps_logits
from finetune.learners.t5 import by_length
from language_models.text import end_tokens, uses_chat


class CompletionTrainer(MonitoredTrainer, SFTTrainer):
    """SFTTrainer with our batches: of similar length, in an order that a resumed run repeats exactly."""

    lengths: list[int] | None = None

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """TRL's loss; where answers alone are scored the same number in half the time, since SmolLM2's
        49,152 words cost as much as its layers.

        Validation is the mean over answer tokens: TRL would add the balance of a mixture's experts, which
        depends on the batch.
        """
        kept = inputs.pop("answer_places", None)
        if model.training and kept is None:
            return super().compute_loss(model, inputs, return_outputs, num_items_in_batch)  # type: ignore[no-untyped-call]
        labels = inputs.pop("labels")[:, 1:]  # (rows, tokens - 1): what each token is to be followed by
        if kept is None:
            logits = model(**inputs, use_cache=False).logits[:, :-1]
        else:  # (rows, kept, vocabulary)
            labels, logits = labels[:, kept], model(**inputs, use_cache=False, logits_to_keep=kept).logits
        total = functional.cross_entropy(
            logits.float().flatten(0, 1),
            labels.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
            label_smoothing=self.args.label_smoothing_factor,
        )
        if num_items_in_batch is None:
            return total / labels.ne(IGNORED).sum()
        ranks = (
            self.accelerator.num_processes if self.args.average_tokens_across_devices else 1
        )  # DDP averages gradients over ranks
        return total / num_items_in_batch * ranks

    def get_train_dataloader(self) -> Any:
        return by_length(self, self.train_dataset, self.lengths) or super().get_train_dataloader()

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The card is written once, with the scores, by eval.model_card."""


def sft_trainer(
    options: Options, model: Any, tokenizer: Any, train: list[Example], validation: list[Example] | None
) -> CompletionTrainer:
    """A trainer whose loss is the mean over the answers' tokens, end token included, of everything that one
    optimizer step sees.
    """
    if options.lora.train_embeddings:
        raise InputError("train_embeddings is for T5; a decoder-only model's tokenizer has no unknown words")
    context = completion_room(model, tokenizer)
    if options.data.packing:
        context = min(context, options.data.packing_length or context)
    rows = completions(options.data, model, tokenizer, train, context)
    trainer = CompletionTrainer(
        model=model,
        args=sft_config(options, context),
        train_dataset=rows,
        eval_dataset=None
        if validation is None
        else completions(options.data, model, tokenizer, validation, context),
        processing_class=tokenizer,
    )
    if not trainer.model_accepts_loss_kwargs:
        raise InputError(
            f"a {model.config.model_type} model cannot tell its loss how many answer tokens a step has"
        )
    if not options.data.packing:
        trainer.lengths = [len(row["input_ids"]) for row in rows]
    trainer.max_tokens = options.data.max_tokens_per_batch
    if options.train.label_smoothing_factor == 0 and not trainer.aux_loss_enabled and keeps_logits(model):
        trainer.data_collator = partial(with_answer_places, trainer.data_collator)
    return trainer


def with_answer_places(collate: Callable[[Any], dict[str, Any]], rows: Any) -> dict[str, Any]:
    """A batch with the places where some row is in its answer, the only ones at which the vocabulary is
    scored. Found here, on the CPU: asked of a GPU, every step would wait for the one before.
    """
    batch = collate(rows)
    return {**batch, "answer_places": batch["labels"][:, 1:].ne(IGNORED).any(0).nonzero().flatten()}


def completions(
    data: DataArguments, model: Any, tokenizer: Any, examples: list[Example], context: int
) -> Dataset:
    """Rows of input_ids (question, answer, end token) and labels, which are -100 over the question."""
    tokens = encode_completions(
        examples, tokenizer, uses_chat(tokenizer, data.chat), end_tokens(model, tokenizer)
    )
    check_lengths(examples, tokens, context, limits=(data.max_source_length, data.max_target_length))
    rows = labelled(tokens)
    rows.ids = [e.id for e in examples]  # for the line about a loss that is no number
    return rows


def labelled(tokens: Tokens) -> Dataset:
    """The rows that SFTTrainer takes as they are.

    >>> labelled(Tokens([[5, 6], [7]], [[8, 2], [2]]))[0]
    {'input_ids': [5, 6, 8, 2], 'labels': [-100, -100, 8, 2]}
    """
    pairs = [(row["input_ids"], row["labels"]) for row in (tokens[i] for i in range(len(tokens)))]
    labels = [[IGNORED] * len(source) + target for source, target in pairs]
    return Dataset.from_dict({"input_ids": [source + target for source, target in pairs], "labels": labels})


def sft_config(options: Options, context: int) -> SFTConfig:
    """The run's Hugging Face arguments as TRL's, none of them left to TRL's own defaults."""
    given = {f.name: getattr(options.train, f.name) for f in fields(TrainingArguments) if f.init}
    packing = options.data.packing
    return SFTConfig(
        **given,
        packing=packing,
        eval_packing=False,
        max_length=context if packing else None,
        completion_only_loss=True,
        pad_to_multiple_of=MULTIPLE if options.train.torch_compile else None,
        dataset_kwargs={"skip_prepare_dataset": not packing},  # ids and labels are ours; TRL only packs them
    )
