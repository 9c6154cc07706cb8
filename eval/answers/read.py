"""Free text -> the answer that it states, per answer kind."""

import re
from typing import Literal

from eval.answers.case_insensitive import case_insensitive
from eval.answers.final_answer import EXPLANATION, AnswerMarker, answer_markers
from eval.answers.kinds import KINDS
from eval.answers.kinds.kind import AnswerKind
from eval.answers.prose import REVISION, UNCLEAR, Answer, Reading, final_sentences, hedges, sentences
from eval.answers.question import Question
from eval.answers.refusals import refusals

Silence = Literal["unparsed", "truncated", "refused"]


_FIRST_ITEM = re.compile(r"\W*1[.)]\s+\S")  # perhaps the first item of a list whose second was cut off


def read_answer(text: str, question: Question, cut: bool) -> Answer | Silence:
    """The answer that a normalized text states, else why there is none.

    The last mark that holds an answer wins; without one the text may open with the answer; without that its
    sentences may state it. cut: the text ends at the token limit, so an answer counts only if more text could
    not have changed it.
    """
    kind = KINDS[question.kind]
    marked = _read_markers(text, kind, question, cut)
    if marked is not None:
        return marked
    whole = text
    text, refused = refusals(text)
    # "Here is how I got this answer: 1. ..." explains what was stated before.
    explained = EXPLANATION.search(text) if ":" in text else None
    head = text[: explained.start()] if explained else ""
    if head.strip() and isinstance(kind.at_start(head, question) or kind.stated(head, question), Answer):
        text, cut = head, False
    reading = kind.at_start(text, question)
    if isinstance(reading, Answer) and _is_revised(text[reading.end :], reading, kind, question):
        reading = UNCLEAR
    if cut and _FIRST_ITEM.match(text):
        return "truncated"
    if cut and not (isinstance(reading, Answer) and _complete(text, reading, kind)):
        return _opening_sentence(text, kind, question) or ("refused" if refused else "truncated")
    if reading is None:
        reading = kind.stated(text, question)
    if isinstance(reading, Answer):
        return (
            _with_alone(reading, text) if reading.end >= 0 else _on_last_line(reading, whole, kind, question)
        )
    return "refused" if refused else "unparsed"


_NOTHING_MORE = re.compile(r"[\s.!\"')\]}]*\Z")


def _with_alone(answer: Answer, text: str) -> Answer:
    """The answer, `alone` where nothing but stops and brackets follow it."""
    return Answer(answer.value, answer.end, _NOTHING_MORE.match(text, answer.end) is not None)


def _on_last_line(answer: Answer, text: str, kind: AnswerKind, question: Question) -> Answer:
    """An answer that sentences state, `alone` where the last line repeats it and says nothing else."""
    before, _, line = text.strip().rpartition("\n")
    if not before:
        return answer  # the text does not open with it, and has no other line
    last = kind.at_start(line, question)
    alone = isinstance(last, Answer) and last.value == answer.value and _with_alone(last, line).alone
    return Answer(answer.value, answer.end, alone)


def _read_markers(text: str, kind: AnswerKind, question: Question, cut: bool) -> Answer | Silence | None:
    for marker in reversed(answer_markers(text, letter=not _lists_node_a(text, question))):
        reading = _read_marker(marker, kind, question)
        # "The answer is in the list. Node 1 is" was not cut in an answer: its sentence ended.
        unfinished = not marker.inline or reading is not None or len(sentences(marker.content)) < 2
        if (
            cut
            and marker.to_end
            and unfinished
            and not (isinstance(reading, Answer) and _complete(marker.content, reading, kind))
        ):
            return "truncated"
        if reading == UNCLEAR:
            return "unparsed"
        if isinstance(reading, Answer):
            return reading
    return None


_NOT_BUT = case_insensitive(r"[\s:]*not\b[^.;\n]{1,40}?\bbut\b")


def _read_marker(marker: AnswerMarker, kind: AnswerKind, question: Question) -> Reading:
    """What a mark holds: an answer at its start, in its first sentence, or (unless the mark is part of a
    sentence) further on.
    """
    content = _NOT_BUT.sub("", marker.content, count=1) if _NOT_BUT.match(marker.content) else marker.content
    parts = sentences(content)
    if not parts or not content.strip(" \n.:-\"'"):
        return None
    reading = kind.at_start(content, question)
    if reading is not None:
        return _with_alone(reading, content) if isinstance(reading, Answer) else reading
    if refusals(parts[0])[1]:
        return None
    reading = kind.stated(parts[0], question) or kind.in_mark(parts[0], question)
    if reading is None and hedges(parts[0]):
        return UNCLEAR
    if reading is None and len(parts) > 1 and (not marker.inline or parts[0].endswith(":")):
        reading = kind.stated(content, question)
    return reading


def _is_revised(rest: str, answer: Answer, kind: AnswerKind, question: Question) -> bool:
    """Whether the text after a leading answer gives another one: after `Wait`, or as a bare Yes or No."""
    if isinstance(answer.value, bool):
        later = (kind.at_start(sentence, question) for sentence in final_sentences(rest))
        if any(isinstance(reading, Answer) and reading.value is not answer.value for reading in later):
            return True
    revision = REVISION.search(rest)
    if revision is None:
        return False
    tail = rest[revision.end() :].lstrip(" ,.:;-")
    reading = kind.at_start(tail, question) or kind.stated(tail, question)
    return reading == UNCLEAR or (isinstance(reading, Answer) and reading.value != answer.value)


def _complete(text: str, answer: Answer, kind: AnswerKind) -> bool:
    """Whether an answer is whole although the text may have gone on."""
    if answer.end < 0:
        return len(sentences(text)) > 1 or text.rstrip().endswith((".", "!"))
    return answer.end < len(text) or kind.is_word


def _opening_sentence(text: str, kind: AnswerKind, question: Question) -> Answer | None:
    """The answer of a complete first sentence that states it in full, as in `The degree of node 2 is 3. This
    is because`.
    """
    parts = sentences(text)
    if len(parts) < 2 or not parts[0].endswith((".", "!")):
        return None
    reading = kind.stated(parts[0], question)
    return reading if isinstance(reading, Answer) else None


def _lists_node_a(text: str, question: Question) -> bool:
    """Whether `A:` at the start of a line is the node A followed by its neighbours."""
    return (
        "A:" in text
        and "A" in question.known
        and any(f"\n{name}:" in f"\n{text}" for name in question.names if name != "A")
    )
