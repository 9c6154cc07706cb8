"""graphtalk finetune and merge: train language models on a dataset."""

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer


def finetune(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="YAML of arguments, e.g. configs/finetune/t5_scratch.yaml; flags override it."),
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="Dataset folder that `graphtalk build` made.")] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output_dir", "--output-dir", "--out", help="Run folder, e.g. runs/t5.")
    ] = None,
    accelerate_config: Annotated[
        Path | None,
        typer.Option(
            "--accelerate-config", help="Several processes: a file such as configs/accelerate/ddp.yaml."
        ),
    ] = None,
) -> None:
    """Fine-tune T5 on a dataset, then predict and score its test split; the same command again continues.

    Takes every flag of Hugging Face's Seq2SeqTrainingArguments besides its own (`python -m finetune --help`
    lists all), e.g. --model_name_or_path, --lora, --max_tokens_per_batch, --learning_rate,
    --num_train_epochs, --bf16, --do_train false.
    """
    from finetune.launch import launch, run_here

    named = {"--config": config, "--dataset": dataset, "--output_dir": output_dir}
    argv = [*(f"{flag}={value}" for flag, value in named.items() if value is not None), *context.args]
    if accelerate_config is None:
        run_here(argv)
    elif code := launch(argv, accelerate_config):
        raise typer.Exit(code)


def merge(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN_OR_ADAPTER", help="Run folder of a LoRA fine-tuning, or a folder of adapters."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Model folder to make.")],
) -> None:
    """Work adapters into their base model: a plain folder that answers the same and needs no peft."""
    from finetune.run.merge import merge as merge_adapters

    print(f"{out}: {merge_adapters(source, out)} with the adapters of {source}")


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("finetune", finetune, {"context_settings": {"allow_extra_args": True, "ignore_unknown_options": True}}),
    ("merge", merge, {}),
]
