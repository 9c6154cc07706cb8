"""score: one example and one prediction in, one Score out."""

from collections.abc import Callable
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

from data_builders.errors import InputError, check_choice
from data_builders.example import Example
from data_builders.graphs.graph import graph_from_json
from eval.answers.final_answer import tidy, visible
from eval.answers.prose import NO_PATH, NONE_EXISTS, Answer, Value
from eval.answers.question import Asked, unshield
from eval.answers.read import READERS, read_answer
from eval.prediction import Outcome, Prediction, Score
from eval.scoring.valid_answers import PARTIAL, WITNESSES

_NAMED = ("yes_no", "distance", "node_set", "label", "path", "order")


class Verdict(NamedTuple):
    """Whether an answer is right, its credit in [0, 1], and how many nodes and edges it makes up."""

    right: bool
    credit: float
    invented_nodes: int = 0
    invented_edges: int = 0


Judge = Callable[[Value, Asked], Verdict]
"""(what was read, what was asked) -> what it is worth."""


def score(example: Example, prediction: Prediction) -> Score:
    """How a prediction is judged: the answer that its text states, compared with the example's.

    Returns a Score: outcome; parsed, the answer that was read ('' where there is none); credit, 1 for correct
    answers, the F1 of a node set that is not exact, up to one half for a path or order that the graph allows
    although another was asked for, else 0. Every outcome counts in the number of answers, only `correct` as
    right.

    Raises InputError if the example's answer kind or answer is of no form that can be scored.

    >>> example = Example("node_degree/er/adjacency/test/0", "node_degree", "retrieval", "..A: ", "1.", "integer", "", "adjacency",
    ...     "er", '{"directed": false, "nodes": ["0", "1"], "edges": [[0, 1]]}', "er/test/0", 2, 1, [0], "test")
    >>> score(example, Prediction(example.id, "Node 0 is connected to node 1, so its degree is **1**."))
    Score(example_id='node_degree/er/adjacency/test/0', outcome='correct', parsed='1', credit=1.0, strict=False, invented_nodes=0, \
invented_edges=0)
    """
    kind = example.answer_kind
    if kind not in READERS:
        check_choice(f"answer kind of {example.id}", kind, READERS)
    if prediction.finish_reason == "error":
        return Score(prediction.example_id, "error", "", 0.0)
    if (
        prediction.finish_reason == "refusal"
    ):  # the server's word: a filter, or a message that is marked as a refusal
        return Score(prediction.example_id, "refused", "", 0.0)
    seen = visible(prediction.output, prediction.finish_reason)
    if seen.thinking:
        return Score(prediction.example_id, "truncated" if seen.cut else "unparsed", "", 0.0)
    text = tidy(seen.text)
    if not seen.cut:  # white space at the end of a text that was cut says that its last word is whole
        text = text.strip()
    if not text.strip():  # cut and empty: all tokens went into reasoning that the server kept to itself
        return Score(prediction.example_id, "truncated" if seen.cut else "unparsed", "", 0.0)
    asked = Asked(example)
    if text.isupper():
        text = asked.recase(text)
    answer = read_answer(asked.shield(text) if kind in _NAMED else text, asked, seen.cut)
    if not isinstance(answer, Answer):
        return Score(prediction.example_id, answer, "", 0.0)
    right, credit, nodes, edges = _JUDGES[kind](answer.value, asked)
    strict = right and (answer.alone or _plain(text.rstrip().rpartition("\n")[2]) == _plain(example.answer))
    outcome: Outcome = "correct" if right else "wrong"
    return Score(prediction.example_id, outcome, _shown(answer.value, kind), credit, strict, nodes, edges)


def _plain(text: str) -> str:
    return text.strip(" .!").lower()


def _shown(value: Value, kind: str) -> str:
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, tuple):
        return unshield((" -> " if kind == "path" else ", ").join(value)) or "No nodes"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else str(value)
    return value


def _exact(read: Callable[[str], Value]) -> Judge:
    def judge(value: Value, asked: Asked) -> Verdict:
        gold = asked.example.answer
        try:
            right = value == read(gold.strip())
        except ValueError as error:
            raise InputError(
                f"{asked.example.id}: cannot score against the answer {gold!r} of kind {asked.example.answer_kind}"
            ) from error
        return Verdict(right, float(right))

    return judge


def _gold_yes_no(gold: str) -> Value:
    words = {"yes": True, "no": False}
    first = gold.lower().split(",")[0].strip(" .")
    if first not in words:
        raise ValueError(gold)
    return words[first]


def _gold_number(gold: str) -> Value:
    return float(int(gold.rstrip(".")))


def _gold_distance(gold: str) -> Value:
    return NO_PATH if gold.startswith(("There is no path", "No path")) else _gold_number(gold)


def gold_nodes(asked: Asked) -> frozenset[str]:
    """The nodes of a GraphQA list answer; names may hold commas or end in a full stop."""
    gold = asked.shield(asked.example.answer.strip())
    if gold.rstrip(".").lower() in ("no nodes", "") and gold not in asked.names:
        return frozenset()
    known = set(asked.names)
    parts = gold.removesuffix(".").split(", ")
    if not all(part in known for part in parts):
        parts = gold.split(", ")
    if not all(part in known for part in parts):
        raise InputError(
            f"{asked.example.id}: the answer {asked.example.answer!r} names nodes that the graph does not have"
        )
    return frozenset(parts)


def _judge_set(value: Value, asked: Asked) -> Verdict:
    gold, said = gold_nodes(asked), frozenset(value if isinstance(value, tuple) else ())
    if gold == said:
        return Verdict(True, 1.0)
    return Verdict(False, 2 * len(gold & said) / (len(gold) + len(said)), len(said - asked.known))


_parsed = lru_cache(maxsize=2048)(graph_from_json)


def _judge_witness(value: Value, asked: Asked) -> Verdict:
    """Any valid path or order is right; `none exists` is right where the gold answer says so too."""
    none = asked.example.answer.strip().lower().startswith(("there is no", "no "))
    if not isinstance(value, tuple):
        return Verdict(none and value == NONE_EXISTS, float(none and value == NONE_EXISTS))
    if asked.task not in WITNESSES:
        check_choice(f"witness task of {asked.example.id}", asked.task, WITNESSES)
    check = WITNESSES[asked.task]
    graph, _ = _parsed(asked.example.graph)
    ids = {name: i for i, name in enumerate(asked.names)}
    nodes = [ids[name] for name in value if name in ids]
    invented = len(set(value) - asked.known)
    steps = (
        sum(not graph.has_edge(u, v) for u, v in pairwise(nodes))
        if asked.kind == "path" and not invented
        else 0
    )
    if invented or none:
        return Verdict(False, 0.0, invented, steps)
    right = check(graph, asked.example.query, nodes)
    return Verdict(right, 1.0 if right else PARTIAL[asked.task](graph, asked.example.query, nodes), 0, steps)


_JUDGES: dict[str, Judge] = {
    "yes_no": _exact(_gold_yes_no),
    "integer": _exact(_gold_number),
    "distance": _exact(_gold_distance),
    "node_set": _judge_set,
    "label": _exact(lambda gold: gold.rstrip(".").lower()),
    "path": _judge_witness,
    "order": _judge_witness,
}
