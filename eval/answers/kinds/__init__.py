"""KINDS: every kind of answer by the name that a task gives it (`answer_kind`)."""

from eval.answers.kinds.kind import AnswerKind
from eval.answers.kinds.labels import LABEL
from eval.answers.kinds.nodes import NODE_SET, ORDER, PATH
from eval.answers.kinds.numbers import DISTANCE, INTEGER
from eval.answers.kinds.yes_no import YES_NO

KINDS: dict[str, AnswerKind] = {
    "yes_no": YES_NO,
    "integer": INTEGER,
    "distance": DISTANCE,
    "node_set": NODE_SET,
    "label": LABEL,
    "path": PATH,
    "order": ORDER,
}
"""A new kind is one file that defines its record, and one line here."""
