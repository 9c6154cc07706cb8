"""What happens while a model trains: how fast it goes, what it answers to the validation split, and a clear
stop where it cannot go on.
"""

import resource
import sys
import time
from collections.abc import Callable
from typing import Any

import torch
import transformers
from accelerate.utils import gather_object
from transformers import Trainer, TrainerCallback
from transformers.trainer_utils import EvalLoopOutput

from data_builders.errors import InputError, one_line
from data_builders.files import ProgressBar
from finetune.batches.data import deal
from finetune.batches.loss import IGNORED
from language_models.decode import is_out_of_memory


class TrainingStopped(InputError):
    """Training met something that one process alone may know of, so that process says it."""


class Meter:
    """Examples and tokens (of questions and answers, without padding) per second since it was last read, of
    all ranks together.
    """

    def __init__(self, ranks: int) -> None:
        self.ranks = ranks
        self.read()

    def count(self, inputs: dict[str, Any]) -> None:
        """A batch of this rank; the others are taken to have as much."""
        self.examples += (
            int(inputs["segment_ids"].amax(1).sum()) if "segment_ids" in inputs else len(inputs["labels"])
        )
        mask = inputs.get("attention_mask")
        self.tokens += int(inputs["input_ids"].numel() if mask is None else mask.sum())
        if "decoder_input_ids" in inputs:  # a decoder-only model's labels are its inputs again
            self.tokens += int((inputs["labels"] >= 0).sum())

    def read(self) -> dict[str, float]:
        """The rates, and the most memory held so far: on the device where it is a GPU, else of the
        process.
        """
        now = time.perf_counter()
        seconds = now - getattr(self, "since", now) or 1.0
        rates = {
            "examples_per_second": round(self.ranks * getattr(self, "examples", 0) / seconds, 1),
            "tokens_per_second": round(self.ranks * getattr(self, "tokens", 0) / seconds),
            "peak_memory_gb": round(peak_memory() / 2**30, 2),
        }
        self.since, self.examples, self.tokens = now, 0, 0
        return rates


def peak_memory() -> int:
    """Bytes."""
    if torch.cuda.is_available():
        return int(torch.cuda.max_memory_allocated())
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(kilobytes if sys.platform == "darwin" else 1024 * kilobytes)


