"""What a kind of answer is: how an answer of it is read from a text, judged, written and asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from data_builders.example import truth
from eval.answers.prose import Reading
from eval.answers.question import Question


class Verdict(NamedTuple):
    """Whether an answer is right, its credit in [0, 1], and how many nodes and edges it invents."""

    right: bool
    credit: float
    invented_nodes: int = 0
    invented_edges: int = 0


def judge_equal(solution: Any, question: Question) -> Verdict:
    """An answer is right where it is the stored solution."""
    right = solution == truth(question.example)
    return Verdict(right, float(right))


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """One kind of answer.

    at_start: reads the answer that a text opens with ("3. Because ..."), with the index where it ends.
    stated: reads the answer that the sentences of a text state ("The degree of node 2 is 3.").
    judge: a solution and its question -> what it is worth. Nodes that the graph does not have are names in
        the solution.
    noun: what an answer of this kind is, in the report's sentences.
    in_mark: reads the sentence of a mark where neither of them can ("The answer is a flow of 19").
    instruction: what the prompt asks for, after "gives".
    is_word: whether an answer is one of a few words. A word is whole without an end sign ("Yes"), unlike
        digits ("1" may be half of 12), and saying the commonest one always may pay.
    separator: what stands between the nodes of a list, where `parsed` writes one.
    """

    at_start: Callable[[str, Question], Reading]
    stated: Callable[[str, Question], Reading]
    judge: Callable[[Any, Question], Verdict]
    noun: str
    instruction: str
    is_word: bool = False
    in_mark: Callable[[str, Question], Reading] = lambda sentence, question: None
    separator: str = ", "
