"""Free text -> the answer that it states, per answer kind."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from eval.answers.case_insensitive import anycase
from eval.answers.final_answer import Mark, marks
from eval.answers.labels import label_at_start, label_stated
from eval.answers.nodes import nodes_at_start, nodes_stated
from eval.answers.numbers import number_at_start, number_stated
from eval.answers.prose import REVISION, UNCLEAR, Answer, Reading, hedges, sentences
from eval.answers.question import Asked
from eval.answers.refusals import refusals
from eval.answers.yes_no import yes_no_at_start, yes_no_stated


@dataclass(frozen=True, slots=True)
class Reader:
    """How answers of one kind are read.

    at_start: the answer that a text opens with ("3. Because ..."), with the index where it ends.
    stated: the answer that the sentences of a text state ("The degree of node 2 is 3.").
    word: whether an answer is a word, whole without an end sign ("Yes"), unlike digits ("1" may be half of
        12).
    """

    at_start: Callable[[str, Asked], Reading]
    stated: Callable[[str, Asked], Reading]
    word: bool = False


READERS: dict[str, Reader] = {
    "yes_no": Reader(yes_no_at_start, yes_no_stated, word=True),
    "integer": Reader(number_at_start, number_stated),
    "distance": Reader(number_at_start, number_stated),
    "node_set": Reader(nodes_at_start, nodes_stated),
    "label": Reader(label_at_start, label_stated, word=True),
    "path": Reader(nodes_at_start, nodes_stated),
    "order": Reader(nodes_at_start, nodes_stated),
}
"""answer kind -> how it is read; a new kind is one line here and one judge in scoring.py."""

Silence = Literal["unparsed", "truncated", "refused"]


def read_answer(text: str, asked: Asked, cut: bool) -> Answer | Silence:
    """The answer that a tidy text states, else why there is none.

    The last mark that holds an answer wins; without one the text may open with the answer; without that its
    sentences may state it. cut: the text ends at the token limit, so an answer counts only if more text could
    not have changed it.
    """
    reader = READERS[asked.kind]
    marked = _read_marks(text, reader, asked, cut)
    if marked is not None:
        return marked
    whole = text
    text, refused = refusals(text)
    reading = reader.at_start(text, asked)
    if isinstance(reading, Answer) and _taken_back(text[reading.end :], reading, reader, asked):
        reading = UNCLEAR
    if cut and not (isinstance(reading, Answer) and _complete(text, reading, reader)):
        return _opening_sentence(text, reader, asked) or ("refused" if refused else "truncated")
    if reading is None:
        reading = reader.stated(text, asked)
    if isinstance(reading, Answer):
        return _placed(reading, text) if reading.end >= 0 else _on_last_line(reading, whole, reader, asked)
    return "refused" if refused else "unparsed"


_NOTHING_MORE = re.compile(r"[\s.!\"')\]}]*\Z")


def _placed(answer: Answer, text: str) -> Answer:
    """The answer, `alone` where nothing but stops and brackets follow it."""
    return Answer(answer.value, answer.end, _NOTHING_MORE.match(text, answer.end) is not None)


def _on_last_line(answer: Answer, text: str, reader: Reader, asked: Asked) -> Answer:
    """An answer that sentences state, `alone` where the last line repeats it and says nothing else."""
    before, _, line = text.strip().rpartition("\n")
    if not before:
        return answer  # the text does not open with it, and has no other line
    last = reader.at_start(line, asked)
    alone = isinstance(last, Answer) and last.value == answer.value and _placed(last, line).alone
    return Answer(answer.value, answer.end, alone)


def _read_marks(text: str, reader: Reader, asked: Asked, cut: bool) -> Answer | Silence | None:
    for mark in reversed(marks(text, letter=not _lists_node_a(text, asked))):
        reading = _read_mark(mark, reader, asked)
        # "The answer is in the list. Node 1 is" was not cut in an answer: its sentence ended.
        unfinished = not mark.inline or reading is not None or len(sentences(mark.content)) < 2
        if (
            cut
            and mark.to_end
            and unfinished
            and not (isinstance(reading, Answer) and _complete(mark.content, reading, reader))
        ):
            return "truncated"
        if reading == UNCLEAR:
            return "unparsed"
        if isinstance(reading, Answer):
            return reading
    return None


_NOT_BUT = anycase(r"[\s:]*not\b[^.;\n]{1,40}?\bbut\b")


def _read_mark(mark: Mark, reader: Reader, asked: Asked) -> Reading:
    """What a mark holds: an answer at its start, in its first sentence, or (unless the mark is part of a
    sentence) further on.
    """
    content = _NOT_BUT.sub("", mark.content, count=1) if _NOT_BUT.match(mark.content) else mark.content
    parts = sentences(content)
    if not parts or not content.strip(" \n.:-\"'"):
        return None
    reading = reader.at_start(content, asked)
    if reading is not None:
        return _placed(reading, content) if isinstance(reading, Answer) else reading
    if refusals(parts[0])[1]:
        return None
    reading = reader.stated(parts[0], asked)
    if reading is None and hedges(parts[0]):
        return UNCLEAR
    if reading is None and len(parts) > 1 and (not mark.inline or parts[0].endswith(":")):
        reading = reader.stated(content, asked)
    return reading


def _taken_back(rest: str, answer: Answer, reader: Reader, asked: Asked) -> bool:
    """Whether the text after a leading answer gives another one: after `Wait`, or as a bare Yes or No."""
    if isinstance(answer.value, bool):
        later = (reader.at_start(sentence, asked) for sentence in sentences(rest))
        if any(isinstance(reading, Answer) and reading.value is not answer.value for reading in later):
            return True
    revision = REVISION.search(rest)
    if revision is None:
        return False
    tail = rest[revision.end() :].lstrip(" ,.:;-")
    reading = reader.at_start(tail, asked) or reader.stated(tail, asked)
    return reading == UNCLEAR or (isinstance(reading, Answer) and reading.value != answer.value)


def _complete(text: str, answer: Answer, reader: Reader) -> bool:
    """Whether an answer is whole although the text may have gone on."""
    if answer.end < 0:
        return len(sentences(text)) > 1 or text.rstrip().endswith((".", "!"))
    return answer.end < len(text) or reader.word


def _opening_sentence(text: str, reader: Reader, asked: Asked) -> Answer | None:
    """The answer of a complete first sentence that states it in full, as in `The degree of node 2 is 3. This
    is because`.
    """
    parts = sentences(text)
    if len(parts) < 2 or not parts[0].endswith((".", "!")):
        return None
    reading = reader.stated(parts[0], asked)
    return reading if isinstance(reading, Answer) else None


def _lists_node_a(text: str, asked: Asked) -> bool:
    """Whether `A:` at the start of a line is the node A followed by its neighbours."""
    return (
        "A:" in text
        and "A" in asked.known
        and any(f"\n{name}:" in f"\n{text}" for name in asked.names if name != "A")
    )