class MonitoredTrainer(Trainer):
    """A Trainer that counts what it trains on, validates with the shared evaluator, and stops at a loss that
    is no number.
    """

    validation: Callable[[Any, Any], dict[str, float]] | None = None  # (model, tokenizer) -> metrics
    meter: Meter | None = None
    max_tokens: int | None = None  # of a batch, where batches are of similar length
    compile_seconds: float | None = None  # of the first step, where steps are compiled
    to_check: tuple[torch.Tensor, Any, int] | None = None  # loss, batch and number of the last step

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> torch.Tensor:
        first = self.meter is None
        if self.meter is None:
            self.meter = Meter(self.args.world_size)
        self.meter.count(inputs)
        begin, device = time.perf_counter(), self.args.device
        if device.type == "cuda":  # a copy that waits would wait for all steps before it
            inputs = {key: value.to(device, non_blocking=True) for key, value in inputs.items()}
        try:
            loss: torch.Tensor = super().training_step(model, inputs, num_items_in_batch)
        except Exception as error:
            if isinstance(error, RuntimeError) and is_out_of_memory(error):
                raise TrainingStopped(memory_line(self.state.global_step + 1, inputs)) from None
            if not first:
                raise
            reason = f"{type(error).__name__}: {one_line(error)}"
            kind = self.model.config.model_type  # type: ignore[union-attr]
            raise TrainingStopped(
                f"a {kind} model cannot be trained: {reason[:300]} with transformers "
                f"{transformers.__version__}; its first step fails"
            ) from error
        if first and self.args.torch_compile:
            self.compile_seconds = round(time.perf_counter() - begin, 1)
            self.meter.read()  # the time of compiling is no time of training
        if device.type == "cuda":
            self.check_loss()
            on_host = torch.empty_like(loss, device="cpu", pin_memory=True)
            self.to_check = on_host.copy_(loss, non_blocking=True), inputs, self.state.global_step + 1
            self.copied = torch.cuda.Event()  # type: ignore[no-untyped-call]
            self.copied.record()
        else:
            self.to_check = loss, inputs, self.state.global_step + 1
            self.check_loss()
        return loss

    def check_loss(self) -> None:
        """Raise TrainingStopped where the last step's loss is no number.

        On a GPU this is asked a step later, when the answer has arrived: the step that is under way need not
        be waited for.
        """
        if self.to_check is None:
            return
        loss, inputs, step = self.to_check
        if loss.is_pinned():
            self.copied.synchronize()
        self.to_check = None
        if not loss.isfinite():
            raise TrainingStopped(self.not_finite(float(loss), inputs, step))
        self.trained_on = inputs

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        self.check_loss()  # no checkpoint of broken weights
        super()._save_checkpoint(*args, **kwargs)

    def _get_num_items_in_batch(self, batch_samples: list[Any], device: torch.device) -> Any:
        """The number of answer tokens of a step, which one process counts on the CPU and leaves there."""
        device = torch.device("cpu") if self.args.world_size == 1 else device
        return super()._get_num_items_in_batch(batch_samples, device)

    def not_finite(self, loss: float, inputs: Any, step: int) -> str:
        """Where the loss is no number: the step and its examples, or those of the step before, if that has
        broken the weights.
        """
        # On a GPU the step itself has broken them by now.
        parameters = self.model.named_parameters() if step > self.state.global_step else ()  # type: ignore[union-attr]
        broken = next((name for name, p in parameters if not p.isfinite().all()), None)
        line = f"step {step}: the loss is {loss}"
        if broken is not None and hasattr(self, "trained_on"):
            line += f"; the step before it left {broken} without a finite value"
            inputs = self.trained_on
        ids = example_ids(inputs, self.train_dataset)
        more = f" and {len(ids) - 8} more" if len(ids) > 8 else ""
        return (
            f"{line}; the batch was {', '.join(ids[:8])}{more}. Lower --learning_rate or "
            "--max_grad_norm, warm up longer, or use fp32"
        )

    def evaluation_loop(
        self, dataloader: Any, description: str, *_: Any, metric_key_prefix: str = "eval", **__: Any
    ) -> EvalLoopOutput:
        """Return the validation loss and the scores of generated answers; `dataloader` is not used."""
        rows: Any = self.eval_dataset
        metrics = self.with_answers(
            {f"{metric_key_prefix}_loss": self.validation_loss(rows)}, metric_key_prefix
        )
        return EvalLoopOutput(None, None, metrics, len(rows))  # type: ignore[arg-type]

    def validation_loss(self, rows: Any) -> float:
        """Return the mean over the answer tokens of all rows, whatever the batches and the processes are.

        Trainer takes the mean over batches, where a last batch of few rows weighs as much as a full one, and
        its sampler repeats rows until all processes have as many.
        """
        args, model = self.args, self.model_wrapped
        model.eval()
        lengths = getattr(rows, "lengths", None) or [len(ids) for ids in rows["input_ids"]]
        total, count = 0.0, 0
        for batch in deal(lengths, args.per_device_eval_batch_size, args.process_index, args.world_size):
            # A process without rows takes part in the forward pass, which gathers weights that are sharded.
            inputs: Any = self._prepare_inputs(self.data_collator([rows[i] for i in batch or [0]]))
            tokens = int(inputs["labels"].ne(IGNORED).sum())
            with torch.no_grad(), self.compute_loss_context_manager():
                loss: Any = self.compute_loss(model, inputs)  # mean over the answer tokens of this batch
            if batch:
                total, count = total + float(loss) * tokens, count + tokens
        sums = gather_object([(total, count)])
        return float(sum(total for total, _ in sums) / sum(count for _, count in sums))

    def with_answers(self, metrics: dict[str, float], prefix: str) -> dict[str, float]:
        """Return the metrics with the scores of generated answers."""
        if self.validation is not None:
            scores = self.validation(self.model, self.processing_class)
            metrics |= {f"{prefix}_{key}": value for key, value in scores.items()}
        if self.meter is not None:
            self.meter.read()  # the time of answering is no time of training
        return metrics

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        self.check_loss()
        if "loss" in logs and self.meter is not None:
            logs = {**logs, **self.meter.read()}
            if self.compile_seconds is not None:
                logs["compile_seconds"], self.compile_seconds = self.compile_seconds, None
        super().log(logs, start_time)


def memory_line(step: int, inputs: Any) -> str:
    """What did not fit, and what to lower."""
    batch, length = inputs["input_ids"].shape
    return (
        f"step {step}: out of memory with a batch of {batch} examples, padded to {length} tokens "
        f"(answers to {inputs['labels'].shape[1]}); "
        "lower --max_tokens_per_batch or --per_device_train_batch_size (more "
        "--gradient_accumulation_steps keep the step as large), "
        "or use --bf16, --lora, --gradient_checkpointing"
    )


def example_ids(inputs: Any, rows: Any) -> list[str]:
    """The ids of a batch's examples, known by their tokens, since a model takes no ids; the row's number
    where the rows have none.

    Looked up only when training has to stop, so that no step pays for it.
    """
    mask = inputs.get("attention_mask")
    sources = (
        [row[keep.bool()].tolist() for row, keep in zip(inputs["input_ids"], mask, strict=True)]
        if mask is not None
        else []
    )
    wanted = {tuple(source): "" for source in sources}
    names = getattr(rows, "ids", None)
    for i in range(len(rows)):
        key = tuple(rows[i]["input_ids"])
        if wanted.get(key) == "":
            wanted[key] = names[i] if names else f"row {i}"
    return [wanted[tuple(source)] or "?" for source in sources]


