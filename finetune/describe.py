"""What a run really does once everything is wrapped, which is not always what was asked for."""

from typing import Any

from transformers import TrainerCallback

from finetune.config import Options


class Describe(TrainerCallback):
    """Says what really happens once everything is wrapped, which is not always what was asked for."""

    def __init__(self, options: Options, trainer: Any) -> None:
        self.options, self.trainer = options, trainer

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        describe(self.options, self.trainer)


def describe(options: Options, trainer: Any) -> None:
    """Examples, trainable parameters, processes, precision and the size of a step, on stdout."""
    args = options.train
    parameters = [
        (getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in trainer.model.parameters()
    ]  # ds_numel: ZeRO-3 leaves empty shells
    trainable, total = sum(n for n, trained in parameters if trained), sum(n for n, _ in parameters)
    shares = args.world_size * args.gradient_accumulation_steps
    budget = options.data.max_tokens_per_batch
    batch = f"up to {budget * shares} question tokens" if budget else f"{args.per_device_train_batch_size * shares} examples"
    precision = "bf16" if args.bf16 or args.mixed_precision == "bf16" else "fp32"
    vocabulary = len(trainer.processing_class)
    say(options, f"{len(trainer.train_dataset)} examples, a vocabulary of {vocabulary}, {trainable:,} of {total:,} parameters trainable")
    processes = f"{args.world_size} process{'es' * (args.world_size > 1)} on {args.device.type} ({type(trainer.model_wrapped).__name__})"
    say(options, f"{processes}, {precision}, a step is {batch}")


def say(options: Options, line: str) -> None:
    """One line on stdout, from one process."""
    if options.train.process_index == 0:
        print(line, flush=True)
