"""Counts and distances: the number that is stated, not the node ids around it."""

import re
from dataclasses import dataclass

from eval.prose import NO_PATH, UNCLEAR, Answer, Asked, Reading, Value, clauses, concludes, hedges, is_question, sentences, settle, supposes

NUMBER_WORDS = {
    word: value
    for value, word in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty".split()
    )
}
_NUM = r"(?:(?<![\w.,)])[-+])?(?<![\w.])(?:\d{1,3}(?:,\d{3})+(?![\d,]\d)|\d+)(?:\.\d+)?(?![\w%]|\.\d)"
_WORD_NUM = rf"(?<![\w-])(?:{'|'.join(sorted(NUMBER_WORDS, key=len, reverse=True))})(?![\w]|-\w)"
_ANY = rf"(?:{_NUM}|{_WORD_NUM})"


@dataclass(frozen=True, slots=True)
class Quantity:
    """The words in which a count is stated.

    unit: what is counted, as in `7 nodes`. noun: what equals the number, as in `the degree of node 2 is 3`.
    local: whether statements about single nodes are about the question (a degree) or only about a part (a count).
    """

    unit: str
    noun: str
    local: bool
    none: str


_NONE_OF = r"(?:is|are|has|have|contains?|shares?|there|with|find|found|see|of)\b[^.;]{0,30}?\b(?:no|zero|without any|not any|not have any|n't have any|n't any|n't contain any)\s+"
QUANTITIES: dict[str, Quantity] = {
    "node_count": Quantity(
        r"nodes?|vertices|vertex|people|persons|members|individuals|characters|authors|politicians|students|friends",
        r"(?:number|count|total(?: number)?) of (?:the )?(?:\w+ )?(?:nodes|vertices|people)|(?:node|vertex) count|total nodes|nodes|vertices|\|V\||\|?V\|?|n",
        False,
        r"nodes|vertices|people",
    ),
    "edge_count": Quantity(
        r"edges?|links?|connections?|friendships?|relationships?|collaborations?|arcs?|pairs? of (?:friends|nodes)|co-?authorships",
        r"(?:number|count|total(?: number)?) of (?:the )?(?:\w+ )?(?:edges|connections|links|friendships)|(?:edge|connection) count|total edges|edges|\|E\||E|m",
        False,
        r"edges?|links?|connections?|friendships?",
    ),
    "node_degree": Quantity(
        r"neighbou?rs?|edges?|connections?|links?|friends?|co-?authors?|friendships?|adjacent nodes?|nodes?|other nodes?|people|papers?|incident edges?|others",
        r"degree(?: of (?:node )?\w+)?|deg ?\( ?\w+ ?\)|d\( ?\w+ ?\)|(?:number|count|total(?: number)?) of (?:the |its |his |her )?(?:\w+ )?(?:edges|connections|links|neighbou?rs|friends|nodes)",
        True,
        r"(?:neighbou?rs?|edges?|connections?|links?|friends?|incident edges?|adjacent nodes?)",
    ),
    "triangle_counting": Quantity(
        r"triangles?|3-cycles|three-cycles",
        r"(?:number|count|total(?: number)?) of (?:the )?(?:\w+ )?triangles|triangle count|total triangles|triangles",
        False,
        r"(?:triangles?|3-cycles)",
    ),
    "shortest_path": Quantity(
        r"edges?|hops?|steps?|links?|units?|moves?|jumps?|edge traversals?|connections?",
        r"(?:path )?length(?: of (?:the |this |a )?(?:shortest |short )?path(?: from (?:node )?\w+ to (?:node )?\w+)?)?|distance(?: (?:from|between) (?:node )?\w+ (?:to|and) (?:node )?\w+)?|d\( ?\w+ ?, ?\w+ ?\)"
        r"|number of (?:edges|hops|steps)",
        True,
        r"(?!)",
    ),
    "maximum_flow": Quantity(
        r"(?!)",
        r"max(?:imum)?[- ](?:capacity of the )?flow(?: value| capacity)?(?: of the flow)?(?: from (?:node )?\w+ to (?:node )?\w+)?|max(?:imum)? capacity(?: of the flow)?(?: from (?:node )?\w+ to (?:node )?\w+)?"
        r"|total flow|flow value|value of the (?:max(?:imum)? )?flow|total capacity",
        True,
        r"(?:flow)",
    ),
}
_GENERIC = Quantity(r"(?!)", r"(?!)", True, r"(?!)")

