"""Counts and distances: the number that is stated, not the node ids around it."""

import re
from functools import lru_cache

from eval.answers.case_insensitive import CaseInsensitive, case_insensitive
from eval.answers.kinds.kind import AnswerKind, judge_equal
from eval.answers.kinds.quantities import (
    ADJECTIVES,
    DENIES,
    DIGITS,
    INFINITE,
    MASKED,
    NO_PATH_QUALIFIED,
    NO_PATH_WORDS,
    NONE_QUALIFIED,
    NUMBER,
    NUMBER_WORDS,
    UNITS,
    Quantity,
    gives_range,
    mask,
    quantity_of,
    to_number,
)
from eval.answers.prose import (
    NO_PATH,
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
    sentences,
    strip_hedge,
    supposes,
    words,
)
from eval.answers.question import Question

_OPENING = opening("equal to | equals | count")
_START = case_insensitive(NUMBER)
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?=[.\s]*$)")
_ALTERNATIVE = case_insensitive(
    rf"\s*(?:,?\s*or(?: maybe| perhaps| possibly)?|/|-|to|,?\s*and|and/or|,?\s*maybe"
    rf"|,?\s*perhaps)\s*{NUMBER}(?!\s*[-+*/x=])"
)
_LIST_GOES_ON = re.compile(rf"\s*(?:,|->|;)\s*(?:and\s+)?(?:{DIGITS})(?!\s*=)|\s+(?:{DIGITS})\b")
_PATH = re.compile(r"\d+(?:\s*(?:->|-)\s*\d+){2,}|\d+\s+and\s+\d+\s+(?:are|is)\b")
_OPERATOR = re.compile(r"\s*[+\-*/x\u00d7\u00f7=]\s*[-+]?[\d(]")
_EQUATION_END = case_insensitive(rf"=\s*({NUMBER})(?!\s*[+*/x]\s*\d)")
_FINISH = case_insensitive(
    r"[\"')\]}]*\s*(?:$|[.!,;:\n\"')\]}(<]|- |"
    + either(
        """because | since | as | in | for | is the | which | this | that | the | total | altogether | so
        edges? long | away | from | between | on | by | and (?:the|that|here|this)"""
    )
    + r"\b)"
)
_NEXT_NUMBER = re.compile(r"\n\s*(\d+)[.)]\s")
_ITEM = case_insensitive(
    r"[.)]\s*(?:[(\[{]|-|\d|\w+\s*(?:->|-\s)|"
    + either(
        """first | start | begin | identify | find | count | list | check | look | determine | examine | let
        edge | step | write | note | understand | read | analy[sz]e | draw | consider | go | take | use | add
        make | for | calculate | initiali[sz]e | we | i | to"""
    )
    + r"\b)"
)
_NONE = case_insensitive(r"none\b(?!\s+of)(?=\s*(?:[.,!;\n\"]|$))")


def number_at_start(text: str, question: Question) -> Reading:
    """The number that a text opens with; for a distance, -1, an infinity sign and `None` mean that there is
    no path.
    """
    lead = _OPENING.match(text)
    at = lead.end() if lead else 0
    if spaced := _SPACED.match(text, at):
        return Answer(float(spaced[0].replace(" ", "")), spaced.end())
    match = _START.match(text, at)
    distance = question.kind == "distance"
    if match is None:
        none = _NONE.match(text, at)
        if none or (distance and text.startswith("\u221e", at)):
            return Answer(NO_PATH if distance else 0.0, none.end() if none else at + 1)
        return None
    end = match.end()
    if _ALTERNATIVE.match(text, end):
        return None if _PATH.match(text, match.start()) else UNCLEAR
    if _LIST_GOES_ON.match(text, end) or _numbers_a_list(text, match, question):
        return None
    if _OPERATOR.match(text, end):
        return _equation(text, match.start())
    unit = _unit(quantity_of(question)).match(text, end)
    if (unit and unit["wrong"]) or not _FINISH.match(text, unit.end() if unit else end):
        return None
    if _BOUND_SIGN.search(text, 0, match.start()):
        return UNCLEAR
    return _answer(match[0], question, end)


