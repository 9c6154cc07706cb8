"""Any output at all: no crash, nothing right that does not hold the answer, and the same verdict in any
dressing.

A thousand outputs of each kind of answer here; twenty thousand in `make test-slow`.
"""

import json
import re
import unicodedata
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.answers.kinds import KINDS
from eval.answers.kinds.quantities import NUMBER_WORDS
from eval.prediction import OUTCOMES, Prediction
from eval.scoring.conformance import Case, read_cases
from eval.scoring.scorer import score

SUITE = read_cases()
CASES = {kind: [case for case in SUITE if case.example.answer_kind == kind] for kind in KINDS}
PLAIN = """the a node nodes graph is are of in there so because we have to and or not but it that this
    first then
    since each edge path from between list count total therefore Answer: answer **answer** The final
    Final result I think maybe cannot sorry wait actually"""
SIGNS = [
    "\n",
    "\n\n",
    ". ",
    ", ",
    ": ",
    " (",
    ") ",
    " -> ",
    " = ",
    " + ",
    "**",
    "`",
    "\\boxed{",
    "}",
    "<think>",
    "</think>",
]
SIGNS += ["#### ", "\nQ: "]
NONE = re.compile(
    r"\b(?:no|none|not|nobody|nothing|never|without|neither|zero|empty|isolated|edgeless|un\w+|dis\w+"
    r"|inf\w*|impossible|cannot"
    r"|components?)\b|n't|-free|∞|∅|-1|\[\s*\]|\{\s*\}|\(\s*\)|all|every"
)
SPELLED = {f"{value:.0f}": word for word, value in NUMBER_WORDS.items()}


def scrambled(case: Case, rng: Random) -> str:
    """An output made of pieces of the suite's outputs for the same kind, plain words, signs and raw bytes."""
    pieces = []
    for _ in range(rng.randrange(1, 12)):
        match rng.randrange(6):
            case 0:
                pieces.append(
                    bytes(rng.randrange(256) for _ in range(rng.randrange(1, 20))).decode(
                        "utf-8", errors="replace"
                    )
                )
            case 1:
                pieces.append(rng.choice(SIGNS))
            case 2:
                text = rng.choice(CASES[case.example.answer_kind]).prediction.output
                at = rng.randrange(len(text) + 1)
                pieces.append(text[at : at + rng.randrange(1, 60)])
            case _:
                pieces.append(" ".join(rng.choices(PLAIN.split(), k=rng.randrange(1, 6))))
    return rng.choice(["", " "]).join(pieces)


def holds_answer(case: Case, text: str) -> bool:
    """Whether a text has anything in it that may state a right answer."""
    gold, kind = case.example.answer.strip(" .").lower(), case.example.answer_kind
    low = unicodedata.normalize("NFKC", text).lower()
    if kind == "yes_no":
        return (
            re.search(r"[a-z]{2}", low) is not None
        )  # "there is an edge" states it in no word of the answer
    if gold.startswith(("no nodes", "there is no", "no path")) or gold == "0":
        return "0" in low or NONE.search(low) is not None
    if kind in ("integer", "distance"):
        value = rf"(?<!\d)0*{gold}(?!\d)|\b{SPELLED.get(gold, gold)}\b"
        return re.search(value, re.sub(r"(?<=\d)\{?,\}?(?=\d)", "", low)) is not None
    names = [str(name).lower() for name in json.loads(case.example.graph)["nodes"]]
    wanted = (
        gold.split(", ")
        if kind == "node_set"
        else [gold]
        if kind == "label"
        else sorted(names, key=low.count)[-2:]
    )
    return all(name in low for name in wanted)


def fuzz(kind: str, outputs: int, seed: int) -> None:
    rng = Random(f"{seed}/{kind}")
    for _ in range(outputs):
        case = rng.choice(CASES[kind])
        text, finish_reason = scrambled(case, rng), rng.choice(["stop", "stop", "length"])
        found = score(case.example, Prediction("x", text, finish_reason))
        assert found.outcome in OUTCOMES and found.outcome != "error" and 0 <= found.credit <= 1, text
        assert (found.credit == 1) is (found.outcome == "correct") and (
            found.outcome == "correct" or not found.strict
        ), text
        assert bool(found.parsed) is (found.outcome in ("correct", "wrong")), text
        assert found.outcome != "correct" or holds_answer(case, text), (case.example.answer, text)
        again = score(case.example, Prediction("x", f"{text}  \n \n", finish_reason))
        assert finish_reason == "length" or (again.outcome, again.credit) == (found.outcome, found.credit), (
            text
        )


@pytest.mark.parametrize("kind", KINDS)
def test_any_output_is_judged(kind: str) -> None:
    fuzz(kind, 1000, 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_twenty_thousand_outputs_are_judged(kind: str) -> None:
    fuzz(kind, 20_000, 1)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(SUITE), st.sampled_from(["stop", "length"]))
def test_bytes_are_judged(raw: bytes, case: Case, finish_reason: str) -> None:
    text = raw.decode("latin-1")
    assert score(case.example, Prediction("x", text, finish_reason)).outcome in OUTCOMES


def test_silence_of_any_kind_is_no_answer() -> None:
    rng = Random(5)
    for case in SUITE:
        text = "".join(
            rng.choices(
                [" ", "\n", "\t", "\u00a0", "\u200b", "**", "`", "> ", "- ", "#", "\r\n", "…"],
                k=rng.randrange(12),
            )
        )
        found = score(case.example, Prediction("x", text))
        assert found.outcome == "unparsed", (case.example.task, text, found)


DRESSED = {
    "white space": lambda text: f"\n  {text}\n\n ",
    "lower case": str.lower,
    "upper case": str.upper,
    "bold": lambda text: f"**{text}**",
    "italic": lambda text: f"*{text}*",
    "code": lambda text: f"`{text}`",
    "quote": lambda text: f"> {text}",
    "heading": lambda text: f"## {text}",
}


@pytest.mark.parametrize("name", DRESSED)
def test_a_gold_answer_is_right_in_any_dressing_any_number_of_times(name: str) -> None:
    """Each kind of dressing once and (but for headings) twice over, on every gold answer of the suite."""
    for case in {case.example.answer + case.example.graph: case for case in SUITE}.values():
        text = case.example.answer
        for _ in range(1 if name == "heading" else 2):
            text = DRESSED[name](text)
            found = score(case.example, Prediction("x", text))
            assert found.outcome == "correct", (case.example.task, text, found)
