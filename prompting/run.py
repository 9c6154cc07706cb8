"""A prompting run: dataset and method -> prompts -> completions in the journal -> predictions -> scores."""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

from data_builders.errors import InputError, check_choice
from data_builders.example import SPLITS, Example, dataset_tasks, read_examples, read_lock
from data_builders.files import inside, write_text
from data_builders.locks import RUNNING, exclusive
from eval.prediction import read_config, write_config, write_environment, write_predictions
from eval.rerun import changed_settings, check_rerun, drop_results, lower_limit
from prompting.backends.model import Completion, Model, ModelOptions, Request
from prompting.backends.registry import open_model, parse_model, same_model
from prompting.budget import Budget, ServerFailed, Stopped
from prompting.estimate import rule_of_thumb
from prompting.journal import Journal, stored_completions
from prompting.prompts.exemplars import Exemplars
from prompting.prompts.methods import METHODS, build_prompt
from prompting.settings import PromptRun
from prompting.vote import vote

Progress = Callable[[int, int, list[Completion]], None]
"""Called with the requests done, the requests in all, and the new completions."""


def plan(run: PromptRun, part: tuple[int, int] | None = None) -> list[tuple[Example, str]]:
    """The examples of the run, each with its whole prompt, in file order.

    part: (k, n) gives the k-th of n parts of them, which has a part of each task's.
    Raises InputError for anything that the dataset does not have.
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
    chosen = slice(None) if part is None else slice(part[0] - 1, None, part[1])
    return [pair for task in tasks for pair in _plan_task(run, task, chosen)]


def chosen_tasks(run: PromptRun) -> list[str]:
    """The names of the run's tasks, each once."""
    known = dataset_tasks(run.data)
    if run.tasks == ():
        raise InputError(f"--tasks names no task; leave it out for all, or choose from {', '.join(known)}")
    return [check_choice(f"task in {run.data}", task, known) for task in dict.fromkeys(run.tasks or known)]


def _plan_task(run: PromptRun, task: str, chosen: slice) -> list[tuple[Example, str]]:
    examples = read_examples(run.data, task, run.split)[: run.limit]
    if not examples:
        raise InputError(
            f"{run.data}: task {task} has no examples in split {run.split!r}; there is nothing to ask"
        )
    if not METHODS[run.method].shots:
        return [(e, build_prompt(run.method, e, [], run.answer_format)) for e in examples[chosen]]
    fixed = examples if run.exemplars == "fixed" else ()
    pool = Exemplars(read_examples(run.data, task, "train"), run.any_generator, run.balanced, fixed)
    return [
        (e, build_prompt(run.method, e, pool.draw(e, run.shots, run.seed), run.answer_format))
        for e in examples[chosen]
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
    partial: bool = False,
    part: tuple[int, int] | None = None,
    overwrite: bool = False,
) -> dict[str, Any] | None:
    """Ask everything that the journal does not hold yet, then write predictions, usage and scores.

    Returns the metrics. Journals that parts left in the run folder are merged into the run's own before.
    part: (k, n): ask the k-th of n parts of the requests, into a journal of that part, and score nothing;
        None comes back then. Parts may run side by side, on machines that see the folder, each with its own
        address of the model.
    shared: a journal for several runs; the run folder's own by default. partial: score what was answered
        where the run stops early, instead of nothing. overwrite: replace the results of a run with other
        settings; its journal stays.
    Raises Stopped where the budget ends, the server is of no use, or the disk is full; what was answered is
        in the journal. Raises InputError while another process is at work in the folder, where it holds a run
        with other settings, and where the server answered nothing at all.
    """
    parse_model(model)
    planned = plan(run, part)
    budget = budget or Budget()
    config = _config(run, model, options, label or out.name, budget)
    with ExitStack() as held:
        held.enter_context(exclusive(out, shared=part is not None))
        if part is not None:
            held.enter_context(exclusive(out, f"{RUNNING}-{part[0]}-of-{part[1]}"))
        _check_rerun(out, config, overwrite)
        opened = open_model(model, options)
        config["options"]["stop"] = opened.identity.get("stop")
        config["identity"] = dict(opened.identity)
        _check_rerun(out, config, overwrite)
        requests = [Request(prompt, sample) for _, prompt in planned for sample in range(run.samples)]
        try:
            if not (out / "predictions.parquet").is_file():
                _start(out, config)
            begin = time.perf_counter()
            own = "journal.sqlite" if part is None else f"journal-{part[0]}-of-{part[1]}.sqlite"
            with Journal(shared or inside(out, own), opened.identity) as journal:
                for other in _journals_of_parts(out) if part is None else []:
                    journal.merge(other)
                if shared is None:
                    budget.spend(*journal.spent(options.max_new_tokens))
                try:
                    completions = complete_all(opened, requests, journal, progress, budget)
                except Stopped as stopped:
                    completions = journal.find(requests)
                    if not (partial and completions):
                        raise
                    print(f"graphtalk: {stopped}", file=sys.stderr)
            if part is not None:
                return None
            used = usage(completions, budget, time.perf_counter() - begin)
            return _finish(run, out, config, planned, completions, used)
        except OSError as error:
            raise Stopped(
                f"{error.filename or out}: cannot be written ({(error.strerror or str(error)).lower()}); all "
                "completions are kept: make room, or the folder writable, and start again"
            ) from error


