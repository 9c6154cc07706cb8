"""graphtalk fit: train a model that reads graphs and not text."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from data_builders.errors import InputError


def fit(
    context: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(help="YAML of keys, e.g. configs/graph_models/gin.yaml; flags override it."),
    ] = None,
    dataset: Annotated[Path | None, typer.Option(help="Dataset folder that `graphtalk build` made.")] = None,
    output_dir: Annotated[
        Path | None, typer.Option("--output_dir", "--output-dir", "--out", help="Run folder, e.g. runs/gin.")
    ] = None,
) -> None:
    """`graphtalk fit MODEL ...`: train a model that reads graphs, then answer and score the test split.

    MODEL is a kind (gin, mpnn, gcn, gat, gps, ppgn, transformer). The same command again continues.
    Every key of the configuration is a flag (docs/graph_models.md), e.g. --width 64, --steps 2000,
    --tasks shortest_path,cycle_check. With a checkpoint folder in place of a kind, nothing is trained.
    """
    named = {"--config": config, "--dataset": dataset, "--output_dir": output_dir}
    flags = [part for name, value in named.items() if value is not None for part in (name, str(value))]
    fit_arguments([*context.args, *flags])


def fit_arguments(argv: Sequence[str]) -> None:
    """Run `fit` on the words of a command line. Torch is imported late: `graphtalk --help` need not wait."""
    from graph_models.config import load_config
    from graph_models.run import main

    flags = read_flags(argv)
    path = flags.pop("config", None)
    main(load_config(None if path is None else Path(path), flags))


def read_flags(argv: Sequence[str]) -> dict[str, Any]:
    """`--key value` and `--key=value` as keys and texts; a first word without dashes is the model.

    >>> read_flags(["gin", "--width", "32", "--residual=false"])
    {'model': 'gin', 'width': '32', 'residual': 'false'}
    """
    words, out = list(argv), {}
    if words and not words[0].startswith("-"):
        out["model"] = words.pop(0)
    while words:
        key, equals, value = words.pop(0).partition("=")
        if not key.startswith("--"):
            raise InputError(f"unexpected {key!r}; keys are given as --key value")
        if not equals and key == "--overwrite" and (not words or words[0].startswith("--")):
            value = "true"
        elif not equals:
            if not words or words[0].startswith("--"):
                raise InputError(f"{key} needs a value, e.g. {key} 1")
            value = words.pop(0)
        out[key[2:].replace("-", "_")] = value
    return out


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    (
        "fit",
        fit,
        {
            "context_settings": {"allow_extra_args": True, "ignore_unknown_options": True},
            "options_metavar": "MODEL [OPTIONS]",
        },
    ),
]
