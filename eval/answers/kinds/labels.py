"""Class answers: which of the offered words a text settles on."""

import re
from typing import Any

from data_builders.example import truth
from eval.answers.case_insensitive import case_insensitive
from eval.answers.kinds.kind import AnswerKind, Verdict
from eval.answers.prose import (
    UNCLEAR,
    Answer,
    Reading,
    Value,
    clauses,
    concludes,
    either,
    final_sentences,
    is_final,
    is_question,
    opening,
    resolve,
    strip_hedge,
    word_set,
    words,
)
from eval.answers.question import Question

_OPENING = opening("(?:the )?(?:class|label|category|sport) | the | that")
_FIRST_WORD = re.compile(r"[^\W_]+")
_ONE_OR_TWO_WORDS = re.compile(r"[^\W\d_]+(?:[- ][^\W\d_]+)?")
# Words that are no class although they may be all that is stated.
_FUNCTION_WORDS = word_set(
    """the a an this that these those it they he she we i you there here node nodes based since because as if
    in on of to for from with by let let's first looking according given most all both neither either none
    unknown no yes not and or but is are was were be has have do does what which who why how when where more
    less majority each some any one two three step question answer example likes like liking unclear
    undetermined cannot can't sure well ok okay so however although while we're i'm unable sorry likely
    probably maybe perhaps depends tie equal equally undecided nothing anything everything something its their
    his her error"""
)
_JOINED = case_insensitive(r"\W{0,3}\s*(?:(?:or|and|and/or|/|&|vs\.?|versus)\s*\W{0,2}|,\s*(?=\w+\W*$))")


def label_at_start(text: str, question: Question) -> Reading:
    """The class that a text opens with; a lone word that was not offered is an answer too, a wrong one."""
    lead = _OPENING.match(text)
    word = _FIRST_WORD.match(text, lead.end() if lead else 0)
    if word is None:
        return None
    low = word[0].lower()
    if low in question.classes:
        joined = _JOINED.match(text, word.end())
        after = _FIRST_WORD.match(text, joined.end()) if joined else None
        return (
            UNCLEAR
            if after and after[0].lower() in question.classes and after[0].lower() != low
            else Answer(low, word.end())
        )
    line = text[word.start() :].split("\n", maxsplit=1)[0].strip(" .!\"'`)]}").lower()
    parts = set(line.split())
    if (
        not _ONE_OR_TWO_WORDS.fullmatch(line)
        or parts & _FUNCTION_WORDS
        or question.name(word[0], listed=True)
    ):
        return None
    return Answer(line, word.end())


_LIKES = words(
    """likes? | liking | prefers? | preferr?ing | enjoys? | loves? | plays? | favou?rs? | chooses? | is | be
    class | label | category | group | belongs? | for | assigned | classified | predict\\w* | say | choose
    pick | guess | answer | go with | interest\\w* | fan"""
)
_REJECTS = case_insensitive(
    r"(?:\b"
    + either(
        """not | no | never | rather than | instead of | over | unlike | than | dislikes? | prefers? \\w+ to
        hates? | neither | nor | against | without | fewer | less | except"""
    )
    + r"|n't)\s+(?:\w+\s+){0,4}$"
)
_PRONOUN = words(
    "it | he | she | they | this node | the node | its | this person | that node | the last node | the target"
)
_ITS_NEIGHBOURS = r"\b(?:connected|linked|adjacent|neighbou?rs?|friends?)\b.*\b"


def label_stated(text: str, question: Question) -> Reading:
    """The class that the sentences give to the node of the question, else the one that all of them agree
    on.
    """
    direct: list[tuple[Value, bool]] = []
    loose: list[tuple[Value, bool]] = []
    for sentence in final_sentences(text):
        if is_final(direct):
            break
        if is_question(sentence):
            continue
        conclusive = concludes(sentence)
        sentence = strip_hedge(sentence)
        offered = _offered_words(sentence, question.classes)
        chosen = sorted({c for c, kept in offered if kept})
        subject = _subject(sentence, {c for c, _ in offered}, question)
        if not chosen:
            if unknown := _unknown(sentence, question):
                direct.append((unknown, conclusive))
        elif len(chosen) > 1:
            if choice := _choice(sentence, question):
                direct.append((choice, conclusive))
            elif subject == "query":
                direct.append((UNCLEAR, conclusive))
            elif subject != "others" and _both(sentence, question.classes):
                loose.append((UNCLEAR, False))
        elif subject != "others":
            (direct if subject == "query" else loose).append((chosen[0], conclusive))
    return resolve((direct or loose)[::-1])


def _offered_words(sentence: str, offered: list[str]) -> list[tuple[str, bool]]:
    """Offered words in a sentence, each with whether it is kept (True) or turned down."""
    if not offered:
        return []
    match = re.finditer(
        rf"(?<![\w-])(?:{'|'.join(map(re.escape, offered))})(?![\w-])", sentence, re.IGNORECASE
    )
    return [(m[0].lower(), not _REJECTS.search(sentence[max(0, m.start() - 40) : m.start()])) for m in match]


def _both(sentence: str, offered: list[str]) -> bool:
    """Whether a sentence joins two offered words."""
    pair = "|".join(map(re.escape, offered))
    return re.search(rf"\b(?:{pair})\s+(?:or|and)\s+(?:{pair})\b", sentence, re.IGNORECASE) is not None


def _subject(sentence: str, offered: set[str], question: Question) -> str:
    """Whose class a sentence gives: `query`, `others`, or '' where it names nobody."""
    query = question.query[0] if question.query else ""
    match = ""
    for clause in clauses(sentence):
        if not any(c in clause.lower() for c in offered):
            continue
        named = question.mentioned(clause)
        if (
            query in named
            and _LIKES.search(clause)
            and not re.search(rf"{_ITS_NEIGHBOURS}{re.escape(query)}\b", clause)
        ):
            return "query"
        if set(named) - {query}:
            match = "others"
        elif _PRONOUN.search(clause) and re.search(r"\b(?:likes|prefers|like)\b", clause):
            return "query"
    return match


def _choice(sentence: str, question: Question) -> str | None:
    """The class of the one clause that is about the node of the question, in a sentence that names
    several.
    """
    chosen: list[str] = []
    for clause in clauses(sentence):
        offered = {c for c, kept in _offered_words(clause, question.classes) if kept}
        if len(offered) == 1 and _subject(clause, offered, question) == "query":
            chosen.extend(offered)
    return chosen[-1] if len(set(chosen)) == 1 else None


def _unknown(sentence: str, question: Question) -> str | None:
    """A word that was not offered, as that of the question's node: `Node 3 likes hockey.`"""
    if not question.query:
        return None
    verb = r"(?:\w+ly )?(?:likes|prefers|enjoys)\s+(?:to play |playing |the )?([a-z]+)"
    match = re.search(rf"(?<!\w){re.escape(question.query[0])}\s+{verb}", sentence, re.IGNORECASE)
    word = match[1].lower() if match else ""
    return word if word and word not in question.classes and word not in _FUNCTION_WORDS else None


def _judge_label(solution: Any, question: Question) -> Verdict:
    right = str(solution).lower() == str(truth(question.example)).lower()
    return Verdict(right, float(right))


LABEL = AnswerKind(
    label_at_start,
    label_stated,
    _judge_label,
    "one of the words on offer",
    "one of the two words",
    is_word=True,
)
