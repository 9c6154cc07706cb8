"""What a fine-tuning run can be told: our dataclasses beside Hugging Face's, from a YAML file and flags that
override it.
"""

import argparse
import json
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import torch
from transformers import HfArgumentParser, Seq2SeqTrainingArguments
from transformers.integrations.integration_utils import (
    INTEGRATION_TO_CALLBACK,
    get_available_reporting_integrations,
)

from data_builders.errors import InputError, check_choice, one_line
from data_builders.example import dataset_tasks, read_examples, read_lock
from data_builders.files import read_yaml
from finetune.compiled import keep_compiled, uses_compiled_steps
from finetune.processes import meeting_error
from language_models.folder import check_model_folder


@dataclass
class ModelArguments:
    """Which model: one with weights by id or folder, or a T5 from a configuration with random weights and a
    tokenizer of its own.
    """

    model_name_or_path: str | None = field(
        default=None,
        metadata={"help": "T5-family or decoder-only model: a Hub id, a folder, or runs/NAME/checkpoint."},
    )
    model_config: str | None = field(
        default=None,
        metadata={
            "help": "Random weights instead: a size (t5_1m, t5_4m, t5_16m) or a mapping of "
            "T5Config keys (JSON on the command line)."
        },
    )
    attn_implementation: str | None = field(
        default=None, metadata={"help": "eager or sdpa; default is the library's choice."}
    )
    dtype: str = field(
        default="float32",
        metadata={"help": "Of the weights; bfloat16 halves the memory of a model that adapters leave alone."},
    )
    load_in_4bit: bool = field(
        default=False,
        metadata={"help": "QLoRA: the model's own weights in 4 bit (bitsandbytes, an NVIDIA GPU)."},
    )


@dataclass
class DataArguments:
    """Which questions, and how they become batches of tokens."""

    dataset: str | None = field(
        default=None, metadata={"help": "Dataset folder that `graphtalk build` made."}
    )
    tasks: list[str] | None = field(
        default=None, metadata={"help": "Tasks to train and test on; default: all of the dataset."}
    )
    train_split: str = field(default="train", metadata={"help": "Split to train on."})
    validation_split: str = field(
        default="validation",
        metadata={"help": "Split for loss and accuracy while training (with --eval_strategy)."},
    )
    validation_limit: int | None = field(
        default=200,
        metadata={
            "help": "Validate on the first N examples of each task: their loss, and the score of "
            "generated answers."
        },
    )
    test_split: str = field(default="test", metadata={"help": "Split to predict and score at the end."})
    train_limit: int | None = field(
        default=None, metadata={"help": "Train on the first N examples of each task."}
    )
    limit: int | None = field(default=None, metadata={"help": "Test on the first N examples of each task."})
    short_answers: bool = field(
        default=False,
        metadata={
            "help": "Train on the shortest form of each answer (Yes, 3, no path); it is scored "
            "like GraphQA's."
        },
    )
    max_source_length: int | None = field(
        default=None, metadata={"help": "Longest question in tokens; default: the model's own limit."}
    )
    max_target_length: int | None = field(
        default=None, metadata={"help": "Longest answer in tokens; default: the model's own limit."}
    )
    max_tokens_per_batch: int | None = field(
        default=None,
        metadata={
            "help": "Padded question tokens per device and batch, instead of --per_device_train_batch_size; "
            "auto: the most that fit the GPU."
        },
    )
    chat: bool | None = field(
        default=None,
        metadata={
            "help": "Decoder-only: ask as a user's turn; default: where the tokenizer has a chat template."
        },
    )
    packing: bool = field(
        default=False,
        metadata={"help": "Decoder-only: several examples in one row, none of which sees another."},
    )
    packing_length: int | None = field(
        default=None, metadata={"help": "Tokens of such a row; default: what the model holds."}
    )
    share_graphs: bool = field(
        default=False,
        metadata={
            "help": "T5: questions about one graph share its reading, several times faster; the "
            "graph's tokens see no question."
        },
    )
    add_missing_tokens: bool = field(
        default=False,
        metadata={
            "help": "Give the tokenizer symbols of the data that it lacks (T5's has no newline, `{` or `<`)."
        },
    )
    tokenizer_datasets: list[str] | None = field(
        default=None,
        metadata={
            "help": "Datasets whose words and node names the tokenizer of a from-scratch model "
            "knows; default: the dataset."
        },
    )


