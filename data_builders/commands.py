"""graphtalk graph, build, tasks, verify and export: look at graphs, make datasets, hand them on."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_builders.building.config import BuildConfig, load_config, locked_config
from data_builders.errors import InputError
from data_builders.exports.command import export_command
from data_builders.files import ProgressBar
from data_builders.options import options_of, parse_shard
from data_builders.readers.command import graph_command
from data_builders.readers.source import OPTIONS

if TYPE_CHECKING:  # `graphtalk --help` loads nothing heavy
    from data_builders.readers.graph_files import GraphFile


SHARED = 0.05  # of the edges of test graphs, also in train graphs: more is a warning


@options_of(BuildConfig)
def build_command(
    config: Annotated[
        Path | None,
        typer.Argument(help="YAML file, e.g. configs/data/graphqa.yaml; flags override its keys."),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Dataset folder; data/NAME by default.")] = None,
    tokenizer: Annotated[
        Path | None, typer.Option(help="tokenizer.json or model folder: count the examples' tokens for it.")
    ] = None,
    overwrite: Annotated[bool, typer.Option(help="Replace another dataset in the folder.")] = False,
    shard: Annotated[
        str | None,
        typer.Option(
            help=(
                "K/N: the K-th of N parts, for a job array; a last build without --shard completes the"
                " folder."
            )
        ),
    ] = None,
    locked: Annotated[
        bool,
        typer.Option("--locked", help="Build what the folder's dataset.lock says, byte for byte, or fail."),
    ] = False,
    **flags: Any,
) -> None:
    """Build a dataset folder of graph questions; the same command continues a build that was interrupted."""
    from data_builders.building.build import build

    part = None if shard is None else parse_shard(shard)
    if locked:
        if out is None or config is not None or overwrite:
            raise InputError(
                "--locked needs --out, the folder of the dataset.lock, and takes no config file and no"
                " --overwrite"
            )
        flags = {**locked_config(out, flags["graphs"] or ()), "workers": flags["workers"]}
    settings, left_out = _with_compatible_tasks(load_config(config, flags))
    for task, reason in left_out.items():
        print(f"without {task}: it {reason}")
    if out is None and (Path(settings.name).name != settings.name or settings.name == ".."):
        raise InputError(f"the name {settings.name!r} is no folder name; give --out, the dataset folder")
    folder = out or Path("data") / settings.name
    begin, made = perf_counter(), 0
    with ProgressBar("examples", settings.rows if part is None else None) as bar:

        def advance(rows: int, new: bool) -> None:
            nonlocal made
            made += rows * new
            bar.advance(rows)

        lock = build(settings, folder, overwrite, advance, part, locked, tokenizer)
    seconds = perf_counter() - begin
    if lock is None:
        print(
            f"{folder}: shard {shard} is written ({made:,} new examples in {seconds:.1f} s); when all are,"
            " build without --shard"
        )
        return
    _print_report(lock)
    pace = (
        f"{made:,} of them made in {seconds:.1f} s, {made / seconds:,.0f}/s"
        if made
        else "all of them were there"
    )
    print(f"{folder}: {settings.rows:,} examples ({pace}), fingerprint {lock['fingerprint'][:12]}")


def _with_compatible_tasks(config: BuildConfig) -> tuple[BuildConfig, dict[str, str]]:
    from data_builders.building.compatibility import with_compatible_tasks
    from data_builders.building.draws import shared_edges

    if not config.graphs:
        return config, {}
    files = _open_files(config)
    for name, file in files.items():
        if config.unit == "subgraph" and config.max_nodes is None and file.graph.n < config.largest:
            print(f"note: {name}: has {file.graph.n} nodes, so no subgraph has {config.largest}")
    for name, share in shared_edges(config, files).items():
        if share >= SHARED:
            print(
                f"warning: {name}: {share:.1%} of the edges of its test graphs are edges of its "
                f"train graphs too, "
                "since subgraphs of one network share its nodes; --names encoder hides which nodes "
                "they are, a "
                "larger network has more that differ, and --unit graph asks about the whole graph, "
                "without train"
            )
    return with_compatible_tasks(config, files)


def _open_files(config: BuildConfig) -> "dict[str, GraphFile]":
    """The graph files of a config, after printing what is noted of them."""
    from data_builders.building.rows import open_files

    files = open_files(config)
    for name, file in files.items():
        for note in file.notes:
            print(f"note: {name}: {note}")
    return files


@options_of(BuildConfig, only=("generators", "encoders", "min_nodes", "max_nodes", *OPTIONS))
def tasks_command(
    graphs: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="Graph files to sample subgraphs from.")
    ] = None,
    **flags: Any,
) -> None:
    """List the tasks that can ask about a graph, and for the others the reason."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from data_builders.building.compatibility import compatibility
    from data_builders.tasks import TASKS, Query

    config = load_config(None, {"tasks": "node_count", "graphs": graphs or None, **flags})
    table = Table(box=SIMPLE, pad_edge=False, collapse_padding=True)
    for column in ("task", "class", "answer", "transform", "question, or why not"):
        table.add_column(column, no_wrap=column == "task")
    for name, reason in compatibility(config, _open_files(config)).items():
        task = TASKS[name]
        asks = task.ask(["S", "T"], Query((0, 1), ("C0", "C1"))).splitlines()[0].removeprefix("Q: ")
        table.add_row(
            name,
            task.task_class,
            task.answer_kind,
            task.transform,
            asks if reason is None else f"[red]it {reason}[/red]",
        )
    Console(width=None if sys.stdout.isatty() else 160).print(table)


