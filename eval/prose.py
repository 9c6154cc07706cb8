"""What was asked, and the small grammar of English that the answer readers share."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any, Literal

from data_builders.example import Example

Value = bool | float | str | tuple[str, ...]
NO_PATH = "no path"
NONE_EXISTS = "none exists"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer that the text states. end: where it ends in the text it was read from; -1 where nobody needs to know."""

    value: Value
    end: int = -1


UNCLEAR: Literal["unclear"] = "unclear"
"""The text speaks about the answer without settling on one: a hedge, alternatives, a contradiction."""

Reading = Answer | Literal["unclear"] | None

# Names that are also words: they are names only where they stand like one.
WORDS = frozenset(
    """a i will mark may bill rose grace hope joy faith art sue pat frank grant chase drew ray dean miles cat june april august
    summer dawn ivy jean earl guy gene jack rob max an am as at be by do he if in is it me my no of on or so to up us we
    al ben stark snow young long short king white black brown green maester jimmy pete ike stan
    or and not the from there this that node all any""".split()
)
_TOKEN = re.compile(r"\w+(?:'(?=\w)\w+)?")
_NAMELIKE_AFTER = re.compile(
    r"\s*(?:$|[.,;:()\[\]{}\"'/&\n]|->|-|\+|(?:and|is|to|has|are|or|likes?|connects?|links?|isn't|does|was|were|both|becomes?)\b)"
)
_NAMELIKE_BEFORE = re.compile(
    r"(?:^|[,(\[{\"/&-]|->|- |\b(?:nodes?|to|and|from|between|with|or|via|through|include|are|is|:))\s*$", re.IGNORECASE
)


class Asked:
    """What the question was about, read from an Example no sooner than it is needed."""

    def __init__(self, example: Example) -> None:
        self.example = example
        self.task = example.task

    @cached_property
    def record(self) -> dict[str, Any]:
        """The `graph` column, decoded."""
        record: dict[str, Any] = json.loads(self.example.graph)
        return record

    @cached_property
    def names(self) -> list[str]:
        return [str(name) for name in self.record["nodes"]]

    @cached_property
    def query(self) -> list[str]:
        """Names of the nodes that the question names."""
        return [self.names[i] for i in self.example.query]

    @property
    def directed(self) -> bool:
        return bool(self.record["directed"])

    @cached_property
    def classes(self) -> list[str]:
        """The classes on offer, from the graph record or else from the question's last line."""
        if "classes" in self.record:
            return [str(c) for c in self.record["classes"]]
        found = re.search(r"like (\w+) or (\w+)\?\s*(?:A:)?\s*$", self.example.question.rstrip())
        return list(found.groups()) if found else []

    @cached_property
    def numeric(self) -> bool:
        """Whether the nodes are called by numbers."""
        return all(name.isdigit() for name in self.names)

    @cached_property
    def _exact(self) -> frozenset[str]:
        return frozenset(self.names)

    @cached_property
    def folded(self) -> dict[str, str]:
        """Lower-case form -> name, for names that no other name shares it with."""
        seen: dict[str, str] = {}
        for name in self.names:
            seen[name.lower()] = "" if name.lower() in seen else name
        return {low: name for low, name in seen.items() if name}

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        """Tokens of the text; names that are no plain word come first, longest first."""
        odd = [name for name in self.names if not _TOKEN.fullmatch(name)]
        return _token_pattern(tuple(sorted(odd, key=len, reverse=True))) if odd else _TOKEN

    def tokens(self, text: str) -> Iterator[re.Match[str]]:
        return self._pattern.finditer(text)

    def name(self, token: str, listed: bool = False) -> str | None:
        """The node called `token`. Case matters for names that are also words, unless the token stands in a bare list."""
        if token in self._exact:
            return token
        name = self.folded.get(token.lower())
        return name if name and (listed or name.lower() not in WORDS) else None

    def mentioned(self, text: str) -> list[str]:
        """Names of nodes in running text, in order."""
        if self.numeric:
            return [m[0] for m in _NUMBER_WORD.finditer(text) if m[0] in self._exact]
        out = []
        for m in self.tokens(text):
            name = self.name(m[0])
            if name and (name.lower() not in WORDS or stands_as_name(text, m.start(), m.end())):
                out.append(name)
        return out


_NUMBER_WORD = re.compile(r"(?<![\w.])\d+(?!\w|\.\d)")


@lru_cache(maxsize=256)
def _token_pattern(odd: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in odd) + "|" + _TOKEN.pattern, re.IGNORECASE)


def stands_as_name(text: str, start: int, end: int) -> bool:
    """Whether a word that is also a name (Will, Mark, A, I) is used as one, by what is before and after it."""
    return bool(_NAMELIKE_AFTER.match(text, end) or _NAMELIKE_BEFORE.search(text, max(0, start - 12), start))