@dataclass
class LoraArguments:
    """Low-rank adapters, or a soft prompt, instead of full fine-tuning."""

    lora: bool = field(
        default=False, metadata={"help": "Train adapters (peft) and leave the model's own weights alone."}
    )
    lora_r: int = field(default=16, metadata={"help": "Rank."})
    lora_alpha: int = field(default=32, metadata={"help": "Scale: the update is multiplied by alpha / r."})
    lora_dropout: float = field(default=0.0, metadata={"help": "Dropout before the adapter."})
    lora_target_modules: list[str] | None = field(
        default=None, metadata={"help": "Default: every linear layer but the head."}
    )
    lora_dora: bool = field(
        default=False, metadata={"help": "DoRA: learn each column's length apart from its direction."}
    )
    lora_rslora: bool = field(
        default=False, metadata={"help": "rsLoRA: scale by alpha / sqrt(r), for large ranks."}
    )
    train_embeddings: bool = field(
        default=False,
        metadata={
            "help": "Also train the embedding rows of tokens in the training texts, e.g. node "
            "names that the model never saw."
        },
    )
    soft_prompt: int | None = field(
        default=None,
        metadata={
            "help": "Prompt tuning instead: so many trained tokens before each question, and nothing else."
        },
    )


@dataclass
class GrpoArguments:
    """How a decoder-only model learns: from answers (sft), or from the scores of its own (grpo)."""

    method: str = field(
        default="sft",
        metadata={"help": "sft, or grpo: reinforcement with the scorer's reward (decoder-only models)."},
    )
    num_generations: int = field(
        default=8, metadata={"help": "grpo: answers drawn to each question; the batch is a multiple of it."}
    )
    temperature: float = field(
        default=1.0, metadata={"help": "grpo: of the answers drawn; tests are greedy."}
    )
    beta: float = field(
        default=0.0, metadata={"help": "grpo: weight of the KL divergence from the model before training."}
    )


@dataclass
class TrainArguments(Seq2SeqTrainingArguments):
    """Hugging Face's Seq2SeqTrainingArguments with the defaults of a run that trains, tests and can be
    continued.
    """

    do_train: bool = field(default=True, metadata={"help": "--do_train false only tests the model."})
    do_predict: bool = field(default=True, metadata={"help": "Predict and score the test split at the end."})
    logging_steps: float = field(default=50, metadata={"help": "Log the loss every so many steps."})
    save_total_limit: int | None = field(
        default=2, metadata={"help": "Checkpoints to keep; below 2, a kill while saving loses them all."}
    )
    ddp_find_unused_parameters: bool | None = field(
        default=False, metadata={"help": "T5 uses every parameter in every step."}
    )
    early_stopping_patience: int | None = field(
        default=None,
        metadata={
            "help": "Stop after N validations without a better accuracy, and keep the best checkpoint."
        },
    )
    predict_with: str = field(
        default="transformers", metadata={"help": "transformers, or ctranslate2: T5 on a CPU, twice as fast."}
    )
    force_fp16: bool = field(
        default=False, metadata={"help": "Allow fp16 although T5's feed-forward layers overflow in it."}
    )
    torch_compile: bool | None = field(  # type: ignore[assignment]
        default=None, metadata={"help": "Compile the training step; default: on a GPU, where it is faster."}
    )
    logging_nan_inf_filter: bool = field(
        default=False, metadata={"help": "A loss that is no number stops the run, so none is filtered."}
    )
    label: str | None = field(
        default=None, metadata={"help": "Row name in reports; default: the run folder's name."}
    )
    overwrite: bool = field(
        default=False, metadata={"help": "Replace another run in the folder, checkpoints included."}
    )


@dataclass(frozen=True)
class Options:
    """One run's arguments. `given` holds those that differ from the defaults, by name."""

    model: ModelArguments
    data: DataArguments
    lora: LoraArguments
    grpo: GrpoArguments
    train: TrainArguments
    given: dict[str, Any]


FP16 = (
    "fp16 overflows in T5's feed-forward layers; use --bf16 (or bf16 in the accelerate "
    "configuration), neither for fp32, or --force_fp16 "
    "and watch the loss"
)
AT_LEAST_ONE = [
    "limit",
    "train_limit",
    "max_source_length",
    "max_target_length",
    "packing_length",
]
AT_LEAST_ONE += [
    "soft_prompt",
    "lora_r",
    "lora_alpha",
    "num_generations",
    "validation_limit",
    "early_stopping_patience",
]
MAX_NEW_TOKENS = 128  # of an answer, where the run does not say
AUTO = 0  # max_tokens_per_batch: as many as fit
DTYPES = ("float32", "bfloat16")
METHODS = ("sft", "grpo")
GROUPS: tuple[Any, ...] = (ModelArguments, DataArguments, LoraArguments, GrpoArguments, TrainArguments)


