"""A prompting run: dataset and method -> prompts -> completions in the journal -> predictions -> scores."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_builders.errors import InputError, check_choice
from data_builders.example import SPLITS, Example, dataset_tasks, read_examples, read_lock
from data_builders.files import write_text
from eval.prediction import read_config, write_config, write_environment, write_predictions
from prompting.backends.model import (
    Completion,
    Model,
    ModelOptions,
    Request,
    open_model,
    parse_model,
    same_model,
)
from prompting.budget import Budget, Stopped
from prompting.journal import Journal
from prompting.prompts.exemplars import Exemplars
from prompting.prompts.methods import METHODS, build_prompt
from prompting.settings import PromptRun
from prompting.vote import vote

Progress = Callable[[int, int, list[Completion]], None]
"""Called with requests done, requests in all, and the completions that are new."""


def plan(run: PromptRun) -> list[tuple[Example, str]]:
    """Every example that is asked, with its whole prompt, in file order; InputError for anything that the
    dataset does not have.
    """
    check_choice("prompt method", run.method, METHODS)
    check_choice("split", run.split, SPLITS)
    for option, value, least in (
        ("--limit", run.limit, 1),
        ("--shots", run.shots, 1),
        ("--samples", run.samples, 1),
    ):
        if value is not None and value < least:
            raise InputError(f"{option} is {value}; it is a whole number of at least {least}")
    tasks = chosen_tasks(run)
    return [pair for task in tasks for pair in _plan_task(run, task)]


def chosen_tasks(run: PromptRun) -> list[str]:
    """Names of the tasks that are asked, each once."""
    have = dataset_tasks(run.data)
    if run.tasks == ():
        raise InputError(f"--tasks names no task; leave it out for all, or choose from {', '.join(have)}")
    return [check_choice(f"task in {run.data}", task, have) for task in dict.fromkeys(run.tasks or have)]


def _plan_task(run: PromptRun, task: str) -> list[tuple[Example, str]]:
    asked = read_examples(run.data, task, run.split)[: run.limit]
    if not asked:
        raise InputError(
            f"{run.data}: task {task} has no examples in split {run.split!r}; there is nothing to ask"
        )
    if not METHODS[run.method].shots:
        return [(example, build_prompt(run.method, example, [], run.answer_format)) for example in asked]
    fixed = asked if run.exemplars == "fixed" else ()
    pool = Exemplars(read_examples(run.data, task, "train"), run.any_generator, run.balanced, fixed)
    drawn = ((example, pool.draw(example, run.shots, run.seed)) for example in asked)
    return [
        (example, build_prompt(run.method, example, shown, run.answer_format)) for example, shown in drawn
    ]


def execute(
    run: PromptRun,
    model: str,
    options: ModelOptions,
    out: Path,
    label: str | None,
    progress: Progress,
    budget: Budget | None = None,
    shared: Path | None = None,
) -> dict[str, Any]:
    """Ask everything that the journal does not hold yet, then write predictions, usage and scores; the
    metrics come back.

    shared: a journal for several runs; the run folder's own by default.
    Raises Stopped where the budget ends, the server is of no use, or the disk is full: what was answered is
        in the journal.
    """
    from eval.scoring.run import score_run

    parse_model(model)
    asked = plan(run)
    _check_folder(out, run, model)
    opened = open_model(model, options)
    budget = budget or Budget()
    try:
        _start_folder(out, _config(run, model, options, opened, label or out.name, budget))
        requests = [Request(prompt, sample) for _, prompt in asked for sample in range(run.samples)]
        with Journal(shared or out / "journal.sqlite", opened.identity) as journal:
            begin = time.perf_counter()
            completions = complete_all(opened, requests, journal, progress, budget)
            seconds = time.perf_counter() - begin
        write_predictions(
            [
                vote(e, [completions[Request(prompt, i)] for i in range(run.samples)], prompt)
                for e, prompt in asked
            ],
            out,
        )
        write_text(out / "usage.json", json.dumps(usage(completions, budget, seconds), indent=2) + "\n")
        return score_run(out)
    except OSError as error:
        raise Stopped(
            f"{error.filename or out}: cannot be written ({(error.strerror or str(error)).lower()}); all completions are kept: "
            "make room, or the folder writable, and start again"
        ) from error


def complete_all(
    model: Model, requests: Sequence[Request], journal: Journal, progress: Progress, budget: Budget
) -> dict[Request, Completion]:
    """Request -> completion, each distinct request completed once in the journal's life; errors are not kept
    there.
    """
    distinct = list(dict.fromkeys(requests))
    found = journal.find(distinct)
    done = {index for index, request in enumerate(distinct) if request in found}
    for completion in found.values():
        budget.spend(completion.prompt_tokens, completion.output_tokens)
    progress(len(done), len(distinct), [])
    if len(done) == len(distinct):
        return found
    for batch in model.complete(distinct, done, budget):
        fresh = [(distinct[index], completion) for index, completion in batch]
        journal.add(
            (request, completion) for request, completion in fresh if completion.finish_reason != "error"
        )
        found.update(fresh)
        progress(len(found), len(distinct), [completion for _, completion in fresh])
    return found


def usage(completions: Mapping[Request, Completion], budget: Budget, seconds: float) -> dict[str, Any]:
    """What a run took, for usage.json: how requests ended, tokens, dollars (None where the price is not
    known), seconds of this start.
    """
    all_of = completions.values()
    return {
        "requests": len(completions),
        "finish_reasons": dict(sorted(Counter(c.finish_reason for c in all_of).items())),
        "empty": sum(not c.text.strip() for c in all_of),
        "prompt_tokens": sum(c.prompt_tokens for c in all_of),
        "output_tokens": sum(c.output_tokens for c in all_of),
        "reasoning_tokens": sum(c.reasoning_tokens for c in all_of),
        "dollars": budget.cost,
        "seconds": round(seconds, 3),
    }


def _config(
    run: PromptRun, model: str, options: ModelOptions, opened: Model, label: str, budget: Budget
) -> dict[str, Any]:
    return {
        "label": label,
        "kind": "prompt",
        "data": str(run.data),
        "dataset_fingerprint": read_lock(run.data)["fingerprint"],
        "split": run.split,
        "tasks": chosen_tasks(run),
        "limit": run.limit,
        "model": model,
        "method": run.method,
        "shots": run.shots if METHODS[run.method].shots else 0,
        "seed": run.seed,
        "any_generator": run.any_generator,
        "exemplars": run.exemplars,
        "balanced": run.balanced,
        "answer_format": run.answer_format,
        "samples": run.samples,
        "price": None if budget.price is None else asdict(budget.price),
        "options": {**asdict(options), "stop": list(options.stop), "extra": dict(options.extra)},
        "identity": dict(opened.identity),
    }


def _check_folder(out: Path, run: PromptRun, model: str) -> None:
    """InputError if the folder holds a run of another kind, model or method, which a second start would not
    continue but replace.
    """
    if not (out / "config.yaml").is_file():
        if out.exists() and not out.is_dir():
            raise InputError(f"{out}: not a folder; choose another --out")
        return
    old = read_config(out)
    if same_model(str(old.get("model")), model):
        old["model"] = model
    for key, value in (("kind", "prompt"), ("model", model), ("method", run.method)):
        if old.get(key) != value:
            raise InputError(
                f"{out}: it holds a run with {key} {old.get(key)!r}, not {value!r}; choose another --out"
            )


def _start_folder(out: Path, config: dict[str, Any]) -> None:
    if (out / "config.yaml").is_file() and read_config(out) != config:
        for stale in (
            "predictions.parquet",
            "scores.parquet",
            "metrics.json",
            "usage.json",
        ):  # they would be read as answers to the new config
            (out / stale).unlink(missing_ok=True)
    write_config(config, out)
    write_environment(out)
