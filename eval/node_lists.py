"""Runs of node names in a text: `0, 1 and 3`, bullets, arrows, brackets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

from eval.anycase import anycase
from eval.asked import Asked
from eval.prose import either, word_set


@dataclass(frozen=True, slots=True)
class Run:
    """Names that follow one another with nothing but separators between them.

    names: in order; some may be invented (a number or a capitalised word in a list that is no node of the graph).
    doubt: whether something like `...` stands between them; either: whether `or` does. arrows: whether arrows do, or hyphens.
    """

    names: tuple[str, ...]
    start: int
    end: int
    doubt: bool
    either: bool
    arrows: bool


_SEPARATOR = anycase(r"(?:[\s,;&\"'()\[\]{}+|-]|->|\b(?:and|then|nodes?|vertex|vertices|also|finally)\b)*")
_DOUBT = anycase(
    r"(?:[\s,;()\"'-]|\b(?:and|nodes?)\b)*(?:\b(?:possibly|maybe|perhaps|probably|to|through)\b|\.\.\."
    r"|\u2026)(?:[\s,;()\"'/-]|\b(?:and|nodes?|even)\b)*"
)
_OR = anycase(r"(?:[\s,;()\"'-]|\bnodes?\b)*\bor\b(?:[\s,;()\"'-]|\bnodes?\b)*")
DOUBT_AFTER = anycase(
    r"[\s,;)\"'\]}-]*(?:\.\.|\u2026|(?:and\s+)?"
    + either("etc | and so on | so on | possibly | maybe | perhaps | others? | some | more | or | among others")
    + r"\b)"
)
_ARROW = re.compile(r"->|^\s*-\s*$")
_LIST_WORDS = frozenset(["and", "then", "node", "nodes", "vertex", "vertices", "also", "finally"])
# Words that open sentences in capitals; any other capitalised word in a list of names is an invented name.
_CAPITALISED = word_set(
    "The There This That These Those It They He She We I You A An In On Of To For From With By Let First "
    "Next Then So Thus Therefore Hence Because Since As "
    "If Is Are No None Not Yes And But Or Node Nodes All Both Each Every Finally Here However Also Final "
    "Answer Step List Based Looking Given Now Edge Edges "
    "Graph G Note Wait Actually Explanation Reason Path Order Starting Start Visited Only Hamiltonian "
    "Topological Kahn BFS DFS Q Example Alphabetical Sorted "
    "Neighbors Neighbours Sorry Unfortunately Remove Removing According One Two Three Connected "
    "Disconnected Nobody Nothing Neither Either Unknown Empty Error"
)


def runs(text: str, asked: Asked, prose: bool = True) -> Iterator[Run]:
    """The runs of names in a text, in order.

    prose: whether words that are also names need to stand like names, and runs without any node of the graph are left out.
    """
    names: list[str] = []
    start = end = 0
    doubt = other = arrows = False
    for at, stop, name in chain(_items(text, asked, prose), [(-1, -1, "")]):
        gap = text[end:at] if at >= 0 else ""
        joined = bool(names) and at >= 0 and len(gap) < 60
        if joined and (_SEPARATOR.fullmatch(gap) or _DOUBT.fullmatch(gap) or _OR.fullmatch(gap)):
            doubt = doubt or _DOUBT.fullmatch(gap) is not None
            other = other or _OR.fullmatch(gap) is not None
            arrows = arrows or _ARROW.search(gap) is not None
        else:
            if names and (not prose or asked.known & set(names)):
                yield Run(tuple(names), start, end, doubt, other, arrows)
            names, start, doubt, other, arrows = [], at, False, False, False
        names.append(name)
        end = stop


def _items(text: str, asked: Asked, prose: bool) -> Iterator[tuple[int, int, str]]:
    """Tokens that are names, or that would be names if the graph had them."""
    for m in asked.tokens(text):
        token = m[0]
        name = asked.name(token, listed=not prose)
        if name is None:
            if token.lower() in _LIST_WORDS or (token in _CAPITALISED and (prose or len(token) > 1)):
                continue
            if not token.isdigit() and (asked.numeric or not (token[0].isupper() or (not prose and _between_separators(text, m)))):
                continue
        elif prose and not asked.is_name(text, m.start(), m.end(), name):
            continue
        yield m.start(), m.end(), name or token


_SMALL_PROSE = frozenset(word.lower() for word in _CAPITALISED) | {"there", "be", "possible", "isolated", "available", "it"}
_BEFORE_ITEM = anycase(r"(?:^|[,;\n\[(\"'])\s*(?:and\s+)?[\"']?$")
_AFTER_ITEM = anycase(r"[\"']?\s*(?:[,;\n\])]|\.?\s*$|(?:and|&)\s)")


def _between_separators(text: str, token: re.Match[str]) -> bool:
    """Whether a word in small letters stands in a list as a name would: `ann, bob, joe`."""
    if token[0].lower() in _SMALL_PROSE or not token[0].isalpha():
        return False
    return bool(_BEFORE_ITEM.search(text, max(0, token.start() - 8), token.start()) and _AFTER_ITEM.match(text, token.end()))


_BULLET = re.compile(r"^[ \t]*(?:-[ \t]+|(\d+)[.)][ \t]+)(?=\S)")


_LONE = anycase(r"^[ \t]*(?:nodes? )?[^\s:]+[,.]?[ \t]*$")


def join_bullets(text: str) -> str:
    """Bulleted and numbered lists as comma lists on one line, list numbers dropped.

    >>> join_bullets("The nodes are:\\n1. Ann\\n2. Joe\\nThat is all.")
    'The nodes are: Ann, Joe\\nThat is all.'
    """
    if "\n" not in text and not _BULLET.match(text):
        return text
    lines = text.split("\n")
    bullets = [_BULLET.match(line) for line in lines]
    numbers = [int(bullet[1]) for bullet in bullets if bullet and bullet[1]]
    numbered = len(numbers) > 1 and numbers[0] <= 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    out: list[str] = []
    in_list = False
    for line, bullet in zip(lines, bullets, strict=True):
        opened = bool(out) and out[-1].rstrip().endswith(":")
        if (bullet and (not bullet[1] or numbered)) or ((in_list or opened) and not bullet and _LONE.match(line)):
            item = line[bullet.end() if bullet else 0 :].strip()
            if in_list or not out or opened:
                out[-1:] = [f"{out[-1].rstrip()}{',' if in_list else ''} {item}" if out else item]
            else:
                out.append(item)
            in_list = True
        elif line.strip() or not (in_list or opened):
            out.append(line)
            in_list = False
    return "\n".join(out)