def parser() -> argparse.ArgumentParser:
    """The parser of every flag; `--config FILE` is read before it."""
    out: argparse.ArgumentParser = HfArgumentParser(
        list(GROUPS), prog="graphtalk finetune", allow_abbrev=False, exit_on_error=False
    )
    budget = next(action for action in out._actions if action.dest == "max_tokens_per_batch")
    budget.type = _tokens_per_batch
    out.add_argument(
        "--config", help="YAML file with any of these flags as keys; flags on the command line override it."
    )
    return out


def _tokens_per_batch(text: str) -> int:
    if text == "auto":
        return AUTO
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"max_tokens_per_batch must be at least 1, not {text} (or auto)")
    return int(text)


def read_arguments(argv: list[str]) -> argparse.Namespace:
    """Parse flags over a YAML file's keys; InputError in one line for a key, flag or value that does not
    exist.

    Nothing is started: no device, no process group, so that a launcher can check before it launches.
    """
    flags = parser()
    known = {a.dest for a in flags._actions}
    try:
        path = flags.parse_known_args(argv)[0].config
        argv = ([] if path is None else yaml_flags(Path(path), known)) + argv
        namespace, rest = flags.parse_known_args(argv)
    except argparse.ArgumentError as error:
        raise InputError(one_line(error)) from None
    if rest:
        raise InputError(unknown("argument", rest[0].split("=")[0], [f"--{k}" for k in known]))
    if namespace.tasks:
        namespace.tasks = [task for item in namespace.tasks for task in item.split(",") if task]
    check_arguments(namespace)
    check_files(namespace)
    return namespace


def yaml_flags(path: Path, known: set[str]) -> list[str]:
    """The keys of a YAML file as flags, so that one parser checks both; null stands for the default."""
    out: list[str] = []
    for key, value in read_yaml(path).items():
        if key not in known - {"config", "help"}:
            raise InputError(f"{path}: {unknown('key', str(key), known)}")
        if isinstance(value, list):
            out += [f"--{key}", *map(str, value)]
        elif value is not None:
            out.append(f"--{key}={value if isinstance(value, str) else json.dumps(value)}")
    return out


def unknown(kind: str, name: str, known: set[str] | list[str]) -> str:
    """One line that names close matches.

    >>> unknown("key", "learning_rat", ["learning_rate", "seed"])
    "unknown key 'learning_rat'; did you mean learning_rate? (`python -m finetune --help` lists all)"
    """
    close = get_close_matches(name, sorted(known), n=3, cutoff=0.6)
    hint = f"did you mean {', '.join(close)}? " if close else ""
    return f"unknown {kind} {name!r}; {hint}(`python -m finetune --help` lists all)"


def check_arguments(namespace: argparse.Namespace) -> None:
    """What can be known wrong before anything heavy is loaded."""
    if not namespace.dataset:
        raise InputError("no dataset; give --dataset DIR, a folder that `graphtalk build` made")
    if not namespace.output_dir:
        raise InputError("no run folder; give --output_dir, e.g. runs/t5")
    if (namespace.model_name_or_path is None) == (namespace.model_config is None):
        raise InputError(
            "give either model_name_or_path (a model with weights) or model_config (random weights)"
        )
    if namespace.fp16 and not namespace.force_fp16:
        raise InputError(FP16)
    if namespace.early_stopping_patience is not None and namespace.eval_strategy == "no":
        raise InputError("early_stopping_patience needs validations: give --eval_strategy steps or epoch")
    if namespace.train_embeddings and not namespace.lora:
        raise InputError("train_embeddings belongs to --lora; full fine-tuning trains the embeddings anyway")
    if namespace.soft_prompt and (namespace.lora or namespace.share_graphs or namespace.method == "grpo"):
        raise InputError("soft_prompt learns alone and from answers; leave out lora, share_graphs and grpo")
    if namespace.hub_token:
        raise InputError(
            "hub_token would be kept in config.yaml: set HF_TOKEN in the environment instead, or "
            "use `hf auth login`"
        )
    if namespace.push_to_hub and not namespace.do_train:
        raise InputError("push_to_hub uploads what a run trained, and --do_train false trains nothing")
    check_trackers(namespace.report_to)
    check_choice("dtype", namespace.dtype, DTYPES)
    if (namespace.load_in_4bit or namespace.dtype != "float32") and namespace.do_train and not namespace.lora:
        raise InputError(
            "weights in 4 bit or bfloat16 are too coarse to be trained themselves: add --lora, or "
            "use --bf16 for fast arithmetic"
        )
    if namespace.packing and (
        namespace.max_tokens_per_batch is not None or namespace.train_sampling_strategy == "group_by_length"
    ):
        raise InputError("packing fills rows by itself; leave out max_tokens_per_batch and group_by_length")
    if namespace.model_config and not namespace.do_train:
        raise InputError(
            "--do_train false needs a trained model: give model_name_or_path instead of model_config"
        )
    check_choice("method", namespace.method, METHODS)
    check_choice("predict_with", namespace.predict_with, ("transformers", "ctranslate2"))
    if namespace.method == "grpo" and (namespace.packing or namespace.max_tokens_per_batch is not None):
        raise InputError("method grpo draws its own batches; leave out packing and max_tokens_per_batch")
    for name in AT_LEAST_ONE:
        value = getattr(namespace, name)
        if value is not None and value < 1:
            raise InputError(f"{name} must be at least 1, not {value}")


