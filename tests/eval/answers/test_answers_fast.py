"""What makes reading fast changes nothing: words that are looked for first, long texts that are read from
their end.
"""

import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from eval.answers import prose, refusals
from eval.answers.case_insensitive import CaseInsensitive
from eval.answers.final_answer import normalize
from eval.answers.kinds import numbers as number_answers
from eval.answers.kinds import quantities
from eval.answers.prose import backwards, sentences
from eval.scoring.conformance import read_cases

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
