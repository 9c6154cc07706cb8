"""The answers that another dataset holds, against those that were computed anew, item by item."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from data_builders.example import Example, truth
from eval.prediction import Prediction
from eval.scoring.scorer import score


@dataclass(frozen=True)
class Disagreement:
    """An answer of theirs that is not right by the graph, or that states none (`unparsed`)."""

    example: Example
    theirs: str
    outcome: str


def disagreements(examples: Sequence[Example], theirs: Mapping[str, Any]) -> list[Disagreement]:
    """The examples whose answer in the other dataset is not right; an example without one is left out.

    Their answers are read as a model's are, so that any valid path or order agrees.

    >>> graph = '{"directed": false, "nodes": ["0", "1"], "edges": [[0, 1]]}'
    >>> columns = ("node_degree", "", "", "1.", "integer", "", "", "", graph, "g", 2, 1, [0], "test")
    >>> example = Example("e/0", *columns)
    >>> disagreements([example], {"e/0": "### 1"}), disagreements([example], {"e/0": 2})[0].outcome
    ([], 'wrong')
    """
    outcomes = [(e, _outcome(e, theirs[e.id])) for e in examples if theirs.get(e.id) is not None]
    return [Disagreement(e, str(theirs[e.id]), outcome) for e, outcome in outcomes if outcome != "correct"]


def _outcome(example: Example, answer: Any) -> str:
    if example.answer_kind == "path" and isinstance(answer, int):  # GraphArena gives the number of hops
        path = truth(example)
        return "correct" if path is not None and len(path) - 1 == answer else "wrong"
    return score(example, Prediction(example.id, _text(answer))).outcome


def _text(answer: Any) -> str:
    """An answer as text. GraphWiz writes `### ANSWER`, and of several right orders a list of lists."""
    if isinstance(answer, bool):
        return "Yes" if answer else "No"
    if isinstance(answer, str):
        text = answer.strip().removeprefix("###").strip()
        try:
            read = json.loads(text)
        except ValueError:
            return text
        return _text(read) if isinstance(read, list) else text
    if isinstance(answer, list) and answer and isinstance(answer[0], list):
        return _text(answer[0])
    return ", ".join(map(str, answer)) if isinstance(answer, list) else str(answer)