_ADJECTIVES = r"(?:total|unique|distinct|different|direct|directly|connected|adjacent|neighbou?ring|other|incident|undirected|directed|such|separate|individual|labell?ed)"
_IS = r"(?:\s*(?:is|are|was|were|be|equals?|equal to|comes? (?:out )?to|amounts to|becomes|totals|gives|as|of|=|:|->|\"))"
_FILL = r"(?:\s*(?:is|equal to|to|exactly|simply|just|only|therefore|thus|then|hence|clearly|indeed|now|also|likely|probably|a|an|the|total|of|be|about|value|:|=|\"|\())"


@dataclass(frozen=True, slots=True)
class _Patterns:
    counted: re.Pattern[str]
    equals: re.Pattern[str]
    none: re.Pattern[str]


def _compile(q: Quantity) -> _Patterns:
    return _Patterns(
        re.compile(rf"(?P<n>{_ANY})\s+(?:{_ADJECTIVES}\s+){{0,3}}(?P<unit>{q.unit})\b(?!\s*(?:count|ids?)\b)", re.IGNORECASE),
        re.compile(rf"(?<![\w|])(?:{q.noun})(?![\w|])[^.;=:\d\n]{{0,50}}?{_IS}{_FILL}{{0,4}}\s*(?P<n>{_ANY})", re.IGNORECASE),
        re.compile(
            rf"(?:^|\b(?:is|are|has|have|had|contains?|shares?|there|with|find|found|see|that|so|since|because|exist|forms?)\s+)(?:\w+ )?(?:no|zero|not any|without any)\s+(?:\w+ )?{q.none}\b"
            rf"|(?:n't|not|without|never)\s+(?:\w+ )?any\s+(?:\w+ )?{q.none}\b|\bno\s+{q.none}\s+(?:exists?|(?:is|are|were) (?:present|found|there|formed))\b",
            re.IGNORECASE,
        ),
    )


_PATTERNS = {task: _compile(q) for task, q in QUANTITIES.items()}
_GENERIC_PATTERNS = _compile(_GENERIC)
_EXTRA_NONE = {
    "triangle_counting": re.compile(r"\bno (?:set of |group of )?(?:three|3) (?:\w+ )?(?:nodes|vertices|people|\w+)\b.{0,40}\b(?:triangles?|all connected|mutual\w*|pairwise)|\btriangle-free\b|\bnone of (?:the|these) .{0,40}triangles?\b", re.IGNORECASE),
    "node_degree": re.compile(r"\b(?:is|as) (?:an )?isolated\b|\bnot (?:directly )?(?:connected|adjacent|linked) to any(?:thing| (?:other )?(?:nodes?|one|body))?|\bconnected to (?:no (?:other )?nodes?|nothing|none|nobody)\b|\bno nodes? (?:is|are) connected\b", re.IGNORECASE),
    "edge_count": re.compile(r"\b(?:edgeless|empty graph|all nodes are isolated|no nodes are connected)\b", re.IGNORECASE),
}  # fmt: skip
_NONE_QUALIFIED = re.compile(
    r"\b(?:no|any)\s+(?:other|more|further|additional|direct|self|duplicate|such|multiple|parallel|common|new|extra|missing)\b",
    re.IGNORECASE,
)

_NO_PATH = re.compile(
    r"\bno (?:(?:valid|possible|such|available|existing|connecting|directed|feasible) ){0,2}(?:paths?|routes?|way|connection)\b|\b(?:paths?|route) (?:does|do) ?(?:not|n't) exist|\bdoesn't exist\b|\bdoes not exist\b"
    r"|\bn(?:o|')t (?:\w+ ){0,3}(?:an?|any) (?:\w+ )?path\b|\bwithout (?:a|any) path\b"
    r"|\bunreachable\b|\bnot reachable\b|\bnot? (?:be )?reach(?:able|ed)?\b|\b(?:cannot|can't|can not|never) (?:be reached|reach|get)\b|\binfinit(?:e|y)\b|\u221e|\binf\b|\bnone exists?\b|\bno(?:thing| such path) exists\b"
    r"|\b(?:not|n't|dis|un)[ -]?connected\b|\b(?:different|separate|disconnected) (?:connected )?components?\b",
    re.IGNORECASE,
)
_NO_PATH_QUALIFIED = re.compile(
    r"\b(?:shorter|direct(?:ly)?|fewer|less|other|better|alternative|longer|cheaper|quicker|additional|more|one[- ]edge|two[- ]edge|of length|edges?|augmenting|remaining|further|any more|without|unless|avoid\w*)\b",
    re.IGNORECASE,
)