def _journals_of_parts(out: Path) -> list[Path]:
    return [inside(out, path.name) for path in sorted(out.glob("journal-*-of-*.sqlite"))]


def _start(out: Path, config: dict[str, Any]) -> None:
    """The settings before the first request, so that the folder says what it is. An earlier run that is
    continued with a higher limit keeps its settings and results until the new ones are there.
    """
    write_config(config, out)
    write_environment(out)


def _finish(
    run: PromptRun,
    out: Path,
    config: dict[str, Any],
    planned: Sequence[tuple[Example, str]],
    completions: Mapping[Request, Completion],
    used: Mapping[str, Any],
) -> dict[str, Any]:
    """Vote, write predictions and usage, score; the metrics come back."""
    from eval.scoring.run import score_run

    predictions = [
        vote(e, [completions[Request(prompt, i)] for i in range(run.samples)], prompt)
        for e, prompt in planned
        if all(Request(prompt, i) in completions for i in range(run.samples))
    ]
    if not predictions:
        raise Stopped("no example has all of its samples yet, so that there is nothing to score")
    if len(predictions) < len(planned):
        label = f"{config['label']} (partial: {len(predictions)} of {len(planned)})"
        config = {**config, "label": label, "partial": True}
    if read_config(out) != config:  # The results of earlier settings would be read as those of these.
        drop_results(out)
        _start(out, config)
    write_predictions(predictions, out)
    write_text(out / "usage.json", json.dumps(used, indent=2) + "\n")
    return score_run(out)


def complete_all(
    model: Model, requests: Sequence[Request], journal: Journal, progress: Progress, budget: Budget
) -> dict[Request, Completion]:
    """Request -> completion; each distinct request is completed once in the journal's life.

    Errors are not kept in the journal, so that the next invocation asks them again. Raises InputError, with
    the first reason, where every request failed and the journal held no answer.
    """
    distinct = list(dict.fromkeys(requests))
    completions = journal.find(distinct)
    done = {index for index, request in enumerate(distinct) if request in completions}
    progress(len(done), len(distinct), [])
    if len(done) == len(distinct):
        return completions
    try:
        for batch in model.complete(distinct, done, budget):
            fresh = [(distinct[index], completion) for index, completion in batch]
            journal.add((request, c) for request, c in fresh if c.finish_reason != "error")
            completions.update(fresh)
            progress(len(completions), len(distinct), [completion for _, completion in fresh])
    except ServerFailed as failed:
        if all(c.finish_reason == "error" for c in completions.values()):
            raise InputError(f"{failed.reason}; nothing was answered, so that nothing is scored") from None
        raise
    errors = [c.text for c in completions.values() if c.finish_reason == "error"]
    if len(errors) == len(distinct):
        raise InputError(
            f"all {len(errors)} requests failed, the first with {errors[0]}; nothing was answered, so that "
            "nothing is scored"
        )
    return completions


