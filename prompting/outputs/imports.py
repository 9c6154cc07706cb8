"""Outputs of other programs -> a run folder: matched to a dataset's examples, then scored like any run; and
the other program's verdicts beside ours.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example, load_examples, read_lock
from data_builders.files import file_sha256, write_text
from eval.escape import for_csv
from eval.prediction import (
    Prediction,
    Score,
    read_config,
    write_config,
    write_environment,
    write_predictions,
)
from eval.scoring.run import judge
from prompting.outputs.formats import DEFAULT_NAMES, Names, Output, read_outputs

KIND = "import"  # of the run, in its config
_VERDICTS = {
    **dict.fromkeys(("c", "correct", "true", "right", "yes", "pass", "passed"), True),
    **dict.fromkeys(("i", "p", "n", "incorrect", "partial", "false", "wrong", "no", "fail", "failed"), False),
}
"""How programs write a verdict (inspect_ai: C, I, P and N); a number is right where it is 1."""


@dataclass(frozen=True)
class Matches:
    """Which output answers which example.

    outputs: example id -> its output. unmatched: outputs that answer no example of the split. repeated:
    outputs for examples that had one already (epochs, filters, samples).
    """

    outputs: dict[str, Output]
    unmatched: list[Output]
    repeated: list[Output]


@dataclass(frozen=True)
class Imported:
    """An import: what was matched, the run's metrics, and the two verdicts by example id."""

    matches: Matches
    unanswered: list[str]
    metrics: dict[str, Any]
    scores: dict[str, Score]
    theirs: dict[str, bool]


def import_outputs(
    paths: Sequence[Path],
    data: Path,
    out: Path,
    split: str = "test",
    label: str | None = None,
    names: Names = DEFAULT_NAMES,
    theirs: str | None = None,
) -> Imported:
    """Make a scored run folder of the outputs in some files, which answer one split of a dataset.

    theirs: the field of an output that holds the other program's verdict, `a.b` for b inside of a. Examples
    without an output are left out of the run, which is then partial, and no task without outputs is in it.
    Raises InputError where nothing matches, a verdict cannot be read, or `out` holds another kind of run.
    """
    _check_folder(out)
    examples = load_examples(data, None, split)
    matches = match(read_outputs(paths, names), examples)
    if not matches.outputs:
        first = matches.unmatched[0].place if matches.unmatched else "there are none"
        raise InputError(f"no output answers an example of {data}, split {split} (first: {first})")
    verdicts = {} if theirs is None else {i: _verdict(o, theirs) for i, o in matches.outputs.items()}
    answered = [e for e in examples if e.id in matches.outputs]
    write_config(_config(paths, data, split, label or out.name, examples, answered, theirs), out)
    write_environment(out)
    write_predictions([_prediction(e, matches.outputs[e.id]) for e in answered], out)
    unanswered = [e.id for e in examples if e.id not in matches.outputs]
    report = {
        "matched": len(answered),
        "unmatched": [output.place for output in matches.unmatched],
        "repeated": [output.place for output in matches.repeated],
        "unanswered": unanswered,
    }
    write_text(out / "import.json", json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    scored = judge(out)
    if theirs is not None:
        write_text(out / "verdicts.csv", verdict_csv(answered, scored.scores, verdicts))
    return Imported(matches, unanswered, scored.metrics, scored.scores, verdicts)


def match(outputs: Iterable[Output], examples: Sequence[Example]) -> Matches:
    """Each output with the example that has its id, else with one whose question stands in its prompt.

    White space does not matter, and a prompt may show other questions before. Of several examples with one
    question, each takes one output.

    >>> columns = ("node_count", "", "G is a graph.\\nQ: How many?\\nA: ", "3.", "integer", "", "", "", "{}")
    >>> example = Example("node_count/0", *columns, "g", 3, 2, [], "test")
    >>> prompt = "Example: 1.\\nG is a  graph.\\nQ: How many?\\nA: Let's"
    >>> list(match([Output("row 1", "table", "3", prompts=(prompt,))], [example]).outputs)
    ['node_count/0']
    """
    known = {e.id for e in examples}
    by_line: dict[str, list[tuple[str, str]]] = {}  # last line of a question -> (whole question, example id)
    for e in examples:
        *_, line = _lines(e.question)
        by_line.setdefault(line, []).append((" ".join(_lines(e.question)), e.id))
    matches = Matches({}, [], [])
    for output in outputs:
        ids = [i for i in output.ids if i in known] or _by_question(output.prompts, by_line)
        free = next((i for i in ids if i not in matches.outputs), None)
        if free is not None:
            matches.outputs[free] = output
        else:
            (matches.repeated if ids else matches.unmatched).append(output)
    return matches


def _lines(text: str) -> list[str]:
    """The lines of a question with single spaces, without the `A:` at its end."""
    lines = [line for part in text.splitlines() if (line := " ".join(part.split()))]
    return lines[:-1] if lines[1:] and lines[-1] == "A:" else lines or [""]


def _by_question(prompts: Sequence[str], by_line: Mapping[str, list[tuple[str, str]]]) -> list[str]:
    for prompt in prompts:
        lines = _lines(prompt)
        for end in range(len(lines), 0, -1):
            if lines[end - 1] in by_line:
                text = " ".join(lines[:end])
                ids = [i for question, i in by_line[lines[end - 1]] if text.endswith(question)]
                if ids:
                    return ids
    return []


def _prediction(example: Example, output: Output) -> Prediction:
    prompt = next((p for p in output.prompts if _lines(p) != _lines(example.question)), "")
    tokens = output.prompt_tokens, output.output_tokens
    return Prediction(example.id, output.text, output.finish_reason, *tokens, prompt=prompt)


def _verdict(output: Output, name: str) -> bool:
    """What the other program says of an output; InputError where it says nothing that is known."""
    value: Any = output.fields
    for part in name.split(".") if name not in output.fields else [name]:
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, int | float):
        return value == 1
    text = str(value).strip().lower()
    if text in _VERDICTS:
        return _VERDICTS[text]
    try:
        return float(text) == 1
    except ValueError:
        have = f"; its fields are {', '.join(output.fields) or 'none'}" if value is None else ""
        raise InputError(
            f"{output.place}: --theirs {name} is {value!r}; a verdict is true or false, a number (1 is "
            f"right), or a word such as correct, wrong, C, I{have}"
        ) from None