_BOUND_SIGN = re.compile(r"(?<!-)[<>\u2264\u2265]=?\s*$")


def _answer(number: str, question: Question, end: int = -1) -> Answer:
    """A number as an answer; for a distance, -1 says that there is no path."""
    value = to_number(number)
    return Answer(NO_PATH if value == -1 and question.kind == "distance" else value, end)


@lru_cache(maxsize=32)
def _unit(quantity: Quantity) -> CaseInsensitive:
    """What may be counted right after a leading number; group `wrong` where it is something that was not
    asked for.
    """
    tail = r"(?:\s+(?:in (?:this|the) graph|in total|total|long|away))?"
    return case_insensitive(
        rf"\s+(?:{ADJECTIVES}\s+){{0,3}}"
        rf"(?:(?:{quantity.unit}|units?(?: of flow)?)\b|(?P<wrong>{UNITS}\b)){tail}"
    )


def _numbers_a_list(text: str, match: re.Match[str], question: Question) -> bool:
    """Whether a leading `1.` numbers a list."""
    end = match.end()
    if not match[0].isdigit() or not text.startswith((".", ")"), end) or not text[end + 1 :].strip():
        return False
    following = _NEXT_NUMBER.search(text, end)
    if following and int(following[1]) == int(match[0]) + 1:
        return True
    if int(match[0]) > 1:
        return False
    rest = text[end + 1 :]
    if _ITEM.match(text, end) or supposes(sentences(rest)[0]):
        return True  # "1. We count the edges." plans
    later = number_stated(rest, question)  # "1. Each pair is an edge. So there are 9."
    return isinstance(later, Answer) and later != Answer(float(match[0]))


def _equation(text: str, start: int) -> Reading:
    """The value after the last `=` of the sentence that begins at `start`; a sum without one is unclear."""
    line = re.split(r"[.!](?:\s|$)|\n|;", text[start : start + 500])[0]
    last = line.rfind("=")
    value = _EQUATION_END.match(line, last) if last >= 0 else None
    return Answer(to_number(value[1]), start + value.end()) if value else UNCLEAR


_LIST_NUMBERS = re.compile(r"^[ \t]*\d+[.)][ \t]+(?=\S)")
_MAY_COUNT = case_insensitive(
    r"\d|\b(?:"
    + "|".join(NUMBER_WORDS)
    + r"|no(?:ne|t|thing|body)?)\b|n't|path|reach|infini|\u221e|\binf\b|isolated|connected|edgeless|empty"
    r"|free|component|without"
)
_EQUALS_END = case_insensitive(rf"=\s*(?P<n>{NUMBER})[^=\d]*$")


# What is given as a reason is not what is stated: "Since 19 is less than 23, the maximum flow is 19."
_LEADING_REASON = case_insensitive(r"^(?:since|because|as)\b[^,]*,\s*", needs=(",",))
_TRAILING_REASON = case_insensitive(r"\b(?:since|because)\b.*$", needs=("since", "because"))
_SHORTEST = case_insensitive(r"\b(?:shortest|minimum|minimal)\b")


def number_stated(text: str, question: Question) -> Reading:
    """The count that the sentences state: tied to what is counted, else the only number that is no node
    id.
    """
    strong: list[tuple[Value, bool]] = []
    weak: list[tuple[Value, bool]] = []
    for sentence in final_sentences(text.replace('"', " "), _LIST_NUMBERS):
        if is_question(sentence) or not _MAY_COUNT.search(sentence):
            continue
        conclusive = concludes(sentence) or (
            question.kind == "distance" and _SHORTEST.search(sentence) is not None
        )
        sentence = _LEADING_REASON.sub("", strip_hedge(sentence))
        masked = mask(sentence)
        counts = _START.search(masked) is not None
        if counts and gives_range(_TRAILING_REASON.sub("", masked)) and not _EQUALS_END.search(masked):
            weak.append((UNCLEAR, conclusive))
        elif (value := _tied(sentence, masked, question)) is not None:
            strong.append((value, conclusive or _names_all(sentence, masked, question)))
            if is_final(strong):
                break
        elif counts and (number := _loose(masked)) is not None:
            weak.append((_answer(number, question).value, conclusive))
    return resolve((strong or weak)[::-1])


