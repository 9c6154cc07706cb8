"""score: one example and one prediction in, one Score out."""

from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from data_builders.errors import check_choice
from data_builders.example import Example, truth
from data_builders.graphs.graph import graph_from_json
from eval.answers.final_answer import tidy, visible
from eval.answers.prose import NO_PATH, NONE_EXISTS, Answer, Value
from eval.answers.question import Asked
from eval.answers.read import READERS, read_answer
from eval.prediction import Outcome, Prediction, Score
from eval.scoring.valid_answers import PARTIAL, WITNESSES


class Verdict(NamedTuple):
    """Whether an answer is right, its credit in [0, 1], and how many nodes and edges it invents."""

    right: bool
    credit: float
    invented_nodes: int = 0
    invented_edges: int = 0


Judge = Callable[[Any, Asked], Verdict]
"""(a solution, what was asked) -> what it is worth. Nodes that the graph does not have are names in it."""


def score(example: Example, prediction: Prediction) -> Score:
    """How a prediction is judged: the answer that its text states, compared with the example's.

    Returns a Score: outcome; parsed, the answer that was read ('' where there is none); credit, 1 for correct
    answers, the F1 of a node set that is not exact, up to one half for a path or order that the graph allows
    although another was asked for, else 0. Every outcome counts in the number of answers, only `correct` as
    right.

    Raises InputError if the example's answer kind or answer is of no form that can be scored.

    >>> graph = '{"directed": false, "nodes": ["0", "1"], "edges": [[0, 1]]}'
    >>> example = Example("er/0", "node_degree", "retrieval", "..A: ", "1.", "integer", "", "adjacency",
    ...     "er", graph, "er/test/0", 2, 1, [0], "test")
    >>> result = score(example, Prediction(example.id, "Node 0 is connected to node 1, so it is **1**."))
    >>> result.outcome, result.parsed, result.credit, result.strict
    ('correct', '1', 1.0, False)
    """
    kind = example.answer_kind
    if kind not in READERS:
        check_choice(f"answer kind of {example.id}", kind, READERS)
    if prediction.finish_reason == "error":
        return Score(prediction.example_id, "error", "", 0.0)
    if prediction.finish_reason == "refusal":  # A server's filter, or a message that it marks as a refusal.
        return Score(prediction.example_id, "refused", "", 0.0)
    asked = Asked(example)
    seen = visible(asked.replace_names(prediction.output), prediction.finish_reason)
    # The stored text is right, whatever it looks like to a reader: nodes may be called `None` or `Answer`.
    gold = example.answer.strip()
    if gold and (gold == prediction.output.strip() or asked.replace_names(gold) == seen.text.strip()):
        return Score(prediction.example_id, "correct", _gold_text(asked), 1.0, strict=True)
    if seen.thinking:
        return Score(prediction.example_id, "truncated" if seen.cut else "unparsed", "", 0.0)
    text = tidy(seen.text)
    if not seen.cut:  # white space at the end of a text that was cut says that its last word is whole
        text = text.strip()
    if not text.strip():  # cut and empty: all tokens went into reasoning that the server kept to itself
        return Score(prediction.example_id, "truncated" if seen.cut else "unparsed", "", 0.0)
    if text.isupper():
        text = asked.recase(text)
    answer = read_answer(text, asked, seen.cut)
    if not isinstance(answer, Answer):
        return Score(prediction.example_id, answer, "", 0.0)
    right, credit, nodes, edges = _JUDGES[kind](solution_of(answer.value, asked), asked)
    strict = right and (
        answer.alone
        or _plain(text.rstrip().rpartition("\n")[2])
        == _plain(tidy(visible(asked.replace_names(example.answer), "stop").text))
    )
    outcome: Outcome = "correct" if right else "wrong"
    return Score(
        prediction.example_id,
        outcome,
        asked.spelled(_text_of(answer.value, kind)),
        credit,
        strict,
        nodes,
        edges,
    )


