"""How the counts and distances of the tasks are put into words, and which numbers of a sentence are only node
ids.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from eval.answers.case_insensitive import CaseInsensitive, case_insensitive
from eval.answers.prose import either, words
from eval.answers.question import Question

_SMALL = "zero one two three four five six seven eight nine ten"
_TEENS = "eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty"
NUMBER_WORDS = {word: float(value) for value, word in enumerate([*_SMALL.split(), *_TEENS.split()])}
# The looks ahead change nothing: they let `re` give up at once where no number begins.
_DIGIT_AHEAD = r"(?=[-+\d])"
_NUMBER_AHEAD = f"(?=[-+\\d{''.join(sorted({word[0] for word in NUMBER_WORDS}))}])"
DIGITS = (
    _DIGIT_AHEAD
    + r"(?:(?<![\w.,)^])[-+])?(?<![\w.^])"
    + r"(?:\d{1,3}(?:,\d{3})+(?!,?\d)|\d+(?!,\d{3}(?!\d)))(?:\.\d+)?(?![\w%]|\.\d)"
)
_ANY_WORD = "|".join(sorted(NUMBER_WORDS, key=len, reverse=True))
NUMBER = rf"{_NUMBER_AHEAD}(?:{DIGITS}|(?<![\w-])(?:{_ANY_WORD})(?!\w|-\w))"


def to_number(text: str) -> float:
    """The value of digits or a number word.

    >>> to_number("1,000"), to_number("Twelve"), to_number("-4.0")
    (1000.0, 12.0, -4.0)
    """
    word = NUMBER_WORDS.get(text.lower())
    return float(text.replace(",", "")) if word is None else word


ADJECTIVES = either(
    """total | unique | distinct | different | direct | directly | connected | adjacent | neighbou?ring
    other | incident | undirected | directed | such | separate | individual | labell?ed"""
)
UNITS = either(
    """nodes? | vertices | edges? | triangles? | neighbou?rs? | connections? | links? | friends? | people
    hops? | steps? | units?"""
)
_IS = (
    r"\s*(?:\b(?:is|are|was|were|be|equals?|equal to|comes? (?:out )?to|amounts to|becomes|totals|gives"
    r"|as|of)\b|=|:|->)"
)
_FILL_WORDS = either(
    """is | equal to | to | exactly | simply | just | only | therefore | thus | then | hence | clearly
    indeed | now | also | likely | probably | an? | the | total | of | be | about | value"""
)
_FILL = rf"(?:\s*(?:\b{_FILL_WORDS}\b|[:=(]))"


@dataclass(frozen=True, slots=True)
class Quantity:
    """How a count is stated.

    counted: a number before what is counted, as in `7 nodes`. equals: what equals a number, as in `the degree
        is 3`.
    none: that there is nothing to count. part: what makes a count of the whole graph one of a part, where
        nodes are named after it.
    local: whether the question is about the nodes that it names, not about the whole graph.
    unit: a regular expression for what is counted.
    """

    counted: CaseInsensitive
    equals: CaseInsensitive
    none: CaseInsensitive
    part: CaseInsensitive
    local: bool
    unit: str


_NEVER = r"(?!)"


def _quantity(
    unit: str = _NEVER,
    noun: str = _NEVER,
    bare: str = _NEVER,
    none: str = _NEVER,
    also_none: str = _NEVER,
    part: str = _NEVER,
) -> Quantity:
    """unit, noun: see Quantity. bare: nouns that need no verb before their number (degree 3). part empty: a
    local count.
    """
    nothing = rf"""(?:no|zero|not any|without any|(?:not|n't) (?:\w+ )?any) (?:\w+ )?{either(none)}"""
    before = either(
        """is | are | has | have | had | contains? | shares? | there | with | find | found | see | that | so
        since | because | exist | forms? | hence"""
    )
    return Quantity(
        case_insensitive(
            rf"(?P<n>{NUMBER})\s+(?:{ADJECTIVES}\s+){{0,3}}(?P<unit>{either(unit)})\b(?! (?:count"
            rf"|ids?)\b|\s+\d)"
        ),
        case_insensitive(
            rf"(?<![\w|])(?:{either(noun)}(?![\w|])[^.;=:\d\n]{{0,50}}?{_IS}{_FILL}{{0,4}}"
            rf"|{either(bare)}(?:\s+of)?)\s*(?P<n>{NUMBER})"
        ),
        case_insensitive(
            rf"(?:^|\b{before}\s+)(?:\w+ )?{nothing}\b|\b(?:not|never)\b (?:\w+ )?any (?:\w+ "
            rf")?{either(none)}\b"
            rf"|n't (?:\w+ )?any (?:\w+ )?{either(none)}\b"
            rf"|\bno {either(none)} (?:exists?|(?:is|are|were) (?:present|found|there|formed))\b"
            rf"|{either(also_none)}"
        ),
        words(part),
        part == _NEVER,
        either(unit),
    )


QUANTITIES: dict[str, Quantity] = {
    "node_count": _quantity(
        unit="""nodes? | vertices | vertex | people | persons | members | individuals | characters | authors
            politicians | students | friends""",
        noun="""(?:number|count|total(?: number)?) of (?:the )?(?:\\w+ )?(?:nodes|vertices|people)
            (?:node|vertex) count | total nodes | nodes | vertices | \\|?V\\|? | n""",
        none="nodes | vertices | people",
        part="connected | adjacent | reachable | neighbou?rs",
    ),
    "edge_count": _quantity(
        unit="""edges? | links? | connections? | friendships? | relationships? | collaborations? | arcs?
            pairs of (?:friends|nodes) | co-?authorships""",
        noun="""(?:number|count|total(?: number)?) of (?:the )?(?:\\w+ )?(?:edges|links)
            (?:number|count|total(?: number)?) of (?:the )?(?:\\w+ )?(?:connections|friendships)
            (?:edge|connection) count | total edges | edges | \\|E\\| | E | m""",
        none="edges? | links? | connections? | friendships?",
        also_none="""\\bedgeless\\b | \\bempty graph\\b | \\ball nodes are isolated\\b
            \\bno nodes are connected\\b""",
        part="""to | with | of | for | at | incident | connected | from | between | including | involving
            touching""",
    ),
    "node_degree": _quantity(
        unit="""neighbou?rs? | edges? | connections? | links? | friends? | co-?authors? | friendships?
            adjacent nodes? | (?:other )?nodes? | people | papers? | others""",
        noun="""degree | deg ?\\( ?\\S+ ?\\) | d\\( ?\\S+ ?\\)
            (?:number|count|total) of (?:the |its |his |her )?(?:\\w+ )?(?:edges|connections|links)
            (?:number|count|total) of (?:the |its |his |her )?(?:\\w+ )?(?:neighbou?rs|friends|nodes)""",
        bare="degree",
        none="neighbou?rs? | edges? | connections? | links? | friends? | adjacent nodes?",
        also_none="""\\b(?:is|as) (?:an )?isolated\\b | \\bno nodes? (?:is|are) connected\\b
            (?:not|n't) (?:directly )?(?:connected|adjacent|linked) to any(?:thing|one|body)\\b
            (?:not|n't) (?:directly )?(?:connected|adjacent|linked) to any (?:other )?nodes?\\b
            \\b(?:connected|adjacent|linked|friends) (?:to|with) no (?:other )?nodes?\\b
            \\b(?:connected|adjacent|linked|friends) (?:to|with) (?:nothing|none|nobody|no one)\\b""",
    ),
    "triangle_counting": _quantity(
        unit="triangles? | (?:3|three)-cycles",
        noun="""(?:number|count|total(?: number)?) of (?:the )?(?:\\w+ )?triangles | triangle count
            total triangles | triangles""",
        none="triangles? | 3-cycles",
        also_none="""\\bno (?:set of |group of )?(?:three|3) \\w+\\b.{0,50}\\b(?:triangles?|all connected)
            \\bno (?:set of |group of )?(?:three|3) \\w+\\b.{0,50}\\b(?:mutual|pairwise) | \\btriangle-free\\b
            \\bnone of (?:the|these) .{0,40}triangles?\\b""",
        part="including | contain\\w* | involv\\w* | with | of | for | at | through | incident",
    ),
    "shortest_path": _quantity(
        unit="""edges? | hops? | steps? | links? | units? | moves? | jumps? | edge traversals?
            connections? | (?:\\w+ )?(?:long|away)""",
        noun="""(?:path )?length | distance | d\\( ?\\S+ ?, ?\\S+ ?\\) | number of (?:edges|hops|steps)
            shortest path""",
        bare="length | distance",
    ),
    "maximum_flow": _quantity(
        noun="""max(?:imum)?[-_ ](?:possible |total |achievable )?(?:capacity of the )?flow
            max(?:imum)? capacity | max(?:imum)? amount of flow | total flow | flow value
            value of the (?:max(?:imum)? )?flow | total capacity""",
        none="flow",
    ),
    "minimum_spanning_tree_weight": _quantity(
        noun="(?:total |minimum )?(?:weight|cost) | weight of the (?:minimum spanning tree|MST)",
        bare="MST weight",
    ),
    "weighted_shortest_path": _quantity(
        unit="(?:\\w+ )?(?:long|away)",
        noun="(?:path |total |minimum )?(?:length|weight|cost) | distance | shortest path",
        bare="length | distance | weight | cost",
    ),
    "diameter": _quantity(noun="diameter | (?:maximum|largest|greatest) eccentricity", bare="diameter"),
    "radius": _quantity(noun="radius | (?:minimum|smallest) eccentricity", bare="radius"),
    "maximum_matching_size": _quantity(
        unit="edges? | pairs",
        noun="(?:size|cardinality)[^.;\\d]{0,40} matching | matching size | maximum matching",
    ),
}
"""task -> how its count is stated, where that takes more words than the noun of its question."""

_HOW_MANY = case_insensitive(
    r"\bhow many (?P<unit>[\w -]+?) (?:are|is|do|does|have|has|can|in|of)\b"
    r"|\bwhat is the (?P<noun>[\w -]+?) (?:of|from|between|in)\b"
)
# How a plural ends, and a pattern for both numbers.
_PLURALS = (("ves", "(?:f|ves)"), ("ices", "(?:ex|ix|ices)"), ("ies", "(?:y|ies)"), ("s", "s?"))


def quantity_of(question: Question) -> Quantity:
    """How the count that a question asks for is stated: by its task, else by the noun of the question."""
    return QUANTITIES.get(question.task) or _of_noun(question.asks, not question.example.query)


@lru_cache(maxsize=64)
def _of_noun(asks: str, whole_graph: bool) -> Quantity:
    match = _HOW_MANY.search(asks)
    if match is None:
        return _quantity()
    phrase = match["unit"] or match["noun"]
    *before, last = phrase.split()
    before = "".join(f"(?:{word} )?" for word in before)
    if match["noun"]:
        return _quantity(noun=f"{before}{last}", bare=f"{before}{last}")
    one = next((last[: -len(end)] + form for end, form in _PLURALS if last.endswith(end)), last)
    initials = "".join(word[0] for word in phrase.split()) + "s?" if " " in phrase else _NEVER
    return _quantity(
        unit=f"{before}{one} | {initials}",
        noun=f"(?:number|count|total) of (?:the )?{before}{last} | {one} count | {last} | {initials}",
        none=one,
        part="of size | including | contain\\w* | with" if whole_graph else _NEVER,
    )


NO_PATH_WORDS = case_insensitive(
    r"\b"
    + either(
        """no (?:(?:valid|possible|shortest|such|available|existing) ){0,2}(?:paths?|routes?|way|connection)
        no (?:(?:connecting|directed|feasible|existing) ){0,2}(?:paths?|routes?)
        (?:paths?|route) (?:does not|doesn't|do not|don't) exist | does not exist | doesn't exist
        not (?:\\w+ ){0,3}(?:an?|any) (?:\\w+ )?path | without (?:a|any) path | unreachable
        not (?:be )?reach(?:able|ed) | (?:cannot|can't|can not|never) (?:be reached|reach|get)
        (?:impossible|not possible) to (?:get|reach|go|travel) | none exists? | nothing exists
        (?:not|dis|un)[ -]?connected | (?:different|separate|disconnected) (?:connected )?components?"""
    )
    + r"\b|n't (?:\w+ ){0,3}(?:an?|any) (?:\w+ )?path\b|n't (?:connected|reachable)\b"
)
INFINITE = case_insensitive(r"\binfinit(?:e|y)\b|\u221e|\binf\b")
DENIES = case_insensitive(
    r"\b(?:no(?:ne|t|thing|body)?|zero|never|without|isolated|empty|edgeless|impossible|cannot"
    r"|infinit(?:e|y)|inf|unreach(?:able|ed)"
    r"|components?)\b|n't|\w-free\b|can not|\b(?:dis|un)[ -]?connected|\u221e"
)
"""Words of which every statement that there is nothing has one."""
# "No shorter path", "no path with fewer edges": there is one.
NO_PATH_QUALIFIED = words(
    """shorter | direct(?:ly)? | fewer | less | other | better | alternative | longer | cheaper | quicker
    additional | more | one[- ]edge | two[- ]edge | of length | edges? | augmenting | remaining | further
    without(?! any path) | unless | avoid\\w*"""
)
NONE_QUALIFIED = words(
    """(?:no|any) (?:other|more|further|additional|direct|self|duplicate|such) (?!nodes?)\\w+
    (?:no|any) (?:multiple|parallel|common|new|extra|missing) (?!nodes?)\\w+"""
)

_BOUND = either(
    """at least | at most | more than | fewer than | less than | up to | no more than | no fewer than | over
    under | or more | or fewer | or less"""
)
_BOUNDED = case_insensitive(
    rf"\b(?:between|from)\s+{NUMBER}\s+(?:and|to)\s+{NUMBER}\s+(?:{ADJECTIVES}\s+)*{UNITS}\b"
    rf"|\b{_BOUND}\b|\beither\s+{NUMBER}\s+or\b"
)
_RANGE = case_insensitive(
    rf"{_NUMBER_AHEAD}(?:(?<!nodes )(?<!node )(?<!to ){NUMBER}(?:\s+{UNITS})?,?\s+or\s+(?:maybe |perhaps "
    rf"|possibly )?{NUMBER}"
    rf"|{NUMBER}\s*(?:-|to)\s*{NUMBER}\s+(?:{ADJECTIVES}\s+)*{UNITS}\b)",
    needs=("or", "to", "-"),
)


def gives_range(masked: str) -> bool:
    """Whether a sentence gives bounds or alternatives, no one number; node ids are masked.

    >>> gives_range("There are 3 or 4 edges."), gives_range("There are at least 3 edges.")
    (True, True)
    """
    return _BOUNDED.search(masked) is not None or _RANGE.search(masked) is not None


_IDS = rf"(?:{DIGITS})(?:\s*(?:,\s*and|,|and|or|&|->|-|to)\s*(?:nodes?\s+)?(?:{DIGITS}))*"
_COUNTED_NEXT = rf"(?!\s+(?:{ADJECTIVES}\s+)*{UNITS}\b)"
_NUMBERED = either(
    """nodes? | vertex | vertices | ids? | steps? | example | part | case | edge | component | group
    community | level | layer | round | iteration | option"""
)
_MASKS = [
    # tuples and lists in brackets
    case_insensitive(
        r"\([^()\n]*,[^()\n]*\)|\[[^\[\]\n]*,[^\[\]\n]*\]|\{[^{}\n:]*,[^{}\n:]*\}", needs=(",",)
    ),
    # node 3, nodes 1 and 2, step 4
    case_insensitive(rf"\b{_NUMBERED}\s+#?{_IDS}"),
    # 0 -> 1 -> 2, 0-1-2
    case_insensitive(r"\d+(?:\s*->\s*\d+)+|(?<![\w.])\d+(?:\s?-\s?\d+){2,}(?!\w)", needs=("-",)),
    # connected to 1, 3 and 4; from 0 to 5
    case_insensitive(
        rf"\b(?:(?:connected|adjacent|linked|joined|attached|next|edges?|links?|connections?"
        rf"|neighbou?rs?)\s+(?:directly\s+)?(?:to|with|of)"
        rf"|from|between|through|via|including|namely|visit(?:s|ed"
        rf"|ing)?)\s+(?:nodes?\s+)?{_IDS}{_COUNTED_NEXT}"
    ),
    # deg(2), degree of 2 is
    case_insensitive(
        rf"\b(?:degree|deg|distance|d|N|C)\s*\(\s*(?:{DIGITS})[^()]{{0,12}}\)|\b(?:degree|neighbou?rs?"
        rf"|flow)\s+(?:of|for)\s+(?:{DIGITS})(?=\s*(?:(?:is|are|equals|has|in)\b|[=:,]))"
    ),
    # 1, 3 and 4; 1 and 3 (but not the terms of a sum)
    case_insensitive(
        rf"{_DIGIT_AHEAD}(?<![=+*/x\-]\s)(?<![=+*/x\-])(?:{DIGITS})(?:(?:\s*,\s+"
        rf"|,(?!\d{{3}}(?!\d)))(?:and\s+)?(?:{DIGITS}))+(?:,?\s+and\s+(?:{DIGITS}))?"
        rf"(?!\s*[+*/x=]){_COUNTED_NEXT}",
        needs=(",",),
    ),
    case_insensitive(
        rf"{_DIGIT_AHEAD}(?<![=+*/x\-]\s)(?:{DIGITS})\s+(?:and"
        rf"|&)\s+(?:{DIGITS})(?!\s*[+*/x=]){_COUNTED_NEXT}",
        needs=("and", "&"),
    ),
    # 3rd, K4, 2-coloured
    case_insensitive(r"\b\d+(?:st|nd|rd|th)\b|\b[A-Za-z]\d+\b|\b\d+-(?=[a-z])"),
    # back to 0; 2 has, 2 is
    case_insensitive(
        r"(?<!equal )(?<!comes )(?<!amounts )(?<!up )(?<!sums )\b(?:to|with|at|by|reach(?:es"
        rf"|ed)?)\s+(?:{DIGITS})(?=\s*(?:[,.;)]|$|(?:is|and|are|in|has|with|via|by)\b))",
        needs=("to", "with", "at", "by", "reach"),
    ),
    case_insensitive(
        rf"{_DIGIT_AHEAD}(?:^|(?<=[,;:(]\s)|(?<=\bthat\s)|(?<=\band\s)"
        rf"|(?<=\bso\s))(?:{DIGITS})(?=\s+(?:is|are|has|have|can"
        r"|connects?|does)\b)"
    ),
]
MASKED = "\u00b7"
_DIGIT = re.compile(r"\d")


def mask(sentence: str) -> str:
    """The sentence with the digits of node ids blanked, every other character at its place.

    >>> mask("Node 2 is connected to 0, 1 and 3, so its degree is 3.")
    'Node · is connected to ·, · and ·, so its degree is 3.'
    """
    if not any(map(str.isdigit, sentence)):
        return sentence
    for pattern in _MASKS:
        for match in pattern.finditer(sentence):
            start, end = match.span()
            sentence = sentence[:start] + _DIGIT.sub(MASKED, sentence[start:end]) + sentence[end:]
    return sentence