def _names_all(sentence: str, masked: str, question: Question) -> bool:
    """Whether a sentence names both nodes of the question: such a statement is final."""
    named = _named(sentence, masked, 0, len(sentence), question) if len(question.query) > 1 else []
    return bool(named) and set(named) == set(question.query)


_PART_BEFORE = case_insensitive(
    r"\b"
    + either(
        """each | every | per | if | another | first | missing | only the | these | those | than | least
        most | remaining | up | about the | of the | of its | of these | adds? | removed? | extra
        nodes with"""
    )
    + r"\s*$"
)
_PART_AFTER = case_insensitive(
    r"\s*"
    + either(
        """each | per
        (?:that|which|who) (?:includes?|contains?|involves?|goes?|go|start|have|has|are|is|do|does)
        including | containing | of degree | with (?:degree|no|only|one|two|exactly|at)
        at (?:node|each|every)
        (?:are|is|have|has) (?:isolated|not|only|already|left|missing|connected|reachable|unvisited)
        involving | left | already | so far | would | not | in (?:the )?(?:first|second|one|each|component)
        to (?:check|visit|consider)"""
    )
    + r"\b"
)


def _tied(sentence: str, masked: str, question: Question) -> Value | None:
    """The last value that a sentence ties to what was asked; 0 or no path where it says that there is
    none.
    """
    quantity = quantity_of(question)
    values: list[tuple[int, float]] = []
    for match in quantity.equals.finditer(masked):
        at = match.start("n")
        value: Reading = Answer(to_number(match["n"]))
        if _OPERATOR.match(masked, match.end("n")):
            value = _equation(masked, at)
        if (
            isinstance(value, Answer)
            and isinstance(value.value, float)
            and _about_the_question(sentence, masked, at, quantity, question)
        ):
            values.append((at, value.value))
    for match in quantity.counted.finditer(masked):
        at = match.start("n")
        partial = _PART_BEFORE.search(masked, max(0, at - 16), at) or _PART_AFTER.match(masked, match.end())
        if (
            not partial
            and _about_the_question(sentence, masked, at, quantity, question)
            and not any(start <= at for start, _ in values)
        ):
            values.append((at, to_number(match["n"])))
    return max(values)[1] if values else _nothing(sentence, masked, quantity, question)


_BETWEEN = case_insensitive(r"\bbetween (?:nodes? )?\S+$")
_ONE_OF_MANY = case_insensitive(
    r"\b(?:through|along|via|over|on|across) "
    r"(?:this|that|these|each|every|one|another|the (?:first|second|other|direct)) "
)
_EACH = words("each | every | per", needs=("each", "every", "per"))
_STOP = re.compile(r"[,;:.(]|\b(?:because|since|so|namely|which)\b")
_NUMERAL = re.compile(r"\d+")


def _about_the_question(sentence: str, masked: str, at: int, quantity: Quantity, question: Question) -> bool:
    """Whether the number at `at` is about the nodes of the question, or about the whole graph where it names
    none.
    """
    clause = clauses(sentence[:at])
    start = sentence.rfind(clause[-1], 0, at) if clause else 0
    if len(clause) > 1 and _BETWEEN.search(clause[-2]):
        start = sentence.rfind(clause[-2], 0, start)
    if _ONE_OF_MANY.search(sentence, start, at):
        return False
    if supposes(sentence[start:at]) or (not quantity.local and _EACH.search(sentence, start, at)):
        return False
    before = _named(sentence, masked, start, at, question)
    if quantity.local:
        return _fits(before, question)
    stop = _STOP.search(sentence, at)
    end = stop.start() if stop else len(sentence)
    return not before and not (
        quantity.part.search(sentence, at, end) and _named(sentence, masked, at, end, question)
    )


def _fits(named: list[str], question: Question) -> bool:
    """Whether a clause that names these nodes is about the question's."""
    query = set(question.query)
    if len(question.query) == 1:
        return not named or named[0] in query
    return set(named) <= query or query <= set(named)


