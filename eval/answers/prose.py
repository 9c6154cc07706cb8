"""The small grammar of English that the answer readers share: sentences, clauses, hedges, conclusions,
refusals.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal

from eval.answers.case_insensitive import CaseInsensitive, case_insensitive

Value = bool | float | str | tuple[str, ...]
NO_PATH = "no path"
NONE_EXISTS = "none exists"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that the text states.

    end: where it ends in the text it was read from; -1 where sentences state it. alone: whether nothing else
        stands in its place.
    """

    value: Value
    end: int = -1
    alone: bool = False


UNCLEAR: Literal["unclear"] = "unclear"
"""The text speaks about the answer without settling on one: a hedge, alternatives, a contradiction."""

Reading = Answer | Literal["unclear"] | None


def word_set(text: str) -> frozenset[str]:
    """The words of a text.

    >>> sorted(word_set("b a"))
    ['a', 'b']
    """
    return frozenset(text.split())


def either(phrases: str) -> str:
    """A regular expression for any of the phrases, which stand one a line or between ` | `.

    >>> either("no path | unreachable")
    '(?:no path|unreachable)'
    """
    return (
        f"(?:{'|'.join(p.strip() for line in phrases.splitlines() for p in line.split(' | ') if p.strip())})"
    )


def words(phrases: str, needs: tuple[str, ...] = ()) -> CaseInsensitive:
    """`either`, compiled, as whole words in any case; needs: see `case_insensitive`."""
    return case_insensitive(rf"\b{either(phrases)}\b", needs)


_FILLERS = """so | well | ok(?:ay)? | sure | hmm+ | oh | ah | thus | therefore | hence | then | finally
    overall
        in conclusion | to conclude
    in short | answer | output | result | response | conclusion | solution | verdict | total | probably
    (?:most )?likely
    most probably | perhaps
    maybe | possibly | definitely | certainly | clearly | obviously | simply | just | exactly | about
    around | approximately
    it is | it's | that's
    they are | these are | i (?:think|believe|guess|would say|'d say)(?: it is| it's| that)?
    i'd say | the answer is
    sorry | my apologies | apologies | actually | wait | rather"""


def opening(extra: str = "") -> CaseInsensitive:
    """What may stand before a direct answer: quotes, brackets, a bullet, filler words, and the extra
    phrases.
    """
    dressing = r"[\s\"'(\[{:;,.=>!]*(?:-(?![\d>])\s*)?[\"'(\[{]*"
    return case_insensitive(rf"{dressing}(?:\b{either(_FILLERS + chr(10) + extra)}\b{dressing}){{0,4}}")


# A stop that ends a sentence: before a space, before a capital (3.There) or before a bracket.
_SENTENCE_END = re.compile(
    r"(?<=[.!?])[\"')\]]*\s+|\s*\n\s*|(?<=[\w)\]][.!?])(?=[A-Z][a-z])|(?<=[.!?])(?=\()"
)
_STOP_WITHIN = re.compile(r"[.!?].")
# A comma between the items of a list ends no clause.
_CLAUSE_END = case_insensitive(
    r"\s*[;:]\s+|,\s+(?!(?:and |or )?(?:nodes? )?[\w'-]+(?:[,.)]|$| and | or ))|\s+-\s+|(?:,\s*|\s+)"
    + either(
        """but | because | since | so | while | although | though | however | which | therefore | thus | hence
        whereas | where"""
    )
    + r"\s+|\s+(?:and|as)\s+(?="
    + either(
        """there | it | the | this | so | no | they | node \\S+ (?:is|has|likes|does|can|cannot)
        nodes \\S+ (?:and \\S+ )?(?:are|have|like) | also | therefore | thus | hence | does | is | are | has
        not | cannot | can't | only | \\w+ (?:has|is|likes|knows)"""
    )
    + r"\b)"
)
_ASIDE = case_insensitive(
    r",\s*"
    + either(
        """in fact | indeed | therefore | thus | hence | of course | however | then | clearly | in this case
        as a result"""
    )
    + r"\s*,"
)


def sentences(text: str) -> list[str]:
    """The sentences of a normalized text; a line end ends one as well.

    >>> sentences("3.There are three. (0, 1) is one\\nYes")
    ['3.', 'There are three.', '(0, 1) is one', 'Yes']
    """
    return list(backwards(text))[::-1]