def _gold_text(asked: Asked) -> str:
    """The right answer in the form of `parsed`."""
    solution, kind = truth(asked.example), asked.kind
    if isinstance(solution, list):
        names = [asked.spelled(asked.names[u]) for u in solution]
        if ", ".join(names) not in asked.example.answer:  # a set that GraphQA's wording sorts
            names.sort()
        return _text_of(tuple(names), kind)
    if solution is None:
        return NO_PATH if kind == "distance" else NONE_EXISTS
    if isinstance(solution, str):
        return solution.lower()
    return _text_of(solution if isinstance(solution, bool) else float(solution), kind)


def _plain(text: str) -> str:
    return text.strip(" .!").lower()


def _text_of(value: Value, kind: str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return (" -> " if kind == "path" else ", ").join(value) or "No nodes"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else str(value)
    return value


def is_right(example: Example, solution: Any) -> bool:
    """Whether a solution (see `data_builders.example.truth`) answers the example.

    >>> blank = Example("", "shortest_path", "", "", "2.", "distance", "", "", "", "{}", "", 3, 2, [0, 2], "")
    >>> is_right(blank, 2), is_right(blank, None)
    (True, False)
    """
    asked = Asked(example)
    if isinstance(solution, list):  # of another graph, perhaps, that has more nodes
        solution = [u if u < len(asked.names) else str(u) for u in solution]
    return _JUDGES[example.answer_kind](solution, asked).right


def _judge_equal(solution: Any, asked: Asked) -> Verdict:
    right = solution == truth(asked.example)
    return Verdict(right, float(right))


def _judge_label(solution: Any, asked: Asked) -> Verdict:
    right = str(solution).lower() == str(truth(asked.example)).lower()
    return Verdict(right, float(right))


def _judge_set(solution: Any, asked: Asked) -> Verdict:
    gold, predicted = set(truth(asked.example)), set(solution)
    if gold == predicted:
        return Verdict(True, 1.0)
    return Verdict(False, 2 * len(gold & predicted) / (len(gold) + len(predicted)), _invented(predicted))


def _invented(nodes: Iterable[int | str]) -> int:
    """How many of the nodes are names that the graph does not have."""
    return sum(isinstance(node, str) for node in set(nodes))


_parsed = lru_cache(maxsize=2048)(graph_from_json)


def _judge_witness(solution: Any, asked: Asked) -> Verdict:
    """Any valid path or order is right; that none exists is right where the solution says so too."""
    example = asked.example
    none = truth(example) is None
    if solution is None:
        return Verdict(none, float(none))
    if asked.task not in WITNESSES:
        check_choice(f"witness task of {example.id}", asked.task, WITNESSES)
    graph, _ = _parsed(example.graph)
    invented = _invented(solution)
    steps = (
        sum(not graph.has_edge(u, v) for u, v in pairwise(solution))
        if asked.kind == "path" and not invented
        else 0
    )
    # Where there is no such path, an invented one earns nothing, however many of its edges are there.
    if invented or none:
        return Verdict(False, 0.0, invented, steps)
    right = WITNESSES[asked.task](graph, example.query, solution)
    return Verdict(right, 1.0 if right else PARTIAL[asked.task](graph, example.query, solution), 0, steps)


def solution_of(value: Value, asked: Asked) -> Any:
    """What was read as a solution: names as ids, those that the graph does not have as they stand.

    >>> solution_of(NO_PATH, None), solution_of(2.0, None), solution_of(False, None)
    (None, 2.0, False)
    """
    if isinstance(value, tuple):
        return [asked.ids.get(name, name) for name in value]
    return None if value in (NO_PATH, NONE_EXISTS) else value


_JUDGES: dict[str, Judge] = {
    "yes_no": _judge_equal,
    "integer": _judge_equal,
    "distance": _judge_equal,
    "node_set": _judge_set,
    "label": _judge_label,
    "path": _judge_witness,
    "order": _judge_witness,
}