def _named(sentence: str, masked: str, start: int, end: int, question: Question) -> list[str]:
    """Nodes named in a part of a sentence; of numbers, those that are masked as ids."""
    if not question.numeric:
        return question.mentioned(sentence[start:end])
    return [
        m[0]
        for m in _NUMERAL.finditer(sentence, start, end)
        if masked[m.start()] == MASKED and m[0] in question.known
    ]


def _nothing(sentence: str, masked: str, quantity: Quantity, question: Question) -> Value | None:
    """0 or no path, where a clause says that there is none of what was asked."""
    distance = question.kind == "distance"
    at = 0
    for clause in clauses(sentence) if DENIES.search(sentence) else ():
        at = max(sentence.find(clause, at), at)
        named = _named(sentence, masked, at, at + len(clause), question)
        if supposes(clause):
            continue
        if distance or question.task == "maximum_flow":
            no_path = NO_PATH_WORDS.search(clause) and not NO_PATH_QUALIFIED.search(clause)
            # "There is no path from node 5 to node 7" names one of two nodes asked for, and another.
            if (no_path or (distance and INFINITE.search(clause))) and set(named) <= set(question.query):
                return NO_PATH if distance else 0.0
        if (
            not distance
            and quantity.none.search(clause)
            and not NONE_QUALIFIED.search(clause)
            and (_fits(named, question) if quantity.local else not named)
        ):
            return 0.0
    return None


_IT_IS = (
    r"(?:\b(?:there (?:is|are)|(?:it|this|that|which|result|total|sum|count|value|answer)\s+(?:is|equals"
    r"|was|comes to|gives|makes|would be|must be|should be|could be|might be))"
    r"|\b(?:it's|that's|i (?:count|get|think|say|found)|we (?:get|have|count|obtain|find)|giv(?:es"
    r"|ing)(?: us)?|leaves|totals?(?: of)?|so|therefore|thus|hence)[,:]?|[=:])"
)
_STANDS_ALONE = (
    r"(?:in total|total|in all|altogether|overall|units?(?: of flow)?)?[.!\"')\s]*"
    r"(?:$|[,;](?!\s*\d)|\(|\b(?:because|since|as)\b)"
)
_LOOSE = case_insensitive(
    rf"{_IT_IS}\s*(?:(?:exactly|simply|just|only|probably|likely|about|around|approximately|now"
    rf"|a total of)\s+)?(?P<n>{NUMBER})(?!\s*[-+*/x]\s*\d)\s*{_STANDS_ALONE}"
)
_ALTOGETHER = case_insensitive(rf"(?P<n>{NUMBER})\s+(?:units? )?(?:in total|altogether|overall|in all)\b")
_BARE = case_insensitive(rf"\W{{0,4}}(?P<n>{NUMBER})[.!\"')\s]*$")


def _loose(masked: str) -> str | None:
    """A number that stands where an answer would, although nothing says what it counts."""
    if bare := _BARE.match(masked):
        return None if _BOUND_SIGN.search(masked, 0, bare.start("n")) else bare["n"]
    if "=" in masked and (end := _EQUALS_END.search(masked)):
        return end["n"]
    match = [*_LOOSE.finditer(masked), *_ALTOGETHER.finditer(masked)]
    return match[-1]["n"] if match else None


def _only_number(sentence: str, question: Question) -> Reading:
    """The one number of a short sentence that is no node id, whatever stands around it: `a flow of 19`."""
    masked = mask(sentence)
    numbers = [] if len(sentence) > 100 else list(_START.finditer(masked))
    if len(numbers) != 1 or gives_range(masked):
        return None
    if _BOUND_SIGN.search(masked, 0, numbers[0].start()):
        return UNCLEAR
    end = numbers[0].end()
    unit = _unit(quantity_of(question)).match(masked, end)
    wrong = (unit and unit["wrong"]) or _OPERATOR.match(masked, end) or _PART_AFTER.match(masked, end)
    return None if wrong else _answer(numbers[0][0], question)


INTEGER = AnswerKind(
    number_at_start, number_stated, judge_equal, "a number", "a whole number", in_mark=_only_number
)
DISTANCE = AnswerKind(
    number_at_start,
    number_stated,
    judge_equal,
    "a number or that there is no path",
    "a whole number, or the words: There is no path",
    in_mark=_only_number,
)