_LEAD = re.compile(
    r"[\s\"'(\[{:;,.=~>]*(?:(?:so|well|ok(?:ay)?|sure|thus|therefore|hence|then|answer|output|result|response|conclusion|solution|total|count|in conclusion|finally|overall|exactly|about|around|approximately"
    r"|probably|likely|perhaps|maybe|simply|just|it is|it's|that's|there (?:is|are)|equal to|equals|i (?:think|believe|guess|count|counted|get|got|found|would say)(?: it is| it's| that)?|the answer is|sorry)"
    r"\b[\s\"'(:;,.=>]*){0,4}(?:-\s+)?",
    re.IGNORECASE,
)
_START_NUMBER = re.compile(_ANY, re.IGNORECASE)
_SPACED = re.compile(r"\d{1,3}(?: \d{3})+(?=[.\s]*$)")
_ALTERNATIVE = re.compile(
    rf"\s*(?:,?\s*or(?: maybe| perhaps| possibly)?|/|-|to|,?\s*and|and/or|,?\s*maybe|,?\s*perhaps)\s*(?:{_ANY})(?!\s*[-+*/x=])",
    re.IGNORECASE,
)
_LIST_GOES_ON = re.compile(rf"\s*(?:,|->|;)\s*(?:and\s+)?(?:{_NUM})(?!\s*[=])")
_OPERATOR = re.compile(r"\s*[+\-*/x\u00d7\u00f7=]\s*[\d(]")
_LIST_NUMBER_NEXT = re.compile(r"\n\s*(\d+)[.)]\s")
_LIST_ITEM = re.compile(
    r"[.)]\s*(?:[(\[{]|-|\d|\w+\s*(?:->|-\s)|(?:first|start|begin|identify|find|count|list|check|look|determine|examine|let|edge|step|write|note|understand|read|analy[sz]e|draw|consider|go|take|use|add|make|for|calculate|initiali[sz]e)\b)",
    re.IGNORECASE,
)
_FINISH = re.compile(
    r"[\"')\]}]*\s*(?:$|[.!,;:\n\"')\]}(<]|- |because\b|since\b|as\b|in\b|for\b|is the\b|which\b|this\b|that\b|the\b|total\b|altogether\b|so\b|edges? long\b|away\b|from\b|between\b|on\b|by\b|and\s+(?:the|that|here|this)\b)",
    re.IGNORECASE,
)


def number_at_start(text: str, asked: Asked) -> Reading:
    """The number (or, for a distance, the statement that there is no path) that a text opens with."""
    lead = _LEAD.match(text)
    at = lead.end() if lead else 0
    if spaced := _SPACED.match(text, at):
        return Answer(float(spaced[0].replace(" ", "")), spaced.end())
    found = _START_NUMBER.match(text, at)
    if found is None:
        return _nothing_at_start(text, at, asked)
    end = found.end()
    if _ALTERNATIVE.match(text, end):
        return None if _looks_like_path(text, found.start()) else UNCLEAR
    if _LIST_GOES_ON.match(text, end) or _is_list_number(text, found, asked):
        return None
    if _OPERATOR.match(text, end):
        return _equation(text, found.start())
    after, unit = end, _unit(asked).match(text, end)
    if unit:
        after = unit.end()
    if not _FINISH.match(text, after) or (unit and unit["wrong"]):
        return None
    if found[0].lower() == "one" and re.match(r"\s+(?:of|by|another)\b", text[end:]):
        return None
    value = to_number(found[0])
    if _takes_back(text[after:], value, asked):
        return UNCLEAR
    return _as_answer(value, end, asked)


