"""Runs of node names in a text: `0, 1 and 3`, bullets, arrows, brackets."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from eval.answers.case_insensitive import case_insensitive
from eval.answers.prose import either, word_set
from eval.answers.question import Question


@dataclass(frozen=True, slots=True)
class Run:
    """Names that follow one another with nothing but separators between them.

    names: in order; some may be invented (a number or a capitalised word in a list that is no node of the
        graph).
    doubt: whether something like `...` stands between them; either: whether `or` does. arrows: whether arrows
        do, or hyphens.
    """

    names: tuple[str, ...]
    start: int
    end: int
    doubt: bool
    either: bool
    arrows: bool


# How the steps of a path are told: "start at 0, then go to 3".
_STEP = (
    r"(?:start|begin|visit|go|move|continue|proceed|travel|walk|head|step|end|finish|arrive|reach|take|add)"
    r"(?: on| back| next)?(?: at| to| with| from| in)?"
)
_SEPARATOR = case_insensitive(
    r"(?:[\s,;&\"'()\[\]{}+|-]|->|\b(?:and|then|next|nodes?|vertex|vertices|also|finally)\b(?: to\b)?"
    rf"|\b{_STEP}\b)*"
)
_DOUBT = case_insensitive(
    r"(?:[\s,;()\"'-]|\b(?:and|nodes?)\b)*(?:\b(?:possibly|maybe|perhaps|probably|to|through)\b|\.\.\."
    r"|\u2026)(?:[\s,;()\"'/-]|\b(?:and|nodes?|even)\b)*"
)
_OR = case_insensitive(r"(?:[\s,;()\"'-]|\bnodes?\b)*\bor\b(?:[\s,;()\"'-]|\bnodes?\b)*")
DOUBT_AFTER = case_insensitive(
    r"[\s,;)\"'\]}-]*(?:\.\.|\u2026|(?:and\s+)?"
    + either(
        "etc | and so on | so on | possibly | maybe | perhaps | others? | some | more | or | among others"
    )
    + r"\b)"
)
_ARROW = re.compile(r"->|^\s*-\s*$")


class _Gap(NamedTuple):
    """What joins two names of a run, see Run."""

    doubt: bool
    either: bool
    arrow: bool


@lru_cache(maxsize=1024)  # most are a comma
def _gap(text: str) -> _Gap | None:
    gap = _Gap(
        _DOUBT.fullmatch(text) is not None, _OR.fullmatch(text) is not None, _ARROW.search(text) is not None
    )
    return gap if gap.doubt or gap.either or _SEPARATOR.fullmatch(text) else None


_LIST_WORDS = frozenset(["and", "then", "node", "nodes", "vertex", "vertices", "also", "finally"])
# Words that open sentences in capitals; any other capitalised word in a list of names is an invented name.
_CAPITALISED = word_set(
    """The There This That These Those It They He She We I You A An In On Of To For From With By Let First
    Next Then So Thus Therefore Hence Because Since As If Is Are No None Not Yes And But Or Node Nodes All
    Both Each Every Finally Here However Also Final Answer Step List Based Looking Given Now Edge Edges Graph
    G Note Wait Actually Explanation Reason Path Order Starting Start Visited Only Hamiltonian Topological
    Kahn BFS DFS Q Example Alphabetical Sorted Neighbors Neighbours Sorry Unfortunately Remove Removing
    According Go Move Visit Continue Proceed Travel End Begin Put Take Add Reach
    One Two Three Connected Disconnected Nobody Nothing Neither Either Unknown Empty Error"""
)


def run_at(text: str, at: int, question: Question) -> Run | None:
    """The bare list that begins at an index."""
    first = question.token(text, at)
    return (
        next(_runs(text, question, False, at))
        if first and _item(text, first, question, prose=False)
        else None
    )


def runs(text: str, question: Question) -> Iterator[Run]:
    """The runs of names in prose, in order; each names a node of the graph at least."""
    return (run for run in _runs(text, question, True) if question.known & set(run.names))


def _runs(text: str, question: Question, prose: bool, at: int = 0) -> Iterator[Run]:
    """All runs from an index on. prose: whether words that are also names need to stand like names."""
    names: list[str] = []
    start = end = 0
    doubt = other = arrows = False
    for token in question.tokens(text, at):
        name = _item(text, token, question, prose)
        if name is None:
            continue
        gap = _gap(text[end : token.start()]) if names and token.start() - end < 60 else None
        if gap and not (arrows and not gap.arrow and "\n" in text[end : token.start()]):
            doubt, other, arrows = doubt or gap.doubt, other or gap.either, arrows or gap.arrow
        else:
            if names:
                yield Run(tuple(names), start, end, doubt, other, arrows)
            names, start, doubt, other, arrows = [], token.start(), False, False, False
        names.append(name)
        end = token.end()
    if names:
        yield Run(tuple(names), start, end, doubt, other, arrows)


def _item(text: str, match: re.Match[str], question: Question, prose: bool) -> str | None:
    """The name that a token is, or would be if the graph had it."""
    token = match[0]
    if question.numeric and not token.isdigit():
        return None
    if name := question.name(token, listed=not prose):
        return name if not prose or question.is_name(text, match.start(), match.end(), name) else None
    if token.isdigit():
        return token
    if token.lower() in _LIST_WORDS or (token in _CAPITALISED and (prose or len(token) > 1)):
        return None
    return token if token[0].isupper() or (not prose and _between_separators(text, match)) else None


_SMALL_PROSE = word_set(" ".join(_CAPITALISED).lower() + " there be possible isolated available it")
_BEFORE_ITEM = case_insensitive(r"(?:^|[,;\n\[(\"'])\s*(?:and\s+)?[\"']?$")
_AFTER_ITEM = case_insensitive(r"[\"']?\s*(?:[,;\n\])]|\.?\s*$|(?:and|&)\s)")


def _between_separators(text: str, token: re.Match[str]) -> bool:
    """Whether a word in small letters stands in a list as a name would: `ann, bob, joe`."""
    if token[0].lower() in _SMALL_PROSE or not token[0].isalpha():
        return False
    return bool(
        _BEFORE_ITEM.search(text, max(0, token.start() - 8), token.start())
        and _AFTER_ITEM.match(text, token.end())
    )


_BULLET = re.compile(r"^[ \t]*(?:-[ \t]+|(?:[Ss]tep )?(\d+)[.)][ \t]+|[Ss]tep (\d+):[ \t]+)(?=\S)")
_STEP_ITEM = case_insensitive(rf"(?:(?:first|then|next|finally),? )?{_STEP} (?:the )?(?:nodes? )?(?=\S+$)")
_LIST_LINE = re.compile(r"[ \t]*[^\s:,]+(?:(?:,\s*(?:and )?|\s*->\s*|\s+and\s+)[^\s:,]+)+[.]?[ \t]*$")


_LONE = case_insensitive(r"^[ \t]*(?:nodes? )?[^\s:]+[,.]?[ \t]*$")


@lru_cache(maxsize=8)  # a text is read at its start, and again for what its sentences state
def join_bullets(text: str) -> str:
    """Bulleted and numbered lists as comma lists on one line, list numbers dropped.

    >>> join_bullets("The nodes are:\\n1. Ann\\n2. Joe\\nThat is all.")
    'The nodes are: Ann, Joe\\nThat is all.'
    """
    if "\n" not in text and not _BULLET.match(text):
        return text
    lines = text.split("\n")
    bullets = [_BULLET.match(line) for line in lines]
    numbers = [int(bullet[1] or bullet[2]) for bullet in bullets if bullet and (bullet[1] or bullet[2])]
    numbered = (
        len(numbers) > 1 and numbers[0] <= 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    )
    out: list[list[str]] = []  # the lines, each as the parts that are joined to it
    in_list = False
    for line, bullet in zip(lines, bullets, strict=True):
        opened = bool(out) and out[-1][-1].rstrip().endswith(":")
        if opened and not bullet and not in_list and _LIST_LINE.match(line):
            out[-1].append(f" {line.strip()}")
        elif (bullet and (not (bullet[1] or bullet[2]) or numbered)) or (
            (in_list or opened) and not bullet and _LONE.match(line)
        ):
            item = line[bullet.end() if bullet else 0 :].strip()
            if item.count(" ") < 6:
                item = _STEP_ITEM.sub("", item).removesuffix(".")
            if out and (in_list or opened):
                out[-1][-1] = out[-1][-1].rstrip()
                out[-1].append(f"{',' if in_list else ''} {item}")
            else:
                out.append([item])
            in_list = True
        elif line.strip() or not (in_list or opened):
            out.append([line])
            in_list = False
    return "\n".join(map("".join, out))