def verdict_csv(examples: Sequence[Example], scores: Mapping[str, Score], theirs: Mapping[str, bool]) -> str:
    """Both verdicts, item by item, as CSV."""
    lines: list[Sequence[object]] = [("example_id", "task", "theirs", "ours", "parsed", "answer")]
    for e in examples:
        score = scores[e.id]
        word = "correct" if theirs[e.id] else "wrong"
        lines.append((e.id, e.task, word, score.outcome, score.parsed, e.answer.strip()))
    return for_csv(lines)


def agreement(scores: Mapping[str, Score], theirs: Mapping[str, bool]) -> dict[str, int]:
    """Counts of both verdicts: both right, both not, and the other program's false accepts and rejects, by
    ours.
    """
    pairs = Counter((right, scores[i].outcome == "correct") for i, right in theirs.items())
    return {
        "both right": pairs[True, True],
        "both not right": pairs[False, False],
        "false accepts": pairs[True, False],
        "false rejects": pairs[False, True],
    }


def _config(
    paths: Sequence[Path],
    data: Path,
    split: str,
    label: str,
    examples: Sequence[Example],
    answered: Sequence[Example],
    theirs: str | None,
) -> dict[str, Any]:
    """The run's settings. Where the first n examples of each task have outputs it has a limit, as a prompted
    run; where others have, it is partial.
    """
    tasks = list(dict.fromkeys(e.task for e in answered))
    ids = {task: [e.id for e in examples if e.task == task] for task in tasks}
    counts = Counter(e.task for e in answered)
    done = {e.id for e in answered}
    first = {n for task, n in counts.items() if done.issuperset(ids[task][:n])}
    whole = all(counts[task] == len(ids[task]) for task in tasks)
    prefix = len(first) == 1 and set(counts.values()) == first
    total = sum(map(len, ids.values()))
    partial = not whole and not prefix
    return {
        "label": f"{label} (partial: {len(answered)} of {total})" if partial else label,
        "kind": KIND,
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": split,
        "tasks": tasks,
        "limit": first.pop() if prefix and not whole else None,
        **({"partial": True} if partial else {}),
        "files": {str(path): file_sha256(path) for path in paths},
        "theirs": theirs,
    }


def _check_folder(out: Path) -> None:
    if (out / "config.yaml").is_file() and (kind := read_config(out).get("kind")) != KIND:
        raise InputError(f"{out}: it holds a run with kind {kind!r}, not {KIND!r}; choose another --out")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out}: not a folder; choose another --out")
