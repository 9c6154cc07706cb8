"""Prompt methods: a question, and the examples that are shown first, -> the prompt (arXiv 2310.04560, section 3.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from data_builders.errors import InputError, check_choice
from data_builders.example import Example
from data_builders.tasks import exemplar_answer


@dataclass(frozen=True)
class Method:
    """One way to ask.

    shots: whether exemplars are shown (GraphQA shows 2).
    reasons: whether those exemplars give their reason, so that the dataset must carry rationales.
    prompt: the question (up to and including `A: `) and the exemplars -> the whole prompt.
    """

    name: str
    shots: bool
    reasons: bool
    prompt: Callable[[str, Sequence[Example]], str]


def _zero_shot(question: str, exemplars: Sequence[Example]) -> str:
    return question


def _zero_cot(question: str, exemplars: Sequence[Example]) -> str:
    return f"{question}Let's think step by step. "


def _few_shot(question: str, exemplars: Sequence[Example]) -> str:
    shown = "".join(f"Example: {e.question}{exemplar_answer(e.task, e.answer)}\n" for e in exemplars)
    return f"{shown}Example: {question}"


def _cot(question: str, exemplars: Sequence[Example]) -> str:
    for e in exemplars:
        if not e.rationale and e.answer != "No, there is no cycle.":  # the one answer for which GraphQA gives no reason
            raise InputError(f"exemplar {e.id} carries no rationale; build the dataset with rationales or use few_shot")
    shown = "".join(f"Example: {e.question}{exemplar_answer(e.task, e.answer)}{e.rationale}\n" for e in exemplars)
    return f"{shown}Example: {question}"


def _cot_bag(question: str, exemplars: Sequence[Example]) -> str:
    return _cot(question, exemplars).replace("\nQ: ", "\nLet's construct the graph with the nodes and edges first.\nQ: ")


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("zero_shot", False, False, _zero_shot),
        Method("zero_cot", False, False, _zero_cot),
        Method("few_shot", True, False, _few_shot),
        Method("cot", True, True, _cot),
        Method("cot_bag", True, True, _cot_bag),
    )
}


def build_prompt(method: str, example: Example, exemplars: Sequence[Example]) -> str:
    """The prompt that asks `example` by `method`; exemplars are shown in the order given, and ignored by the zero-shot methods.

    Raises InputError for an unknown method, or one that shows exemplars where there are none.
    """
    chosen = METHODS[check_choice("prompt method", method, METHODS)]
    if chosen.shots and not exemplars:
        raise InputError(f"prompt method {method!r} needs at least 1 exemplar; {example.id} got none")
    return chosen.prompt(example.question, exemplars)
