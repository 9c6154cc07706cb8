"""graphtalk report, compare, conformance, import-dataset and publish: judge answers, of runs and of other
datasets, and hand them on.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from data_builders.errors import InputError

CountReader = Annotated[
    bool,
    typer.Option(
        "--count-reader", help="Let what a language model read out of unparsed outputs count in the accuracy."
    ),
]
Runs = Annotated[list[Path], typer.Argument(help="Run folders, e.g. runs/*")]
Data = Annotated[
    list[Path] | None,
    typer.Option(
        "--data", help="Dataset folders that were moved since the runs were made; matched by fingerprint."
    ),
]


def report(
    runs: Runs,
    out: Annotated[Path, typer.Option("--out", help="Folder for the report.")] = Path("report"),
    data: Data = None,
    figures: Annotated[
        bool, typer.Option("--figures", help="Also write the plots for a paper: SVG and PNG in figures/.")
    ] = False,
    count_reader: CountReader = False,
) -> None:
    """Compare runs: a table here, and report.html, report.md and scores.csv in the --out folder."""
    from data_builders.locks import exclusive
    from eval.analysis.runs import gather
    from eval.report.tables import print_tables
    from eval.report.write import write_report

    with exclusive(out):
        gathered = gather(runs, data or [], count_reader=count_reader)
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


def publish(
    folder: Annotated[Path, typer.Argument(help="Dataset folder, or run folder with a trained model.")],
    repo_id: Annotated[str, typer.Option(help="OWNER/NAME on the Hub; it is made where it is not there.")],
    private: Annotated[bool, typer.Option(help="Make the repository private, where it is new.")] = False,
    revision: Annotated[
        str | None, typer.Option(help="Branch to commit to; refs/pr/N goes on there.")
    ] = None,
    create_pr: Annotated[bool, typer.Option(help="Open a pull request.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the card and what would go up.")] = False,
    data: Annotated[Path | None, typer.Option(help="Of a run: its dataset, if that was moved.")] = None,
    base_model: Annotated[
        str | None, typer.Option(help="Of a run: OWNER/NAME of the model that it was trained from.")
    ] = None,
    dataset_id: Annotated[
        str | None, typer.Option(help="Of a run: OWNER/NAME of its dataset on the Hub.")
    ] = None,
    license: Annotated[
        str | None, typer.Option(help="Of a run that was trained from another model: its license.")
    ] = None,
) -> None:
    """Upload a dataset, or a trained run, with its card to the Hugging Face Hub; the same command continues.

    The token is HF_TOKEN in the environment, or that of `hf auth login`.
    """
    from data_builders.hub import publish_dataset, stage_dataset

    if create_pr and revision is not None:
        raise InputError("--create-pr opens a pull request of its own; give it, or --revision, not both")
    where: Any = {"private": private, "revision": revision, "create_pr": create_pr}
    of_run = {"--data": data, "--base-model": base_model, "--dataset-id": dataset_id, "--license": license}
    if (folder / "config.yaml").is_file():
        from eval.model_card import Names
        from eval.publish import publish_run, stage_run

        names = Names(repo_id, base_model or "", dataset_id or "", license or "")
        if not dry_run:
            print(publish_run(folder, names, data, **where))
            return
        staging = stage_run(folder, names, data)
    else:
        if given := [flag for flag, value in of_run.items() if value is not None]:
            raise InputError(f"{folder}: {given[0]} is for a run folder, and this is none (no config.yaml)")
        if not dry_run:
            print(publish_dataset(folder, repo_id, **where))
            return
        staging = stage_dataset(folder, repo_id)
    files = sorted(path for path in staging.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    print((staging / "README.md").read_text(encoding="utf-8"))
    print(f"{staging}: {len(files)} files, {size:,} bytes would go to {repo_id}; nothing was sent")


LISTED = 10  # of each list that a terminal shows; import.json has all


def import_dataset(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="Questions of GraphQA, NLGraph, GraphWiz or GraphArena: JSON, JSON lines, CSV or parquet.",
        ),
    ],
    out: Annotated[Path, typer.Option("--out", help="Dataset folder to make.")],
    split: Annotated[
        str | None, typer.Option(help="train, validation or test; by default as the files' names say.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the dataset; the folder's by default.")] = None,
) -> None:
    """Make a dataset of another one's questions: their texts, with answers computed anew; lists where those
    differ from theirs.
    """
    from data_builders.errors import check_choice
    from data_builders.example import SPLITS
    from data_builders.files import write_text
    from data_builders.import_dataset import import_dataset as import_files
    from eval.escape import visible
    from eval.scoring.disagreements import disagreements

    imported = import_files(files, out, None if split is None else check_choice("split", split, SPLITS), name)
    wrong = disagreements(imported.examples, imported.theirs)
    report = {
        "disagreements": [
            {"id": d.example.id, "theirs": d.theirs, "ours": d.example.answer.strip(), "read as": d.outcome}
            for d in wrong
        ],
        "skipped": imported.skipped,
    }
    write_text(out / "import.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    answered = sum(answer is not None for answer in imported.theirs.values())
    print(f"{out}: {len(imported.examples):,} questions, fingerprint {imported.lock['fingerprint'][:12]}")
    for task, by_split in imported.lock["report"]["tasks"].items():
        print(f"  {task}: " + ", ".join(f"{s} {counts['n']:,}" for s, counts in by_split.items()))
    end = ":" if wrong else ""
    print(f"{len(wrong):,} of their {answered:,} answers are not right by the graph in the text{end}")
    for d in wrong[:LISTED]:
        print(visible(f"  {d.example.id}: theirs {d.theirs[:60]!r}, ours {d.example.answer.strip()[:60]!r}"))
    for reason, n in Counter(imported.skipped.values()).most_common(LISTED):
        print(visible(f"skipped {n:,}: {reason}"))


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("report", report, {}),
    ("compare", compare, {}),
    ("conformance", conformance, {}),
    ("import-dataset", import_dataset, {}),
    ("publish", publish, {}),
]
