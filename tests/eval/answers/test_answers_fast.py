"""What makes reading fast changes nothing: words that are looked for first, long texts that are read from
their end.
"""

import json
import re
import time
from dataclasses import replace
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.answers import prose, refusals
from eval.answers.case_insensitive import CaseInsensitive
from eval.answers.final_answer import normalize
from eval.answers.kinds import numbers as number_answers
from eval.answers.kinds import quantities
from eval.answers.prose import backwards, sentences
from eval.prediction import OUTCOMES, Prediction
from eval.scoring.conformance import read_cases
from eval.scoring.scorer import MOST_READ, score

HURRIED = {
    f"{module.__name__}.{name}[{i}]": pattern
    for module in (number_answers, prose, quantities)
    for name, value in vars(module).items()
    for i, pattern in enumerate(value if isinstance(value, list) else [value])
    if isinstance(pattern, CaseInsensitive) and pattern.needs
}
TEXTS = [normalize(case.prediction.output) for case in read_cases()]


def test_there_are_some() -> None:
    assert len(HURRIED) >= 8


@pytest.mark.parametrize("name", HURRIED)
@given(st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
def test_every_match_holds_a_word_that_is_looked_for_first(name: str, data: st.DataObject) -> None:
    pattern = HURRIED[name]
    text = data.draw(st.from_regex(re.compile(pattern.pattern.lower(), re.ASCII))).lower()
    plain = CaseInsensitive(pattern.pattern)
    assert (pattern.search(text) is None) == (plain.search(text) is None), text


def test_and_none_is_lost_in_real_texts() -> None:
    for pattern in HURRIED.values():
        plain = CaseInsensitive(pattern.pattern)
        for text in TEXTS:
            assert [m.span() for m in pattern.finditer(text)] == [m.span() for m in plain.finditer(text)], (
                text
            )


@given(st.from_regex(refusals._REFUSAL._re))
@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
def test_no_refusal_is_overlooked(text: str) -> None:
    found = refusals._REFUSAL.search(text)
    if found is not None:
        assert any(word in text.lower() for word in refusals._WORDS) or refusals._NOT.search(text), text


@given(st.text("aA .!?\n\"')(1", max_size=60))
def test_backwards_is_the_sentences_from_the_end(text: str) -> None:
    assert list(backwards(text)) == sentences(text)[::-1]


@pytest.mark.parametrize("at", range(40))
def test_a_long_run_of_one_sign_is_cut_wherever_it_begins(at: int) -> None:
    for sign in "(*.-\u2026":
        assert len(normalize("x" * at + sign * 31 + " y" * 200)) < at + 31 + 400
    assert normalize("x" * at + "(" * 30 + "y") == "x" * at + "(" * 30 + "y"


PIECES = """the no not and or is node nodes edge path from to 0 1 2 12 1,000 = + ( ) , . ; : -> - Ann yes
    so if there are answer Answer: how because \\boxed{ } * # [ ] " ' reason neither nor cannot 0, (0, 1)
    without <think>
    </think> ** ` | > $ \\frac _ ^ ~ 3rd between 1. Q: Example: 1+1="""
EXAMPLES = list({case.example.task: case.example for case in read_cases()}.values())


def seconds(text: str, at: int) -> float:
    """Processor time of one judgement, the least of three."""
    times = []
    for _ in range(3):
        start = time.process_time()
        score(EXAMPLES[at], Prediction("x", text))
        times.append(time.process_time() - start)
    return min(times)


@pytest.mark.parametrize("seed", range(60))
def test_time_is_proportional_to_length(seed: int) -> None:
    """Four times as long a text takes at most eight times as long; a quadratic rule would take sixteen."""
    rng = Random(seed)
    unit = rng.choice(["", " ", "\n"]).join(rng.choices(PIECES.split(), k=rng.randrange(1, 6)))
    at = rng.randrange(len(EXAMPLES))
    short, long = (seconds(unit * (length // len(unit)), at) for length in (20_000, 80_000))
    assert long <= 8 * short + 0.05, (unit, EXAMPLES[at].task, short, long)


def test_a_huge_output_is_read_from_its_end() -> None:
    example = next(example for example in EXAMPLES if example.task == "edge_count")
    text = "1, 2; " * (MOST_READ // 4) + f"\nThere are {example.answer.strip(' .')} edges."
    found = score(example, Prediction("x", text))
    assert (found.outcome, found.unread) == ("correct", len(text) - MOST_READ)
    assert score(example, Prediction("x", "?" * 2_000_000)).outcome in OUTCOMES


def test_a_line_far_longer_than_a_list_of_all_nodes_is_unclear() -> None:
    """And one that is as long as such a list is read."""
    names = [f"{u:06d}" for u in range(1200)]
    graph = {"directed": False, "nodes": names, "edges": [[u, u + 1] for u in range(1199)]}
    case = next(case for case in read_cases() if case.example.task == "hamiltonian_path")
    answer = ", ".join(names)
    example = replace(
        case.example, graph=json.dumps(graph), answer=answer, solution=json.dumps([*range(1200)])
    )
    assert len(answer) > 9000
    for output in (
        f"So the path is {answer}.",
        f"It is easy. We find that the path is {' -> '.join(names)}.",
    ):
        assert score(example, Prediction("x", output)).outcome == "correct"
    for unit in ("1+1=", "0 -> 1 + "):
        output = f"The path is {unit * 20_000}"
        assert score(case.example, Prediction("x", output)).outcome == "unparsed"
