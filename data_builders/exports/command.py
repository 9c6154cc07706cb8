"""graphtalk export: a dataset as the folder that another program reads."""

import json
import secrets
import shutil
from pathlib import Path
from typing import Annotated

import typer

from data_builders.errors import InputError, check_choice
from data_builders.files import atomic_folder

MARK = "export.json"  # names what a folder was made from, so that --overwrite never removes anything else


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
    overwrite: Annotated[bool, typer.Option(help="Replace another export in the folder.")] = False,
) -> None:
    """Write a dataset in the form of another program; the folder's README.md says how it is used there."""
    from data_builders.exports.formats import EXPORTS
    from data_builders.exports.source import open_source

    check_choice("--to", to, EXPORTS)
    if model is not None and to != "openai":
        raise InputError(f"--model is for --to openai; --to {to} has no requests")
    chosen = None if tasks is None else [name.strip() for name in tasks.split(",") if name.strip()]
    source = open_source(dataset, chosen, limit, model)
    held = out.is_file() or (out.is_dir() and any(out.iterdir()))
    if held and (out.is_symlink() or not (out / MARK).is_file()):
        raise InputError(f"{out}: is there already and is no export; choose another --out")
    if held and not overwrite:
        raise InputError(f"{out}: is there already; choose another --out, or give --overwrite to replace it")
    old = out.with_name(f"{out.name}.{secrets.token_hex(8)}.old")
    mark = {"dataset": source.name, "fingerprint": source.lock["fingerprint"], "to": to}
    try:
        with atomic_folder(out) as folder:
            EXPORTS[to](source, folder)
            (folder / MARK).write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")
            if held:  # only now, so that an export that fails leaves the one before it
                out.rename(old)
        if held:
            shutil.rmtree(old)
    except OSError as error:
        raise InputError(f"{out}: cannot be written ({(error.strerror or str(error)).lower()})") from None
    print(f"{out}: {len(source.tasks)} tasks of {dataset} for {to}; {out / 'README.md'} says how to use it")