def _nothing_at_start(text: str, at: int, asked: Asked) -> Reading:
    """`None`, `No triangles`, `No path`, an infinity sign."""
    found = re.compile(r"(none|null|n/a)\b(?!\s+of)", re.IGNORECASE).match(text, at)
    if (
        found
        and found[0].lower() == "none"
        and (asked.task == "shortest_path" or asked.task != "node_count")
        and re.match(r"\s*(?:[.,!;\n]|$)", text[found.end() :])
    ):
        return Answer(NO_PATH if _is_distance(asked) else 0.0, found.end())
    if _is_distance(asked) and text.startswith("\u221e", at):
        return Answer(NO_PATH, at + 1)
    return None


def _is_distance(asked: Asked) -> bool:
    return asked.example.answer_kind == "distance" or asked.task == "shortest_path"


def _as_answer(value: float, end: int, asked: Asked) -> Answer:
    return Answer(NO_PATH if value == -1 and _is_distance(asked) else value, end)


def to_number(text: str) -> float:
    """The value of digits or a number word.

    >>> to_number("1,000"), to_number("Twelve"), to_number("-4.0")
    (1000.0, 12.0, -4.0)
    """
    word = NUMBER_WORDS.get(text.lower())
    return float(word) if word is not None else float(text.replace(",", ""))


_UNIT_CACHE: dict[str, re.Pattern[str]] = {}
_ALL_UNITS = r"nodes?|vertices|edges?|triangles?|neighbou?rs?|connections?|links?|friends?|people|hops?|steps?|units?"


def _unit(asked: Asked) -> re.Pattern[str]:
    """What may be counted right after a leading number; group `wrong` where it is something that was not asked for."""
    if asked.task not in _UNIT_CACHE:
        right = QUANTITIES.get(asked.task, _GENERIC).unit + "|units?(?: of flow)?"
        _UNIT_CACHE[asked.task] = re.compile(
            rf"\s+(?:{_ADJECTIVES}\s+){{0,3}}(?:(?:{right})\b|(?P<wrong>(?:{_ALL_UNITS})\b))(?:\s+(?:in (?:this|the) graph|in total|total|long|away))?",
            re.IGNORECASE,
        )
    return _UNIT_CACHE[asked.task]


def _looks_like_path(text: str, start: int) -> bool:
    return re.compile(r"\d+(?:\s*(?:->|-)\s*\d+){2,}|\d+\s+and\s+\d+\s+(?:are|is)\b").match(text, start) is not None


def _is_list_number(text: str, found: re.Match[str], asked: Asked) -> bool:
    """Whether a leading `1.` numbers a list."""
    end = found.end()
    if not found[0].isdigit() or not text.startswith((".", ")"), end) or text[end + 1 :].strip() == "":
        return False
    following = _LIST_NUMBER_NEXT.search(text, end)
    if following and int(following[1]) == int(found[0]) + 1:
        return True
    return int(found[0]) <= 1 and _LIST_ITEM.match(text, end) is not None


def _equation(text: str, start: int) -> Reading:
    """The value after the last `=` of the sentence that begins at `start`."""
    sentence = re.compile(r"[^\n;]*").match(text, start)
    line = sentence[0] if sentence else ""
    stop = re.search(r"[.,!](?:\s|$)(?!\d)", line)
    line = line[: stop.start()] if stop else line
    last = line.rfind("=")
    if last < 0:
        return UNCLEAR
    value = re.compile(rf"=\s*({_ANY})(?!\s*[+*/x]\s*\d)", re.IGNORECASE).match(line, last)
    return Answer(to_number(value[1]), start + value.end()) if value else UNCLEAR


_REVISION = re.compile(
    r"\b(?:wait|actually|correction|on second thought|on reflection|i was wrong|i made (?:a|an) (?:mistake|error)|let me (?:correct|re-?\w+)|scratch that|oops|no,)",
    re.IGNORECASE,
)


def _takes_back(rest: str, value: float, asked: Asked) -> bool:
    """Whether text after a leading number revises it to another."""
    revision = _REVISION.search(rest)
    if revision is None:
        return False
    later = number_stated(rest[revision.end() :], asked)
    if later is None:
        later = _plain_start(rest[revision.end() :], asked)
    return later == UNCLEAR or (isinstance(later, Answer) and later.value != value)


def _plain_start(text: str, asked: Asked) -> Reading:
    return number_at_start(text.lstrip(" ,.;:"), asked)


