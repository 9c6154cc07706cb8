"""graphtalk score, report, compare and conformance: judge the answers of runs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Runs = Annotated[list[Path], typer.Argument(help="Run folders, e.g. runs/*")]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", help="Dataset folders that were moved since the runs were made; matched by fingerprint."
    ),
]


def score(runs: Runs, data: Data = None) -> None:
    """Judge the predictions of runs: scores.parquet and metrics.json in each run folder, and a table."""
    from eval.analysis.runs import gather
    from eval.report.tables import print_tables

    print_tables(gather(runs, data or [], strict=True))


def report(
    runs: Runs,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")] = Path("report"),
    data: Data = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Also write the plots for a paper: SVG and PNG in figures/.")
    ] = False,
) -> None:
    """Compare runs: a table here, and report.html, report.md and scores.csv in the --out folder."""
    from data_builders.locks import exclusive
    from eval.analysis.runs import gather
    from eval.report.tables import print_tables
    from eval.report.write import write_report

    with exclusive(out):
        gathered = gather(runs, data or [])
        page = write_report(gathered, out, figures)  # Before the table, which a closed pipe may cut short.
    print_tables(gathered)
    typer.echo(f"The report: {page}")


def compare(
    run_a: Annotated[Path, typer.Argument(help="Run folder A.")],
    run_b: Annotated[Path, typer.Argument(help="Run folder B, on the same split of the same dataset.")],
    data: Data = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the numbers as JSON.")] = False,
) -> None:
    """Compare two runs question by question: differences with intervals, and exact tests adjusted over
    tasks.
    """
    from eval.analysis.comparisons import compare as compare_runs
    from eval.analysis.comparisons import print_comparison

    comparison = compare_runs(run_a, run_b, data or [])
    if as_json:
        typer.echo(json.dumps(comparison.to_dict(), indent=2, ensure_ascii=False))
    else:
        print_comparison(comparison)


def conformance(
    scorer: Annotated[
        str, typer.Option("--scorer", help="module:function, of an example and a prediction.")
    ] = "eval.scoring.scorer:score",
    cases: Annotated[
        Path | None, typer.Option("--cases", help="A file of cases of your own, instead of the suite.")
    ] = None,
    faults: Annotated[
        bool, typer.Option("--faults", help="List every case that is decided otherwise.")
    ] = False,
) -> None:
    """Hold a scorer against the public suite: false accepts and false rejects per task; 1 where any case is
    decided otherwise.
    """
    from eval.scoring.conformance import CASES, load_scorer, print_tallies, read_cases, total
    from eval.scoring.conformance import conformance as run_suite

    tallies = run_suite(load_scorer(scorer), read_cases(cases or CASES))
    print_tallies(scorer, tallies)
    if faults:
        typer.echo("\n".join(total(tallies).faults))
    raise typer.Exit(1 if total(tallies).faults else 0)


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("score", score, {}),
    ("report", report, {}),
    ("compare", compare, {}),
    ("conformance", conformance, {}),
]