_SENTENCE_END = re.compile(r"(?<=[.!?])[\"')\]]*\s+|\s*\n\s*|(?<=[\w)\]][.!?])(?=[A-Z][a-z])|(?<=[.!?])(?=\()")
_CLAUSE_END = re.compile(
    r"\s*[;:]\s+|,\s+|\s+-\s+|\s+(?:but|because|since|so|while|although|though|however|which|therefore|thus|hence|whereas|where)\s+"
    r"|\s+(?:and|as)\s+(?=(?:there|it|the|this|so|no|they|node|also|therefore|thus|hence|does|is|are|has|not|cannot|can't|only)\b)",
    re.IGNORECASE,
)
_ASIDE = re.compile(
    r",\s*(?:in fact|indeed|therefore|thus|hence|of course|however|then|clearly|in this case|as a result)\s*,", re.IGNORECASE
)

_HEDGE = re.compile(
    r"""\b(?:
    (?:can(?:not|'t|\ not)|could(?:\ not|n't)|unable\ to|not\ able\ to|impossible\ to|hard\ to|difficult\ to|not\ possible\ to|no\ way\ to
       |(?:do|does|did)(?:\ not|n't)\ (?:let\ us|allow\ us\ to))
       \ (?:\w+ly\ )?(?:be\ (?:\w+ly\ )?(?:determined|known|said|sure|certain|answered|inferred|told|decided|computed|calculated|deduced|concluded|established)
          |determine|tell|say|know|infer|decide|conclude|deduce|answer|guess|judge|work\ out|figure\ out|be\ (?:sure|certain)|give\ a\ definite|give\ a\ definitive)
    |may\ or\ may\ not|might\ or\ might\ not|(?:might|may)\ not\b(?!\ be\ obvious)
    |(?:not|isn't|n't|never)\ (?:\w+ly\ )?(?:sure|certain|clear|know|known|enough|determinable|specified|have\ enough)
    |unclear|uncertain|unknown|undetermined|undecidable|indeterminate|ambiguous|insufficient|inconclusive
    |lacks?\ (?:the\ )?(?:necessary\ )?information|more\ information|missing\ information|it\ depends|depends\ on|depending\ on|no\ idea
    |either\ way|one\ or\ the\ other|both\ are\ possible
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_CONCLUSION = re.compile(
    r"(?:^|[,;:.]\s*|\band\s+)(?:so|therefore|thus|hence|then|finally|overall|altogether|accordingly|consequently|ultimately"
    r"|in (?:conclusion|total|summary|short|sum|all|the end)|as a result|to (?:conclude|summari[sz]e|sum up)|this (?:means|gives|shows|implies|makes|leaves)"
    r"|that (?:means|gives|makes|leaves)|which (?:means|gives|makes)|we (?:get|obtain|conclude|have a total)|it follows|result(?: is)?|conclusion|final(?:ly)?|summing|adding|dividing)\b"
    r"|\b(?:in total|altogether|in all|overall|total(?:s|ing)?(?: of)?)\b",
    re.IGNORECASE,
)
_HYPOTHESIS = re.compile(
    r"(?:^|\b)(?:if|whether|suppose|supposing|assum(?:e|ing)|unless|in order to|(?:want|need|have|try|trying|going|let's|let us|how|us|task is|goal is|question is|asked) to"
    r"|let's|let us|(?:we|i|i'll|we'll) (?:need|must|should|will|can)?\s*(?:check|see|find|verify|determine|look|examine|test|count|list|identify|trace|start)\w*)\b"
    r"|^to (?:find|see|determine|check|decide|answer|count|verify|be|have|form|know|get|calculate|compute|identify|solve)\b",
    re.IGNORECASE,
)
_ECHO = re.compile(
    r"^(?:q:|question:|list (?:all )?(?:of )?the|what (?:is|are)|which|how many|is there|are there|does node|is node|find the|name (?:all )?the|please"
    r"|in an? (?:un)?directed graph, ?\(|g (?:describes|has) (?:a|the)|you are (?:a|given)|we are given|given (?:a|the) graph|the question (?:is|asks))",
    re.IGNORECASE,
)
_NEGATION = re.compile(
    r"\b(?:no|not|never|cannot|without|neither|nor|none|nobody|lacks?|free of|absence of|fails? to|impossible|unable|zero|nothing|non)\b|n't\b",
    re.IGNORECASE,
)


def sentences(text: str) -> list[str]:
    """The sentences of a tidy text; a line end ends one as well.

    >>> sentences("3.There are three. (0, 1) is one\\nYes")
    ['3.', 'There are three.', '(0, 1) is one', 'Yes']
    """
    return [s for s in (part.strip() for part in _SENTENCE_END.split(text)) if s]


def clauses(sentence: str) -> list[str]:
    return [c for c in _CLAUSE_END.split(_ASIDE.sub(" ", sentence)) if c]


def is_question(sentence: str) -> bool:
    """Whether a sentence asks (or repeats what was asked or given) instead of stating."""
    return sentence.endswith("?") or bool(_ECHO.match(sentence))


def hedges(sentence: str) -> bool:
    return bool(_HEDGE.search(sentence))


def concludes(sentence: str) -> bool:
    return bool(_CONCLUSION.search(sentence))


def supposes(clause: str) -> bool:
    """Whether a clause only supposes or plans."""
    return bool(_HYPOTHESIS.search(clause))


def negations(clause: str) -> int:
    return len(_NEGATION.findall(clause))


def settle(found: list[tuple[Value, bool]]) -> Reading:
    """One answer out of (value, whether its sentence concludes) in text order: the last, if all agree or it concludes.

    >>> settle([(3.0, False), (4.0, True)]), settle([(3.0, False), (4.0, False)]), settle([])
    (Answer(value=4.0, end=-1), 'unclear', None)
    """
    if not found:
        return None
    value, conclusive = found[-1]
    return Answer(value) if conclusive or all(other == value for other, _ in found) else UNCLEAR


_REFUSAL = re.compile(
    r"""\b(?:
    (?:i|we)(?:'m|\ am|\ are|'re)?\ (?:really\ |truly\ |afraid\ i\ |sorry\ (?:but\ )?i\ )?(?:can(?:not|'t|\ not)|won't|will\ not|must\ (?:respectfully\ )?decline|have\ to\ decline|decline|refuse
       |(?:am\ |are\ )?(?:not\ able|unable|not\ (?:allowed|permitted|programmed|designed|authorized))\ to|not\ able\ to|unable\ to|would\ (?:rather\ )?not|am\ not\ going\ to
       |do(?:\ not|n't)\ (?:feel\ comfortable|have\ the\ (?:ability|capability|capacity)|provide|offer|engage|want\ to)|won't\ be\ able\ to|will\ not\ be\ able\ to)
       (?:\ to)?\ ?(?:directly\ |really\ |currently\ |further\ )?
       (?:(?:be\ able\ to\ )?(?:help|assist|answer|share|provide|discuss|comply|fulfil|support|engage|participate|continue|disclose|reveal|give|complete|do\ (?:that|this|so)|process|make\ guesses
          |speculate|generate|create|respond|offer|perform|solve|handle|accommodate|proceed|talk|reply|work\ on|identify\ (?:people|persons|individuals)|access|analy[sz]e|carry\ out)\w*
          |(?=[.!]|$)|(?:with|providing|sharing|answering|to\ answer|to\ help|to\ provide|the\ request)\b)
    |as\ an?\ (?:ai|language\ model|large\ language\ model)\b[^.]{0,60}?\b(?:can(?:not|'t)|unable|not\ able|do(?:\ not|n't))
    |(?:against|violates?)\ (?:my|our|the)\ (?:policy|policies|guidelines|programming)
    |unable\ to\ (?:help|assist|comply|answer|provide|fulfil)
    |(?:can't|cannot|can\ not)\ (?:help|assist|comply)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)
_CLAUSE_AFTER_REFUSAL = re.compile(r"\b(?:because|since|but|however)\b|[;.!\n](?:\s|$)")
_NOT_ENOUGH = re.compile(
    r"\b(?:without|from|based on|with (?:the|only)|given (?:the|only)|information|not enough|because the)\b", re.IGNORECASE
)


def refusals(text: str) -> tuple[str, bool]:
    """The text without its refusals, and whether there was one.

    >>> refusals("Sorry, I cannot help with node 5. The graph is large.")
    ('Sorry, . The graph is large.', True)
    """
    if not (
        "can" in text
        or "Can" in text
        or "'t" in text
        or " not " in text
        or "able" in text
        or "decline" in text
        or "refuse" in text
        or "AI" in text
    ):
        return text, False
    out, at, refused = [], 0, False
    while found := _REFUSAL.search(text, at):
        stop = _CLAUSE_AFTER_REFUSAL.search(text, found.end())
        end = stop.start() if stop else len(text)
        if found[0].endswith(("answer", "solve", "provide", "give")) and _NOT_ENOUGH.search(text, found.end(), end):
            out.append(text[at:end])
        else:
            out.append(text[at : found.start()])
            refused = True
        at = max(end, found.end())
    return "".join(out) + text[at:], refused