# Node ids and other numbers that count nothing, in the order in which they are blanked out.
_IDS = rf"(?:{_NUM})(?:\s*(?:,\s*and|,|and|or|&|->|-|to)\s*(?:nodes?\s+)?(?:{_NUM}))*"
_MASKS = [
    re.compile(r"\([^()\n]*,[^()\n]*\)|\[[^\[\]\n]*,[^\[\]\n]*\]|\{[^{}\n]*,[^{}\n]*\}"),
    re.compile(rf"\b(?:nodes?|vertex|vertices|ids?|steps?|example|part|case|edge|component|group|community|level|layer|round|iteration|option)\s+#?{_IDS}", re.IGNORECASE),
    re.compile(r"\d+(?:\s*->\s*\d+)+|(?<![\w.])\d+(?:\s?-\s?\d+){2,}(?!\w)"),
    re.compile(
        rf"\b(?:(?:connected|adjacent|linked|joined|attached|next|edges?|links?|connections?|neighbou?rs?)\s+(?:directly\s+)?(?:to|with|of)|from|between|through|via|including|namely|visit(?:s|ed|ing)?)\s+(?:nodes?\s+)?{_IDS}"
        rf"(?!\s+(?:{_ADJECTIVES}\s+)*(?:{_ALL_UNITS})\b)",
        re.IGNORECASE,
    ),
    re.compile(rf"\b(?:degree|deg|distance|d|N)\s*\(\s*(?:{_NUM})[^()]{{0,12}}\)|\b(?:degree|neighbou?rs?|flow)\s+(?:of|for)\s+(?:{_NUM})(?=\s*(?:is|are|=|:|,|equals|has|in)\b|\s*[=:])", re.IGNORECASE),
    re.compile(rf"(?<![=+*/x\-]\s)(?<![=+*/x\-])(?:{_NUM})(?:\s*,\s*(?:and\s+)?(?:{_NUM}))+(?:,?\s+and\s+(?:{_NUM}))?(?!\s*[+*/x=])"),
    re.compile(rf"(?<![=+*/x\-]\s)(?:{_NUM})\s+(?:and|&)\s+(?:{_NUM})(?!\s*[+*/x=]|\s+(?:{_ADJECTIVES}\s+)*(?:{_ALL_UNITS})\b)", re.IGNORECASE),
    re.compile(r"\b\d+(?:st|nd|rd|th)\b|\b[A-Za-z]\d+\b|\b\d+-(?=[a-z])"),
    re.compile(rf"\b(?:to|with|at|by|reach(?:es|ed)?|node)\s+(?:{_NUM})(?=\s*(?:[,.;)]|$|is\b|and\b|are\b|in\b|has\b|with\b|via\b|by\b))", re.IGNORECASE),
    re.compile(rf"(?:^|(?<=[,;:(]\s)|(?<=\bthat\s)|(?<=\band\s)|(?<=\bso\s))(?:{_NUM})(?=\s+(?:is|are|has|have|can|connects?|does)\b)", re.IGNORECASE),
]  # fmt: skip
_RANGE = re.compile(
    rf"\b(?:between|from)\s+(?:{_ANY})\s+(?:and|to)\s+(?:{_ANY})\s+(?:{_ADJECTIVES}\s+)*(?:{_ALL_UNITS})\b"
    rf"|\b(?:at least|at most|more than|fewer than|less than|up to|no more than|no fewer than|over|under|or more|or fewer|or less)\b"
    rf"|\beither\s+(?:{_ANY})\s+or\b|(?<!nodes )(?<!node )(?<!to )(?:{_ANY})\s+or\s+(?:maybe |perhaps |possibly )?(?:{_ANY})\b|\b(?:{_ANY})\s*(?:-|to)\s*(?:{_ANY})\s+(?:{_ADJECTIVES}\s+)*(?:{_ALL_UNITS})\b",
    re.IGNORECASE,
)


def _mask(sentence: str) -> str:
    """The sentence with node ids blanked, every other character at its place."""
    for pattern in _MASKS:
        sentence = pattern.sub(lambda found: re.sub(r"\d", "\u00b7", found[0]), sentence)
    return sentence


