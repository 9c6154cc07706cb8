"""Prompt methods (arXiv 2310.04560, section 3.1): from a question and exemplars to the whole prompt."""

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
    """One way to prompt.

    shots: whether the prompt shows exemplars (2 in GraphQA).
    reasons: whether those exemplars give their reason, so that the dataset needs rationales.
    prompt: the example, whose question ends with `A: `, and the exemplars -> the whole prompt.
    new_tokens: the longest completion in tokens, by default.
    samples, temperature: how many completions vote, and how they are sampled, by default.
    """

    name: str
    shots: bool
    reasons: bool
    prompt: Callable[[Example, Sequence[Example]], str]
    new_tokens: int
    samples: int = 1
    temperature: float = 0.0


def _zero_shot(example: Example, exemplars: Sequence[Example]) -> str:
    return example.question


def _zero_cot(example: Example, exemplars: Sequence[Example]) -> str:
    return f"{example.question}Let's think step by step. "


def _exemplar_answer(example: Example) -> str:
    from data_builders.tasks import exemplar_answer

    return exemplar_answer(example.task, example.answer)


def _few_shot(example: Example, exemplars: Sequence[Example]) -> str:
    examples = "".join(f"Example: {e.question}{_exemplar_answer(e)}\n" for e in exemplars)
    return f"{examples}Example: {example.question}"


def _cot(example: Example, exemplars: Sequence[Example]) -> str:
    for e in exemplars:
        # GraphQA gives no reason for this one answer.
        if not e.rationale and e.answer != "No, there is no cycle.":
            raise InputError(
                f"exemplar {e.id} carries no rationale; build the dataset with rationales or use few_shot"
            )
    examples = "".join(f"Example: {e.question}{_exemplar_answer(e)}{e.rationale}\n" for e in exemplars)
    return f"{examples}Example: {example.question}"


def _cot_bag(example: Example, exemplars: Sequence[Example]) -> str:
    return _cot(example, exemplars).replace(
        "\nQ: ", "\nLet's construct the graph with the nodes and edges first.\nQ: "
    )


def _algorithm(example: Example, exemplars: Sequence[Example]) -> str:
    algorithm = ALGORITHMS[check_choice("task with an algorithm in words", example.task, ALGORITHMS)]
    return f"{algorithm}\n{example.question}"


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
"""The five of GraphQA; then `algorithm`, which first states the algorithm in words, and `self_consistency`
(arXiv 2203.11171), which samples `cot` and takes a vote.
"""


def build_prompt(
    method: str, example: Example, exemplars: Sequence[Example], answer_format: bool = False
) -> str:
    """The prompt for `example` by `method`, with the exemplars in the order given.

    Methods without exemplars ignore them.
    answer_format: say before the last `A: ` what the answer is to look like.
    Raises InputError for an unknown method, or for one that shows exemplars where there are none.
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
    instruction = f"End your reply with a line that begins with 'Answer:' and gives {form}."
    return f"{question.removesuffix('A: ')}{instruction}\nA: "
