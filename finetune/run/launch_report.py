"""What a run really does once everything is wrapped, which is not always what was asked for."""

import json
import os
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

from data_builders.errors import InputError
from data_builders.files import write_text
from finetune.config import Options
from finetune.learners.packing import check_packing


class LaunchReport(TrainerCallback):
    """At the start of training: stops where the launch is not what was asked for, else says and keeps what it
    is.
    """

    def __init__(self, options: Options, trainer: Any) -> None:
        self.options, self.trainer = options, trainer

    def on_train_begin(
        self, args: Any, state: Any, control: Any, train_dataloader: Any = None, **_: Any
    ) -> None:
        check_wrapping(self.options, wrapper_name(self.trainer))
        check_precision(self.options, self.trainer.accelerator.mixed_precision)
        if self.options.data.packing:
            check_packing(self.trainer)
        facts = launch_facts(self.options, self.trainer, len(train_dataloader))
        if args.should_save:
            write_text(Path(args.output_dir) / "launch.json", json.dumps(facts, indent=2) + "\n")
        describe(self.options, facts)


def launch_facts(options: Options, trainer: Any, batches: int) -> dict[str, Any]:
    """What launch.json holds. tokens_per_step is the mean over the training set, questions and answers, of
    all ranks together.

    batches: those of one rank in an epoch.
    """
    args = options.train
    parameters = [
        (getattr(p, "ds_numel", p.numel()), p.requires_grad) for p in trainer.model.parameters()
    ]  # ZeRO-3 leaves empty shells
    trainable, total = sum(n for n, trained in parameters if trained), sum(n for n, _ in parameters)
    shares = args.world_size * args.gradient_accumulation_steps
    answers = options.grpo.num_generations if options.grpo.method == "grpo" else 1  # to each question
    lengths = row_lengths(trainer)
    examples = getattr(
        trainer.train_dataset, "questions", len(trainer.train_dataset)
    )  # several share a row with --share_graphs
    steps = max(1, batches // args.gradient_accumulation_steps)
    return {
        "world_size": args.world_size,
        "wrapped": wrapper_name(trainer),
        "compiled": hasattr(trainer.model_wrapped, "_orig_mod"),
        "device": args.device.type,
        "precision": {"no": "fp32"}.get(
            trainer.accelerator.mixed_precision, trainer.accelerator.mixed_precision
        ),
        "examples": examples,
        "examples_per_step": round(examples / steps, 1)
        if trainer.max_tokens or examples > len(trainer.train_dataset)
        else args.per_device_train_batch_size * shares // answers,
        "answers_per_example": answers,
        "most_question_tokens_per_step": trainer.max_tokens and trainer.max_tokens * shares,
        "tokens_per_step": lengths and round(sum(lengths) / steps),
        "vocabulary": len(trainer.processing_class),
        "parameters": total,
        "trainable_parameters": trainable,
        "state_gb": round(state_bytes(total, trainable, zero_stage(trainer), args.world_size) / 2**30, 2),
    }


def wrapper_name(trainer: Any) -> str:
    """The class that holds the model in training, below what compiles it."""
    wrapped = trainer.model_wrapped
    return type(getattr(wrapped, "_orig_mod", wrapped)).__name__


def row_lengths(trainer: Any) -> list[int] | None:
    """Tokens of each training row, question and answer; None where the trainer's rows do not say."""
    rows = trainer.train_dataset
    if hasattr(rows, "target_lengths"):
        return [a + b for a, b in zip(rows.lengths, rows.target_lengths, strict=True)]
    return getattr(trainer, "lengths", None)


def zero_stage(trainer: Any) -> int:
    """DeepSpeed's ZeRO stage; FSDP spreads what stage 3 does."""
    plugin = trainer.accelerator.state.deepspeed_plugin
    return int(plugin.zero_stage) if plugin is not None else 3 if trainer.is_fsdp_enabled else 0


def state_bytes(parameters: int, trainable: int, stage: int, ranks: int) -> float:
    """Bytes per rank of fp32 weights, gradients and Adam's two moments; what the batches need comes on top.

    ZeRO spreads the moments from stage 1, gradients from 2, weights from 3 (Rajbhandari et al. 2020, figure
    1).

    >>> state_bytes(100, 100, 0, 4), state_bytes(100, 100, 2, 4), state_bytes(100, 10, 3, 4)
    (1600.0, 700.0, 130.0)
    """
    share = [1 / ranks if stage >= least else 1.0 for least in (3, 2, 1)]
    return 4 * parameters * share[0] + 4 * trainable * share[1] + 8 * trainable * share[2]


def describe(options: Options, facts: dict[str, Any]) -> None:
    """The facts as two lines on stdout."""
    step = f"{facts['examples_per_step']:g} examples"
    if facts["answers_per_example"] > 1:
        step += f" with {facts['answers_per_example']} answers each"
    if facts["most_question_tokens_per_step"]:
        step = f"about {step} (up to {facts['most_question_tokens_per_step']} question tokens)"
    if facts["tokens_per_step"]:
        step += f", about {facts['tokens_per_step']:,} tokens"
    trainable = f"{facts['trainable_parameters']:,} of {facts['parameters']:,} parameters trainable"
    print_once(options, f"{facts['examples']} examples, a vocabulary of {facts['vocabulary']}, {trainable}")
    plural = "es" if facts["world_size"] > 1 else ""
    processes = f"{facts['world_size']} process{plural} on {facts['device']} ({facts['wrapped']})"
    memory = f"{facts['state_gb']:.2f} GB a process for weights, gradients and optimizer, batches on top"
    print_once(options, f"{processes}, {facts['precision']}, a step is {step}; {memory}")


def check_wrapping(options: Options, wrapped: str) -> None:
    """InputError where the model is not wrapped in what the launch asked for."""
    args, env = options.train, os.environ
    if args.deepspeed or env.get("ACCELERATE_USE_DEEPSPEED") == "true":
        requested, right = "DeepSpeed", wrapped == "DeepSpeedEngine"
    elif args.fsdp or env.get("ACCELERATE_USE_FSDP") == "true":
        requested, right = "FSDP", wrapped.startswith(("FSDP", "FullyShardedDataParallel"))
    else:
        return
    if not right:
        where = (
            "a CPU, where FSDP runs as plain data parallel"
            if args.device.type == "cpu"
            else f"{args.world_size} processes"
        )
        raise InputError(
            f"{requested} was asked for, but the model is a plain {wrapped} on {where}; see docs/launch.md"
        )


def check_precision(options: Options, got: str) -> None:
    """InputError where the run computes in another precision than its flags or accelerate's configuration
    asked for.
    """
    args = options.train
    requested = (
        "bf16" if args.bf16 else "fp16" if args.fp16 else os.environ.get("ACCELERATE_MIXED_PRECISION", "no")
    )
    if requested not in ("no", got):
        raise InputError(
            f"{requested} was asked for, but the run computes in "
            f"{got.replace('no', 'fp32')}; see docs/launch.md"
        )


def print_once(options: Options, line: str) -> None:
    """One line on stdout, from one process."""
    if options.train.process_index == 0:
        print(line, flush=True)