def number_stated(text: str, asked: Asked) -> Reading:
    """The count that the sentences state: tied to what is counted, else the only number that is no node id."""
    strong: list[tuple[Value, bool]] = []
    weak: list[tuple[Value, bool]] = []
    for sentence in sentences(text):
        if is_question(sentence) or not _may_count(sentence):
            continue
        if _RANGE.search(sentence) and not _EQUALS_END.search(sentence):
            if strong or weak or not hedges(sentence):
                (strong or weak).append((UNCLEAR, False))
            continue
        conclusive = concludes(sentence)
        values = [] if hedges(sentence) else _strong(sentence, asked)
        strong.extend((value, conclusive) for value in values)
        if not values and (value := _weak(sentence)) is not None and not hedges(sentence):
            weak.append((-1.0 if value == -1 else value, conclusive))
    found = strong or weak
    if strong and weak and weak[-1][1]:
        found = [*strong, weak[-1]] if weak[-1][0] == strong[-1][0] else strong
    reading = settle(found)
    if isinstance(reading, Answer):
        if reading.value == UNCLEAR:
            return UNCLEAR
        if reading.value == -1.0 and _is_distance(asked):
            return Answer(NO_PATH)
    return reading


def _may_count(sentence: str) -> bool:
    lower = sentence.lower()
    return any(c.isdigit() for c in sentence) or any(word in lower for word in NUMBER_WORDS) or bool(_MAYBE_NONE.search(lower))


_MAYBE_NONE = re.compile(
    r"\bno(?:ne|t|thing|body)?\b|n't|path|reach|infini|\u221e|\binf\b|isolated|disconnected|unconnected|edgeless|empty|free|component|without"
)
_EQUALS_END = re.compile(rf"=\s*(?:{_ANY})[^=\d]*$", re.IGNORECASE)
_PARTIAL_BEFORE = re.compile(
    r"\b(?:each|every|per|if|another|first|missing|only the|these|those|those|than|least|most|remaining|up|about the|of the|of its|of these|adds?|removed?|extra|with)\s*$",
    re.IGNORECASE,
)
_PARTIAL_AFTER = re.compile(
    r"\s*(?:each\b|per\b|(?:that|which|who) (?:includes?|contains?|involves?|goes?|go|start|are not|is not|do not|does not)|including\b|containing\b|with degree|of degree|with (?:no|only|one|two|exactly|at)\b|at (?:node|each|every)"
    r"|(?:are|is|have|has) (?:isolated|not|only|already|left|missing|connected|reachable|unvisited)|involving\b|left\b|already\b|so far\b|would\b|not\b|in (?:the )?(?:first|second|one|each|component)|to (?:check|visit|consider))",
    re.IGNORECASE,
)


def _strong(sentence: str, asked: Asked) -> list[Value]:
    """Values that the sentence ties to what was asked."""
    quantity, patterns = QUANTITIES.get(asked.task, _GENERIC), _PATTERNS.get(asked.task, _GENERIC_PATTERNS)
    masked = _mask(sentence)
    out: list[tuple[int, Value]] = []
    for pattern in (patterns.equals, patterns.counted):
        for found in pattern.finditer(masked):
            at = found.start("n")
            if pattern is patterns.counted and (
                _PARTIAL_BEFORE.search(masked, max(0, at - 16), at) or _PARTIAL_AFTER.match(masked, found.end())
            ):
                continue
            if not _about_the_question(sentence, at, quantity, asked) or _in_hypothesis(masked, at):
                continue
            value = to_number(found["n"])
            if pattern is patterns.equals and _OPERATOR.match(masked, found.end("n")):
                equation = _equation(masked, at)
                if not isinstance(equation, Answer):
                    continue
                value = float(equation.value)
            elif pattern is patterns.counted and any(start <= at for start, _ in out):
                continue
            out.append((at, value))
    if not out:
        return _nothing(sentence, masked, quantity, patterns, asked)
    return [value for _, value in sorted(out, key=lambda item: item[0])][-1:]


def _in_hypothesis(masked: str, at: int) -> bool:
    before = masked[:at]
    start = max(before.rfind(", "), before.rfind("; "), before.rfind(": "), 0)
    return supposes(before[start:].lstrip(" ,;:"))


def _about_the_question(sentence: str, at: int, quantity: Quantity, asked: Asked) -> bool:
    """Whether a count is about the nodes of the question, or about the whole graph where no node was asked about."""
    before = sentence[:at]
    clause = clauses(before)[-1] if clauses(before) else before
    after = re.split(r"[,;:.]|\b(?:because|since|so|namely|which)\b", sentence[at:])[0]
    if quantity.local:
        named = _named(clause, asked)
        return not named or bool(set(named) & set(asked.query))
    return not _named(clause, asked) and not _specific(after, asked)