def check_trackers(report_to: str | list[str] | None) -> None:
    """InputError for an experiment tracker that does not exist or is not installed."""
    names = [report_to] if isinstance(report_to, str) else report_to or []
    for name in names:
        if name not in ("none", "all"):
            check_choice("report_to", name, ["none", "all", *INTEGRATION_TO_CALLBACK])
            if name not in get_available_reporting_integrations():  # type: ignore[no-untyped-call]
                raise InputError(
                    f"report_to {name}: its library is not installed; install it, or leave it out"
                )


def check_files(namespace: argparse.Namespace) -> None:
    """InputError for a dataset without an asked task or split, or a model folder that is not there."""
    folder = Path(namespace.dataset)
    have = dataset_tasks(folder)
    splits = {
        namespace.train_split: namespace.do_train,
        namespace.validation_split: namespace.do_train and namespace.eval_strategy != "no",
        namespace.test_split: namespace.do_predict,
    }
    for task in namespace.tasks or have:
        check_choice(f"task in {folder}", task, have)
        for split in (split for split, needed in splits.items() if needed):
            if not any((folder / task).glob(f"{split}-*.parquet")):
                read_examples(folder, task, split)  # raises, and says which splits there are
    for other in namespace.tokenizer_datasets or []:
        read_lock(Path(other))
    if namespace.model_name_or_path:
        check_model_folder(namespace.model_name_or_path)


def keep_best(values: dict[str, Any]) -> None:
    """What early stopping needs of Hugging Face's arguments: the best checkpoint by accuracy, saved whenever
    it is validated.
    """
    if values["early_stopping_patience"] is not None:
        values["load_best_model_at_end"] = values["restore_callback_states_from_checkpoint"] = (
            True  # so that a resumed run counts on
        )
        values["save_strategy"] = values["eval_strategy"]
        values["save_steps"] = values["eval_steps"] or values["logging_steps"]
    if values["load_best_model_at_end"]:
        values["metric_for_best_model"] = values["metric_for_best_model"] or "accuracy"


def parse(argv: list[str]) -> Options:
    """Options from the command line. Building TrainArguments picks the device and joins the other
    processes.
    """
    namespace = read_arguments(argv)
    defaults = vars(parser().parse_args([]))
    values = vars(namespace)
    keep_best(values)
    given = {k: v for k, v in values.items() if k != "config" and v != defaults[k]}
    if given.get("max_tokens_per_batch") == AUTO:
        given["max_tokens_per_batch"] = "auto"
    gpu = torch.cuda.is_available() and not values["use_cpu"]
    values["torch_compile"] = uses_compiled_steps(values, gpu)
    if values["torch_compile"]:
        keep_compiled()
    try:
        model, data, lora, grpo, train = (
            group(**{f.name: values[f.name] for f in fields(group) if f.init}) for group in GROUPS
        )
    except (ValueError, ImportError) as error:
        raise InputError(one_line(error)) from None
    except RuntimeError as error:
        raise InputError(f"the processes cannot meet: {meeting_error(str(error))}") from None
    return Options(model, data, lora, grpo, train, given)
