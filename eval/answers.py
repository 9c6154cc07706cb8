"""Free text -> the answer that it states, per answer kind."""

from collections.abc import Callable
from dataclasses import dataclass

from data_builders.errors import check_choice
from eval.final_answer import Mark, marks
from eval.label_answers import label_at_start, label_stated
from eval.node_answers import nodes_at_start, nodes_stated
from eval.number_answers import number_at_start, number_stated
from eval.prose import UNCLEAR, Answer, Asked, Reading, hedges, refusals, sentences
from eval.yes_no_answers import yes_no_at_start, yes_no_stated


@dataclass(frozen=True, slots=True)
class Reader:
    """How answers of one kind are read.

    at_start: the answer that a text opens with ("3. Because ..."), with the index where it ends.
    stated: the answer that the sentences of a text state ("The degree of node 2 is 3.").
    loose: whether an answer may lack an end sign at a token limit ("Yes" is whole; "1" may be half of 12).
    """

    at_start: Callable[[str, Asked], Reading]
    stated: Callable[[str, Asked], Reading]
    loose: bool = False


READERS: dict[str, Reader] = {
    "yes_no": Reader(yes_no_at_start, yes_no_stated, loose=True),
    "integer": Reader(number_at_start, number_stated),
    "distance": Reader(number_at_start, number_stated),
    "node_set": Reader(nodes_at_start, nodes_stated),
    "label": Reader(label_at_start, label_stated, loose=True),
    "path": Reader(nodes_at_start, nodes_stated),
    "order": Reader(nodes_at_start, nodes_stated),
}

Silence = str
"""Why there is no answer: unparsed, truncated or refused."""


def read_answer(text: str, kind: str, asked: Asked, cut: bool) -> Answer | Silence:
    """The answer that a tidy text states, else why there is none.

    The last mark that holds an answer wins; without one the text may open with the answer; without that its sentences
    may state it. cut: the text ends at the token limit, so an answer counts only if more text could not have changed it.
    """
    reader = READERS[check_choice("answer kind", kind, READERS)]
    marked = _read_marks(text, reader, asked, cut)
    if marked is not None:
        return marked
    rest, refused = refusals(text)
    reading = reader.at_start(rest, asked)
    if cut:
        if isinstance(reading, Answer) and _complete(rest, reading, reader):
            return reading
        return _opening_sentence(rest, reader, asked) or ("refused" if refused else "truncated")
    if reading is None:
        reading = reader.stated(rest, asked)
    if isinstance(reading, Answer):
        return reading
    return "refused" if refused else "unparsed"


def _read_marks(text: str, reader: Reader, asked: Asked, cut: bool) -> Answer | Silence | None:
    found = marks(text, letter=not _lists_node_a(text, asked))
    for mark in reversed(found):
        reading = _read_mark(mark, reader, asked)
        at_limit = cut and mark.to_end and (not mark.inline or reading is not None or len(sentences(mark.content)) < 2)
        if at_limit and (reading is None or reading == UNCLEAR or not _complete(mark.content, reading, reader)):
            return "truncated"
        if reading == UNCLEAR:
            return "unparsed"
        if isinstance(reading, Answer):
            return reading
    return None


def _read_mark(mark: Mark, reader: Reader, asked: Asked) -> Reading:
    if not mark.content.strip(" \n.:-\"'"):
        return None
    reading = reader.at_start(mark.content, asked)
    if reading is not None:
        return reading
    parts = sentences(mark.content)
    if not parts:
        return None
    if refusals(parts[0])[1]:
        return None
    reading = reader.stated(parts[0], asked)
    if reading is None and hedges(parts[0]):
        return UNCLEAR
    if reading is None and len(parts) > 1 and (not mark.inline or parts[0].endswith(":")):
        reading = reader.stated(mark.content, asked)
    return reading


def _complete(text: str, answer: Answer, reader: Reader) -> bool:
    """Whether an answer is whole although the text may have gone on."""
    if answer.end < 0:
        return len(sentences(text)) > 1 or text.rstrip().endswith((".", "!"))
    return answer.end < len(text) or reader.loose


def _opening_sentence(text: str, reader: Reader, asked: Asked) -> Answer | None:
    """The answer of a complete first sentence that states it in full, as in `The degree of node 2 is 3. This is because`."""
    parts = sentences(text)
    if len(parts) < 2 or not parts[0].endswith((".", "!")):
        return None
    reading = reader.stated(parts[0], asked)
    return reading if isinstance(reading, Answer) else None


def _lists_node_a(text: str, asked: Asked) -> bool:
    """Whether `A:` at the start of a line is the node A followed by its neighbours."""
    return "A:" in text and "A" in asked.names and any(f"\n{name}:" in f"\n{text}" for name in asked.names if name != "A")