NO_SIGNAL = (
    "warning: all answers to a question earned the same, for every question, so that nothing is learned; "
    "raise --temperature or --num_generations, or train on answers first (--method sft)"
)


class ConsoleLogger(TrainerCallback):
    """One line on stdout at each logging step and validation, and a bar on stderr where that is a
    terminal.
    """

    def __init__(self) -> None:
        self.bar = ProgressBar("train")

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.start, self.first = time.perf_counter(), state.global_step
        if state.is_world_process_zero:
            self.bar.start()
            self.bar.update(state.global_step, state.max_steps)

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.is_world_process_zero:
            self.bar.update(state.global_step)

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any
    ) -> None:
        if not state.is_world_process_zero or not logs or "loss" not in logs:
            return
        done = state.global_step - self.first
        left = (time.perf_counter() - self.start) / max(done, 1) * (state.max_steps - state.global_step)
        rates = ""
        if "examples_per_second" in logs:
            rates = (
                f"{logs['examples_per_second']:,.0f} examples/s, {logs['tokens_per_second']:,.0f} tokens/s, "
            )
            rates += f"{logs['peak_memory_gb']:.1f} GB, "
        if "reward" in logs:
            rates = reward_line(logs)
        if "compile_seconds" in logs:
            rates += f"{logs['compile_seconds']:.0f} s to compile before that, "
        estimate = "" if self.bar.is_shown else f"{duration(left)} left"  # the bar has its own
        line = f"step {state.global_step} of {state.max_steps}: loss {logs['loss']:.4f}, {rates}{estimate}"
        print(line.removesuffix(", "), flush=True)
        if logs.get("frac_reward_zero_std") == 1:
            print(f"step {state.global_step}: {NO_SIGNAL}", flush=True)

    def on_evaluate(
        self, args: Any, state: Any, control: Any, metrics: dict[str, float] | None = None, **_: Any
    ) -> None:
        if state.is_world_process_zero and metrics:
            print(f"step {state.global_step}: {validation_line(metrics)}", flush=True)

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.bar.stop()


def reward_line(logs: dict[str, float]) -> str:
    """What answers earned, and whether a group's answers differ in it: only then is there something to learn.

    >>> logs = {"reward": 0.4, "reward_std": 0.3, "frac_reward_zero_std": 0.25}
    >>> reward_line({**logs, "completions/mean_length": 5.5, "completions/clipped_ratio": 0.5})
    'reward 0.400 +- 0.300, 25% of groups without signal, answers of 5.5 tokens (50% cut), '
    """
    same, cut = 100 * logs["frac_reward_zero_std"], 100 * logs["completions/clipped_ratio"]
    return (
        f"reward {logs['reward']:.3f} +- {logs['reward_std']:.3f}, {same:.0f}% of groups without signal, "
        f"answers of {logs['completions/mean_length']:.1f} tokens ({cut:.0f}% cut), "
    )


def duration(seconds: float) -> str:
    """
    >>> duration(75), duration(5000)
    ('1:15', '1:23:20')
    """
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"


def validation_line(metrics: dict[str, float]) -> str:
    """
    >>> metrics = {"eval_loss": 0.5, "eval_accuracy": 0.75, "eval_accuracy_cycle_check": 0.75}
    >>> validation_line({**metrics, "eval_majority_cycle_check": 0.5})
    'validation loss 0.5000, accuracy 75.0: cycle_check 75.0 (majority 50.0)'
    >>> metrics = {"eval_accuracy": 0.4, "eval_accuracy_degree": 0.4}
    >>> validation_line({**metrics, "eval_distinct_answers_degree": 1})
    'validation, accuracy 40.0: degree 40.0 (one and the same answer to every question)'
    """
    line = f"validation loss {metrics['eval_loss']:.4f}" if "eval_loss" in metrics else "validation"
    if "eval_accuracy" not in metrics:
        return line
    tasks = [key.removeprefix("eval_accuracy_") for key in metrics if key.startswith("eval_accuracy_")]
    parts = []
    for task in tasks:
        accuracy, floor = metrics[f"eval_accuracy_{task}"], metrics.get(f"eval_majority_{task}")
        notes = []
        if floor is not None:
            notes.append(f"majority {100 * floor:.1f}" + (", not above it" if accuracy <= floor else ""))
        if metrics.get(f"eval_distinct_answers_{task}") == 1:
            notes.append("one and the same answer to every question")
        parts.append(f"{task} {100 * accuracy:.1f}" + (f" ({', '.join(notes)})" if notes else ""))
    return f"{line}, accuracy {100 * metrics['eval_accuracy']:.1f}: {', '.join(parts)}"