def usage(completions: Mapping[Request, Completion], budget: Budget, seconds: float) -> dict[str, Any]:
    """What a run took, for usage.json.

    How requests ended and why they failed; tokens; dollars of all that the run's journal holds, None where
    the price is not known; seconds of this invocation; and what a person should know about the answers.
    """
    values = completions.values()
    errors = Counter(c.text for c in values if c.finish_reason == "error")
    return {
        "requests": len(completions),
        "finish_reasons": dict(sorted(Counter(c.finish_reason for c in values).items())),
        "errors": dict(errors.most_common(10)),
        "empty": sum(not c.text.strip() for c in values),
        "prompt_tokens": sum(c.prompt_tokens for c in values),
        "output_tokens": sum(c.output_tokens for c in values),
        "reasoning_tokens": sum(c.reasoning_tokens for c in values),
        "dollars": budget.cost,
        "seconds": round(seconds, 3),
        "warnings": warnings_about(completions),
    }


def warnings_about(completions: Mapping[Request, Completion]) -> list[str]:
    """Lines for a person where the answers look as if they were not what the model would say.

    Most answers are empty; or the server counted far fewer prompt tokens than were sent, as servers do that
    cut a prompt to a small context without an error.

    >>> cut = Completion("Yes.", "stop", 64, 2, 0.1)
    >>> warnings_about({Request("(0, 1) " * 100): cut, Request("(2, 3) " * 200): cut})
    ['the server counted 64 tokens of a prompt of about 1,201: it may cut prompts to a small context']
    """
    lines = []
    answered = [(r, c) for r, c in completions.items() if c.finish_reason != "error"]
    empty = sum(not c.text.strip() for _, c in answered)
    if 2 * empty > len(answered):
        lines.append(
            f"{empty} of {len(answered)} answers are empty: a model that thinks needs a larger "
            "--max-new-tokens, and a stop string (--stop) may end an answer before it begins"
        )
    counted = [(r, c.prompt_tokens) for r, c in answered if c.prompt_tokens]
    if counted:
        most = max(tokens for _, tokens in counted)
        # A cut prompt is as long as the context, whatever was sent; tokenizers differ by less than a half.
        longest = max((rule_of_thumb(r.prompt) for r, tokens in counted if tokens == most), default=0)
        if most < longest / 2:
            lines.append(
                f"the server counted {most:,} tokens of a prompt of about {longest:,}: it may cut prompts to "
                "a small context"
            )
    return lines


def _config(run: PromptRun, model: str, options: ModelOptions, label: str, budget: Budget) -> dict[str, Any]:
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
        "options": {**asdict(options), "extra": dict(options.extra)},
    }


_SETTINGS = (
    "kind", "dataset_fingerprint", "split", "model", "method", "shots", "seed", "any_generator", "exemplars",
    "balanced", "answer_format", "samples",
)  # fmt: skip


def _check_rerun(out: Path, config: dict[str, Any], overwrite: bool) -> None:
    """InputError where the folder holds what was paid for with other settings, or more than is asked now.

    The address of the server, its caps and the label may change. A config without its `identity` is one
    whose model is not open yet.
    """
    predicted = (out / "predictions.parquet").is_file()
    journals = [inside(out, "journal.sqlite"), *_journals_of_parts(out)]
    paid = predicted or any(map(stored_completions, journals))
    if not ((out / "config.yaml").is_file() and paid):
        return
    before, now = read_config(out), dict(config)
    if same_model(str(before.get("model")), now["model"]):
        before["model"] = now["model"]
    changes = changed_settings(before, now, (key for key in _SETTINGS if key in before))
    identity, opened = before.get("identity") or {}, now.get("identity") or {}
    if identity and opened:
        changes += changed_settings(identity, opened, sorted({*identity, *opened}))
    if predicted:  # Else there is nothing that could be cut: the journal keeps all that it has.
        changes += lower_limit(before, now)
        left = sorted({*before.get("tasks", ())} - {*now["tasks"]})
        changes += [f"tasks: without {', '.join(left)}, which would cut the run"] if left else []
    results = [name for name in ("predictions.parquet", "journal.sqlite") if (out / name).is_file()]
    try:
        check_rerun(out, results, changes, overwrite)
    except InputError as error:
        if len(changes) == 1 and changes[0].startswith("stop: "):
            # The default for chats and for methods without examples was once another one.
            stop = json.dumps(identity["stop"])
            raise InputError(f"{error}; to continue it, give --stop '{stop}'") from None
        raise