def _print_report(lock: dict[str, Any]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    from data_builders.building import card

    console = Console(width=None if sys.stdout.isatty() else 120)  # a log file has no width of its own
    report = lock["report"]
    tables = [
        (card.ANSWER_COLUMNS, card.answer_rows(report, limit=3)),
        (card.FLOOR_COLUMNS, card.floor_rows(report)),
        (card.GRAPH_COLUMNS, card.graph_rows(report)),
        (card.TOKEN_COLUMNS, card.token_rows(report)),
    ]
    for columns, cells in tables:
        if not cells:
            continue
        table = Table(box=SIMPLE, pad_edge=False, collapse_padding=True)
        for column in columns:
            table.add_column(column, no_wrap=column not in ("answers", "what the rule says"))
        for row in cells:
            table.add_row(*row)
        console.print(table)
    for source, file in report["files"].items():
        whole = lock["config"].get("unit") == "graph"
        what = "the whole graph" if whole else "subgraphs"
        print(f"{source}: {what} of {file['nodes']:,} nodes and {file['edges']:,} edges")


def verify_command(folder: Annotated[Path, typer.Argument(help="Dataset folder.")]) -> None:
    """Make every row of a dataset again from its stored graph, and name the first that differs (exit code
    1).
    """
    from data_builders.building.verify import verify
    from data_builders.example import read_lock

    lock: Any = read_lock(folder)
    total = sum(by_split["n"] for task in lock["report"]["tasks"].values() for by_split in task.values())
    with ProgressBar("examples", total) as bar:
        verdict = verify(folder, bar.advance)
    if verdict.difference is not None:
        print(f"{folder}: {verdict.difference}", file=sys.stderr)
        raise typer.Exit(1)
    apart = (
        f"; no graph is isomorphic to one of another split ({verdict.pairs:,} pairs with the same degrees"
        " tested)"
        if verdict.graphs is not None
        else "; its graphs are of one question set, or of an older rule of splits, which was not checked"
    )
    alone = f"; without a second implementation: {', '.join(verdict.unchecked)}" if verdict.unchecked else ""
    print(
        f"{folder}: all {verdict.rows:,} examples agree with their graphs, and all files with"
        f" dataset.lock{apart}{alone}"
    )


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("graph", graph_command, {}),
    ("build", build_command, {}),
    ("tasks", tasks_command, {}),
    ("verify", verify_command, {}),
    ("export", export_command, {}),
]
