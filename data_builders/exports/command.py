"""graphtalk export: a dataset as the folder that another program reads."""

from pathlib import Path
from typing import Annotated

import typer

from data_builders.errors import InputError, check_choice
from data_builders.files import atomic_folder


def export_command(
    dataset: Annotated[Path, typer.Argument(help="Dataset folder that `graphtalk build` made.")],
    to: Annotated[
        str,
        typer.Option(
            help="trl, lm_eval, inspect_ai, reasoning_gym, verifiers, llama_factory, openai or jsonl."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder to make.")],
    tasks: Annotated[str | None, typer.Option(help="Tasks, with commas; all by default.")] = None,
    limit: Annotated[
        int | None, typer.Option(min=1, help="The first examples of each task and split only.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="openai: the model that batch requests name.")] = None,
) -> None:
    """Write a dataset in the form of another program; the folder's README.md says how it is used there."""
    from data_builders.exports.formats import EXPORTS
    from data_builders.exports.source import open_source

    check_choice("--to", to, EXPORTS)
    if model is not None and to != "openai":
        raise InputError(f"--model is for --to openai; --to {to} has no requests")
    chosen = None if tasks is None else [name.strip() for name in tasks.split(",") if name.strip()]
    source = open_source(dataset, chosen, limit, model)
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise InputError(f"{out}: is there already; choose another --out, or remove it")
    try:
        with atomic_folder(out) as folder:
            EXPORTS[to](source, folder)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
    print(f"{out}: {len(source.tasks)} tasks of {dataset} for {to}; {out / 'README.md'} says how to use it")
