"""score: one example and one prediction in, one Score out."""

from dataclasses import replace
from typing import Any

from data_builders.errors import check_choice
from data_builders.example import Example, truth
from eval.answers.final_answer import AnswerText, normalize, strip_reasoning
from eval.answers.kinds import KINDS
from eval.answers.prose import NO_PATH, NONE_EXISTS, Answer, Value
from eval.answers.question import Question
from eval.answers.read import Silence, read_answer
from eval.prediction import Outcome, Prediction, Score

MOST_READ = 1_000_000
"""Of a longer output, the last million characters are read, and the score says how many were not."""


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
    if kind not in KINDS:
        check_choice(f"answer kind of {example.id}", kind, KINDS)
    if prediction.finish_reason == "error":
        return Score(prediction.example_id, "error", "", 0.0)
    if prediction.finish_reason == "refusal":  # A server's filter, or a message that it marks as a refusal.
        return Score(prediction.example_id, "refused", "", 0.0)
    if (unread := len(prediction.output) - MOST_READ) > 0:
        end = replace(prediction, output=prediction.output[unread:])
        return replace(score(example, end), unread=unread)
    question = Question(example)
    output = question.replace_names(prediction.output)
    body = strip_reasoning(output, prediction.finish_reason)
    # The stored text is right, whatever it looks like to a reader: nodes may be called `None` or `Answer`.
    gold = example.answer.strip()
    if gold and (gold == prediction.output.strip() or question.replace_names(gold) == body.text.strip()):
        return Score(prediction.example_id, "correct", _gold_text(question), 1.0, strict=True)
    text, answer = _read(body, question)
    if not isinstance(answer, Answer) and ("Q:" in output or "Example:" in output):
        # The model may have repeated the question, or given an example of its own, before it answered.
        # A question that names no node is the same of every graph, so that this may be the next one.
        asks = question.asks if question.query else ""
        text, answer = _read(strip_reasoning(output, prediction.finish_reason, asks), question)
    if not isinstance(answer, Answer):
        return Score(prediction.example_id, answer, "", 0.0)
    right, credit, nodes, edges = KINDS[kind].judge(solution_of(answer.value, question), question)
    strict = right and (answer.alone or _is_gold(text.rstrip().rpartition("\n")[2], question))
    outcome: Outcome = "correct" if right else "wrong"
    return Score(
        prediction.example_id,
        outcome,
        question.restore_names(_text_of(answer.value, kind)),
        credit,
        strict,
        nodes,
        edges,
    )


def _read(body: AnswerText, question: Question) -> tuple[str, Answer | Silence]:
    """The normalized text, and the answer that it states."""
    text = normalize(body.text)
    if not body.cut:  # white space at the end of a text that was cut says that its last word is whole
        text = text.strip()
    if not text.strip():  # nothing, or nothing but thinking that no token was left to close
        return "", "truncated" if body.cut else "unparsed"
    if text.isupper():
        text = question.restore_case(text)
    return text, read_answer(text, question, body.cut)


def _is_gold(line: str, question: Question) -> bool:
    """Whether a line of a normalized text is the stored answer's own sentence."""
    gold = question.example.answer
    if gold.isascii() and len(line) > 3 * len(gold):  # no normalization makes so much of it
        return False
    return _plain(line) == _plain(normalize(strip_reasoning(question.replace_names(gold), "stop").text))


def _gold_text(question: Question) -> str:
    """The right answer in the form of `parsed`."""
    solution, kind = truth(question.example), question.kind
    if isinstance(solution, list):
        names = [question.restore_names(question.names[u]) for u in solution]
        if ", ".join(names) not in question.example.answer:  # a set that GraphQA's wording sorts
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
        return KINDS[kind].separator.join(value) or "No nodes"
    if isinstance(value, float):
        return f"{value:.0f}" if value.is_integer() else str(value)
    return value


def is_right(example: Example, solution: Any) -> bool:
    """Whether a solution (see `data_builders.example.truth`) answers the example.

    >>> blank = Example("", "shortest_path", "", "", "2.", "distance", "", "", "", "{}", "", 3, 2, [0, 2], "")
    >>> is_right(blank, 2), is_right(blank, None)
    (True, False)
    """
    question = Question(example)
    if isinstance(solution, list):  # of another graph, perhaps, that has more nodes
        solution = [u if u < len(question.names) else str(u) for u in solution]
    return KINDS[example.answer_kind].judge(solution, question).right


def solution_of(value: Value, question: Question) -> Any:
    """What was read as a solution: names as ids, those that the graph does not have as they stand.

    >>> solution_of(NO_PATH, None), solution_of(2.0, None), solution_of(False, None)
    (None, 2.0, False)
    """
    if isinstance(value, tuple):
        return [question.ids.get(name, name) for name in value]
    return None if value in (NO_PATH, NONE_EXISTS) else value
