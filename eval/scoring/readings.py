"""What a language model read out of outputs that the scorer could not read: kept beside the run, judged like
any answer, and counted apart.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.files import inside, read_json, write_text
from eval.prediction import Prediction, Score
from eval.scoring.conformance import Case, conformance, read_cases, total
from eval.scoring.scorer import score

FILE = "reader.json"  # in the run folder


@dataclass(frozen=True)
class Readings:
    """A model's readings of one run's unparsed outputs.

    reader: the model, as `--reader` names it. texts: example id -> what the model says that the output
    states, '' for no answer. outputs: example id -> sha256 of the output that was read, so that a reading
    never counts for another output. agreement: how the model does on the conformance suite, see `agreement`.
    """

    reader: str
    texts: dict[str, str]
    outputs: dict[str, str]
    agreement: dict[str, int] = field(default_factory=dict)


def digest(output: str) -> str:
    """The sha256 of an output."""
    return hashlib.sha256(output.encode("utf-8", "surrogatepass")).hexdigest()


def write_readings(readings: Readings, run: Path) -> None:
    write_text(run / FILE, json.dumps(asdict(readings), indent=2, ensure_ascii=False) + "\n")


def read_readings(run: Path) -> Readings | None:
    """The readings in a run folder; None where no model has read it."""
    path = inside(run, FILE)
    if not path.is_file():
        return None
    try:
        return Readings(**read_json(path))
    except TypeError as error:
        raise InputError(f"{path}: damaged ({error}); remove it, or read again with --reader") from None


def judge_reading(example: Example, text: str) -> Score:
    """The score of a reading; unparsed where it is empty."""
    return score(example, Prediction(example.id, text))


def add_readings(
    examples: Sequence[Example],
    predictions: Mapping[str, Prediction],
    scores: Mapping[str, Score],
    readings: Readings | None,
    count: bool,
) -> dict[str, Score]:
    """The scores, where an output is unparsed with the outcome of its reading beside.

    count: let a reading that states an answer take the place of `unparsed`.
    """
    out = dict(scores)
    if readings is None:
        return out
    for e in examples:
        known = readings.outputs.get(e.id) == digest(predictions[e.id].output)
        if not known or scores[e.id].outcome != "unparsed":
            continue
        read = judge_reading(e, readings.texts[e.id])
        own = replace(read, strict=False) if count and read.outcome in ("correct", "wrong") else scores[e.id]
        out[e.id] = replace(own, reader=readings.reader, read_by_model=read.outcome)
    return out


def agreement_cases(count: int) -> list[Case]:
    """So many cases of the conformance suite that state an answer or none, as many of each outcome as can
    be; always the same ones, in an order that has nothing to do with what they say.

    >>> [case.outcome for case in agreement_cases(6)]
    ['correct', 'wrong', 'unparsed', 'correct', 'wrong', 'unparsed']
    """
    cases = sorted(
        (case for case in read_cases() if case.prediction.finish_reason == "stop"),
        key=lambda case: digest(case.example.id),
    )
    kinds = [[c for c in cases if c.outcome == outcome] for outcome in ("correct", "wrong", "unparsed")]
    return [case for row in zip(*kinds, strict=False) for case in row][:count]


def agreement(cases: Sequence[Case], texts: Mapping[str, str]) -> dict[str, int]:
    """How readings of conformance cases stand to those of a careful reader: cases, agree, false_accepts,
    false_rejects.
    """
    tally = total(conformance(lambda e, _: judge_reading(e, texts[e.id]), cases))
    return {
        "cases": len(cases),
        "agree": len(cases) - len(tally.faults),
        "false_accepts": tally.accepts,
        "false_rejects": tally.rejects,
    }
