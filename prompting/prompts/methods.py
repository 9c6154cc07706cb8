"""Prompt methods: a question, and the examples that are shown first, -> the prompt (arXiv 2310.04560, section
3.1).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from data_builders.errors import InputError, check_choice
from prompting.prompts.algorithms import ALGORITHMS

if TYPE_CHECKING:  # `graphtalk prompt --help` needs the names of the methods, and not what an example is
    from data_builders.example import Example


@dataclass(frozen=True)
class Method:
    """One way to ask.

    shots: whether exemplars are shown (GraphQA shows 2).
    reasons: whether those exemplars give their reason, so that the dataset must carry rationales.
    prompt: the example, whose question ends with `A: `, and the exemplars -> the whole prompt.
    new_tokens: longest completion where none is asked for, in tokens.
    samples, temperature: how many completions vote, and how they are drawn, where it is not said.
    """

    name: str
    shots: bool
    reasons: bool
    prompt: Callable[[Example, Sequence[Example]], str]
    new_tokens: int
    samples: int = 1
    temperature: float = 0.0


def _zero_shot(asked: Example, exemplars: Sequence[Example]) -> str:
    return asked.question


def _zero_cot(asked: Example, exemplars: Sequence[Example]) -> str:
    return f"{asked.question}Let's think step by step. "


def _shown_answer(example: Example) -> str:
    from data_builders.tasks import exemplar_answer

    return exemplar_answer(example.task, example.answer)


def _few_shot(asked: Example, exemplars: Sequence[Example]) -> str:
    shown = "".join(f"Example: {e.question}{_shown_answer(e)}\n" for e in exemplars)
    return f"{shown}Example: {asked.question}"


def _cot(asked: Example, exemplars: Sequence[Example]) -> str:
    for e in exemplars:
        if (
            not e.rationale and e.answer != "No, there is no cycle."
        ):  # the one answer for which GraphQA gives no reason
            raise InputError(
                f"exemplar {e.id} carries no rationale; build the dataset with rationales or use few_shot"
            )
    shown = "".join(f"Example: {e.question}{_shown_answer(e)}{e.rationale}\n" for e in exemplars)
    return f"{shown}Example: {asked.question}"


def _cot_bag(asked: Example, exemplars: Sequence[Example]) -> str:
    return _cot(asked, exemplars).replace(
        "\nQ: ", "\nLet's construct the graph with the nodes and edges first.\nQ: "
    )


def _algorithm(asked: Example, exemplars: Sequence[Example]) -> str:
    return f"{ALGORITHMS[check_choice('task with an algorithm in words', asked.task, ALGORITHMS)]}\n{asked.question}"


METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        Method("zero_shot", False, False, _zero_shot, 128),
        Method("zero_cot", False, False, _zero_cot, 256),
        Method("few_shot", True, False, _few_shot, 64),
        Method("cot", True, True, _cot, 256),
        Method("cot_bag", True, True, _cot_bag, 256),
        Method("algorithm", False, False, _algorithm, 256),
        Method("self_consistency", True, True, _cot, 256, samples=5, temperature=0.7),
    )
}
"""The five of GraphQA; then `algorithm` (in words, first) and `self_consistency` (arXiv 2203.11171: `cot`,
sampled, and a vote).
"""


def build_prompt(
    method: str, example: Example, exemplars: Sequence[Example], answer_format: bool = False
) -> str:
    """The prompt that asks `example` by `method`; exemplars are shown in the order given, and ignored by the
    methods without.

    answer_format: say before the last `A: ` what the answer is to look like.
    Raises InputError for an unknown method, or one that shows exemplars where there are none.
    """
    chosen = METHODS[check_choice("prompt method", method, METHODS)]
    if chosen.shots and not exemplars:
        raise InputError(f"prompt method {method!r} needs at least 1 exemplar; {example.id} got none")
    if answer_format:
        example = replace(example, question=with_format(example.question, example.answer_kind))
    return chosen.prompt(example, exemplars)


def with_format(question: str, answer_kind: str) -> str:
    r"""The question with an instruction on its answer's form before `A: `.

    >>> with_format("Q: Is there a cycle?\nA: ", "yes_no")
    "Q: Is there a cycle?\nEnd your reply with a line that begins with 'Answer:' and gives Yes or No.\nA: "
    """
    from eval.answers.kinds import KINDS  # Late, because `graphtalk prompt --help` needs no readers.

    form = KINDS[check_choice("answer kind", answer_kind, KINDS)].instruction
    return f"{question.removesuffix('A: ')}End your reply with a line that begins with 'Answer:' and gives {form}.\nA: "
