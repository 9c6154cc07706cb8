"""graphtalk import-outputs: the outputs that another program kept, scored and compared as a run of ours."""

from pathlib import Path
from typing import Annotated

import typer

from eval.escape import visible

LISTED = 10  # outputs without an example that are named; import.json has all


def import_command(
    files: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="lm-eval's samples_*.jsonl, inspect_ai's .eval logs, replies of OpenAI's Batch API, or a "
            "table (JSON lines, JSON, CSV, parquet).",
        ),
    ],
    data: Annotated[Path, typer.Option("--data", help="Dataset folder whose questions were answered.")],
    out: Annotated[Path, typer.Option("--out", help="Run folder to make, e.g. runs/NAME.")],
    split: Annotated[str, typer.Option(help="Split with the questions.")] = "test",
    label: Annotated[
        str | None, typer.Option(help="Name of the run's row in tables; the folder's by default.")
    ] = None,
    theirs: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="Field with the other program's verdict, e.g. exact_match or a.b: compared with ours.",
        ),
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", metavar="FIELD", help="Tables: the column with the example's id.")
    ] = None,
    question: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Tables: the column with the question or prompt.")
    ] = None,
    output: Annotated[
        str | None, typer.Option(metavar="FIELD", help="Tables: the column with the output.")
    ] = None,
) -> None:
    """Make a scored run of outputs that another program kept; they are matched by id or question."""
    from eval.scoring.run import print_scores
    from prompting.outputs.formats import Names
    from prompting.outputs.imports import agreement, import_outputs

    given = {"id": id, "question": question, "output": output}
    names = Names(**{kind: (name,) for kind, name in given.items() if name is not None})
    imported = import_outputs(files, data, out, split, label, names, theirs)
    matches = imported.matches
    print_scores(imported.metrics, out)
    print(f"{len(matches.outputs):,} outputs are answers to examples of {data}, split {split}")
    if matches.repeated:
        print(
            f"{len(matches.repeated):,} more outputs are for examples that have one; the first of each counts"
        )
    if matches.unmatched:
        print(f"{len(matches.unmatched):,} outputs match no example by id or question:")
        for unmatched in matches.unmatched[:LISTED]:
            key = next(iter((*unmatched.ids, *unmatched.prompts)), "")
            print(visible(f"  {unmatched.place}: {key[:60]!r}"))
    if imported.unanswered:
        print(f"{len(imported.unanswered):,} examples have no output and are not in the run; see import.json")
    if theirs is not None:
        counts = agreement(imported.scores, imported.theirs)
        print(f"{theirs} beside our verdict: " + ", ".join(f"{name} {n:,}" for name, n in counts.items()))
        print(f"item by item: {out / 'verdicts.csv'}")