def _named(clause: str, asked: Asked) -> list[str]:
    """Nodes that a clause is about."""
    if asked.numeric:
        return [
            n
            for n in re.findall(
                r"(?:\bnodes?\s+|\b(?:of|from|to|for|between|and|with)\s+|^|\()(\d+)\b(?!\s*(?:nodes|edges|triangles|\+|=))",
                clause,
                re.IGNORECASE,
            )
            if n in asked.names
        ]
    return asked.mentioned(clause)


def _specific(after: str, asked: Asked) -> bool:
    if not re.search(r"\b(?:node|including|contain|involv|with|of|for|at|incident|from|to|connected)\w*\b", after):
        return False
    return (
        bool(re.search(r"\b(?:nodes?|including|of|for|at|to|from|with|between)\s+\d", after))
        if asked.numeric
        else bool(asked.mentioned(after))
    )


def _nothing(sentence: str, masked: str, quantity: Quantity, patterns: _Patterns, asked: Asked) -> list[Value]:
    """0 or no path, where the sentence says that there is none of what was asked."""
    if _is_distance(asked) or asked.task == "maximum_flow":
        for clause in clauses(sentence):
            if _NO_PATH.search(clause) and not _NO_PATH_QUALIFIED.search(clause) and not supposes(clause):
                named = _named(clause, asked)
                if set(named) <= set(asked.query) and (
                    len(set(named)) != 1 or len(set(asked.query)) == 1 or not re.search(r"\bfrom\b.*\bto\b|\bbetween\b", clause)
                ):
                    return [NO_PATH if _is_distance(asked) else 0.0]
        if _is_distance(asked):
            return []
    extra = _EXTRA_NONE.get(asked.task)
    for clause in clauses(sentence):
        hit = patterns.none.search(clause) or (extra and extra.search(clause))
        if hit and not _NONE_QUALIFIED.search(clause) and not supposes(clause):
            named = _named(clause, asked)
            if (quantity.local and set(named) <= set(asked.query)) or (not quantity.local and not named):
                return [0.0]
    return []


_WEAK = re.compile(
    rf"(?:\b(?:is|are|be|count|counted|get|got|gives|equals|total|totals|obtain|found|find|makes|to|of|so|therefore|thus|hence|leaves|by three is|have|say|think)|it's|that's|=|:|->)\s*(?:exactly|simply|just|only|probably|likely|about|around|approximately|now|a total of|\")?\s*(?P<n>{_ANY})(?!\s*[-+*/x]\s*\d)\s*(?:in total|total|in all|altogether|overall|units?(?: of flow)?)?[.!\"')\s]*(?:$|[,;](?!\s*\d)|\(|\b(?:because|since|as)\b)",
    re.IGNORECASE,
)
_BARE = re.compile(rf"\W{{0,4}}(?P<n>{_ANY})[.!\"')\s]*$", re.IGNORECASE)
_IT_IS = re.compile(
    rf"(?:\b(?:it|this|that|which|result|total|sum|count|value|answer)\s+(?:is|equals|was|comes to|gives|would be|must be|should be|could be|might be)|=|\b(?:i (?:count|get|think|say|found)|we (?:get|have|count|obtain|find)|giv(?:es|ing)(?: us)?|leaves|totals?(?: of)?)|(?:so|therefore|thus|hence)[,:]?|:)\s*(?:exactly|simply|just|only|probably|likely|a total of|\")?\s*$",
    re.IGNORECASE,
)


def _weak(sentence: str) -> float | None:
    """A number that stands where an answer would, although nothing says what it counts."""
    masked = _mask(sentence)
    bare = _BARE.match(masked)
    if bare:
        return to_number(bare["n"])
    if "=" in masked and (found := _EQUALS_END.search(masked)) and (number := re.search(_ANY, found[0], re.IGNORECASE)):
        return to_number(number[0])
    last = None
    for found in _WEAK.finditer(masked):
        if _IT_IS.search(masked, max(0, found.start("n") - 40), found.start("n")):
            last = found
    return to_number(last["n"]) if last else None