def backwards(text: str, without: re.Pattern[str] | None = None) -> Iterator[str]:
    """The sentences from last to first, found as they are asked for: of a long text the end is often enough.

    without: what is dropped from every line first.
    """
    end = ""
    for line in reversed(text.split("\n")):
        line = (without.sub("", line) if without else line).strip()
        if _STOP_WITHIN.search(line):
            yield from filter(None, map(str.strip, reversed(_SENTENCE_END.split(line + end))))
        elif line:
            yield line
        end = "\n"  # an end of line closes what quotes and brackets follow a stop


MOST_SENTENCES, LONGEST_SENTENCE = 400, 1000


def final_sentences(text: str, without: re.Pattern[str] | None = None) -> Iterator[str]:
    """The last 400 sentences from the end, of longer ones the first 300 characters and the last 700: what a
    text costs to read is bounded, and what it states last decides.
    """
    for sentence in islice(backwards(text, without), MOST_SENTENCES):
        yield sentence if len(sentence) <= LONGEST_SENTENCE else f"{sentence[:300]}; {sentence[-700:]}"


def clauses(sentence: str) -> list[str]:
    """The clauses of a sentence.

    >>> clauses("Node 2 is connected to 0, 1, and 3, so it has degree 3.")
    ['Node 2 is connected to 0, 1, and 3', 'so it has degree 3.']
    """
    plain = _ASIDE.sub(" ", sentence) if "," in sentence else sentence
    return [c for c in _CLAUSE_END.split(plain) if c]


_ECHO = case_insensitive(
    r"(?:q:|question:|in an? (?:un)?directed graph, ?\(|"
    + either(
        """list (?:all )?(?:of )?the | what (?:is|are) | which (?:nodes?|class) | how many | is there
        are there | do(?:es)? node | is node | find the | name (?:all )?the | please
        g (?:describes|has) (?:an?|the) | you are (?:an?|given) | we are given | given (?:a|the) graph
        the question (?:is|asks)"""
    )
    + r"\b)"
)


def is_question(sentence: str) -> bool:
    """Whether a sentence asks, or repeats what was asked or given, instead of stating."""
    return sentence.endswith("?") or _ECHO.match(sentence) is not None


_CANNOT = either(
    """cannot | can't | can not | could not | couldn't | unable to | not able to | impossible to | hard to
    difficult to | not possible to | no way to"""
)
_HEDGE = words(
    """may or may not | might or might not | (?:might|may) not(?! be obvious) | unclear | uncertain | unknown
    undetermined | undecidable | indeterminate | ambiguous | insufficient | inconclusive
    lacks? (?:the )?(?:necessary )?information | more information | missing information | it depends
    depends on | depending on | no idea | either way | one or the other | both are possible
    (?:not|isn't|aren't|don't|doesn't|never) (?:\\w+ly )?(?:sure|certain|clear|know|known|enough)
    (?:not|isn't|aren't|don't|doesn't|never) (?:\\w+ly )?(?:determinable|specified|have enough)"""
)
_CANNOT_KNOW = case_insensitive(
    rf"\b{_CANNOT} (?:\w+ly )?(?:(?:determine|tell|say|know|infer|decide|conclude|deduce|guess|judge|answer"
    r"|work out|figure out|give a definit\w+)\b"
    r"|be (?:\w+ly )?(?:determined|known|said|sure|certain|answered|inferred|told|decided|computed"
    r"|calculated|deduced|concluded)\b)"
)


def hedges(sentence: str) -> bool:
    """Whether a sentence says that the answer is not known.

    >>> hedges("It may or may not be there."), hedges("It cannot be reached.")
    (True, False)
    """
    return _HEDGE.search(sentence) is not None or _CANNOT_KNOW.search(sentence) is not None


_DESPITE = case_insensitive(r"\b(?:but|however|still|nevertheless|yet)\b[,:]?\s*")


def strip_hedge(sentence: str) -> str:
    """The sentence without its hedge: all of it, what follows the hedge's `but`, or nothing.

    >>> strip_hedge("I am not sure, but I think it is 3."), strip_hedge("It is unclear.")
    ('I think it is 3.', '')
    """
    if not hedges(sentence):
        return sentence
    rest = _DESPITE.split(sentence, maxsplit=1)[1:]
    return rest[0] if rest and not hedges(rest[0]) else ""


_CONCLUSION = case_insensitive(
    r"(?:^|[,;:.]\s*|\band\s+)"
    + either(
        """so | therefore | thus | hence | then | finally | overall | altogether | accordingly | consequently
        ultimately | in conclusion | in total | in summary | in short | in sum | in all | in the end
        as a result | to conclude | to summari[sz]e | to sum up
        (?:this|that|which) (?:means|gives|shows|implies|makes|leaves)
        we (?:get|obtain|conclude|have a total) | it follows | result(?: is)? | conclusion | final(?:ly)?
        summing | adding | dividing"""
    )
    + r"\b|\b"
    + either("in total | altogether | in all | overall | total(?:s|ing)?(?: of)?")
    + r"\b"
)


def concludes(sentence: str) -> bool:
    """Whether a sentence draws a conclusion, so that it counts more than what was said on the way."""
    return _CONCLUSION.search(sentence) is not None


_LOOKING = either(
    """find | see | determine | check | decide | answer | count | verify | know | calculate | compute
    identify | look | examine | list | explore | search | trace | figure | consider | solve | test | start
    use"""
)
_SUPPOSITION = case_insensitive(
    r"\b"
    + either(
        f"""if | whether | suppose | supposing | assum(?:e|ing) | unless | in order to | let's | let us
        (?:want|need|have|try|trying|going|how|us) to (?:be |first |now )?{_LOOKING}
        (?:task is|goal is|question is|asked) to (?:be |first |now )?{_LOOKING}
        (?:we|i) (?:must|should|will|can|could) (?:now |first )?{_LOOKING}(?! (?:that|no|an?|any|only)\\b)
        (?:we|i|i'll|we'll) (?:check|see if|verify|look|examine|test|list|identify|trace|start)"""
    )
    + rf"\b|^(?:after|by|when|before|upon|while|on) [a-z]{{3,}}ing\b|^to (?:be|have|form|{_LOOKING})\b"
)


def supposes(clause: str) -> bool:
    """Whether a clause only supposes or plans."""
    return _SUPPOSITION.search(clause) is not None


_NEITHER = case_insensitive(r"\bneither\b.{0,200}\bnor\b")
_NEGATION = case_insensitive(
    r"\b"
    + either(
        """no | not | never | cannot | without | neither | nor | none | nobody | lacks? | free of | absence of
        fails? to | impossible | unable | nothing"""
    )
    + r"\b|n't\b"
)


def negations(clause: str) -> int:
    """How many words negate in a clause; `neither .. nor` is one."""
    return _NEGATION.count(clause) - (_NEITHER.search(clause) is not None)


def is_final(backwards: list[tuple[Value, bool]]) -> bool:
    """Whether what stands before cannot change what `resolve` makes of values that were read from the
    end of the text.
    """
    if not backwards:
        return False
    value, conclusive = backwards[0]
    return conclusive or value == UNCLEAR or backwards[-1][0] != value


_TAKING_BACK = "wait actually correction thought reflection scratch oops"
REVISION = words(
    """wait | actually | correction | on second thought | on reflection | i was wrong
    i made an? (?:mistake|error) | let me (?:correct|re-?\\w+) | scratch that | oops | then again""",
    needs=("i was", "i made", "let me", "then again", *word_set(_TAKING_BACK)),
)
"""Words that take back what was said before."""


def resolve(match: list[tuple[Value, bool]]) -> Reading:
    """One answer out of (value, whether its sentence concludes) in text order: the last, if all agree or it
    concludes.

    >>> resolve([(3.0, False), (4.0, True)]), resolve([(3.0, False), (4.0, False)]), resolve([])
    (Answer(value=4.0, end=-1, alone=False), 'unclear', None)
    """
    if not match:
        return None
    value, conclusive = match[-1]
    if value == UNCLEAR:
        return UNCLEAR
    return Answer(value) if conclusive or all(other == value for other, _ in match) else UNCLEAR
