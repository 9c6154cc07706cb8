"""Regular expressions in any case, fast.

`re.IGNORECASE` tries every alternative at every place; without it, `re` rejects most of them by their first
letter. So patterns are made small and look at the text in small letters, letter for letter.
"""

import re
from collections.abc import Iterator
from sys import maxsize

_CAPITALS = re.compile(r"\\.|\(\?P<|[A-Z]")
_last = ("", "")  # a sentence is looked at by many patterns in turn


def lower_case(text: str) -> str:
    """The text in small letters, letter for letter."""
    global _last
    known, low = _last
    if text is not known:
        low = text.lower()
        if len(low) != len(text):  # the Turkish capital I with a dot becomes two
            low = "".join(letter.lower()[0] for letter in text)
        _last = (text, low)
    return low


class CaseInsensitive:
    """A compiled pattern without case. As `re.Pattern`, but what a match holds is in small letters; its
    places are those of the text.

    >>> match = case_insensitive("no (edge|path)").search("So there is NO Path.")
    >>> match.span(), match[1]
    ((12, 19), 'path')
    """

    __slots__ = ("_re", "needs", "pattern")

    def __init__(self, pattern: str, needs: tuple[str, ...] = ()) -> None:
        self.pattern, self.needs = pattern, needs
        self._re = re.compile(
            _CAPITALS.sub(lambda match: match[0] if len(match[0]) > 1 else match[0].lower(), pattern)
        )

    def search(self, text: str, start: int = 0, end: int = maxsize) -> re.Match[str] | None:
        low = _last[1] if text is _last[0] else lower_case(text)  # without a call where it is known
        return None if self.needs and self._cannot_match(low) else self._re.search(low, start, end)

    def match(self, text: str, start: int = 0, end: int = maxsize) -> re.Match[str] | None:
        return self._re.match(_last[1] if text is _last[0] else lower_case(text), start, end)

    def fullmatch(self, text: str) -> re.Match[str] | None:
        return self._re.fullmatch(lower_case(text))

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        low = lower_case(text)
        return iter(()) if self.needs and self._cannot_match(low) else self._re.finditer(low)

    def _cannot_match(self, low: str) -> bool:
        return not any(map(low.__contains__, self.needs))

    def count(self, text: str) -> int:
        """How many matches there are."""
        return sum(1 for _ in self.finditer(text))

    def sub(self, new: str, text: str, count: int = 0) -> str:
        """The text, in its own case, with the matches replaced."""
        parts, at = [], 0
        for i, match in enumerate(self.finditer(text)):
            if count and i == count:
                break
            parts += [text[at : match.start()], new]
            at = match.end()
        return "".join([*parts, text[at:]]) if parts else text

    def split(self, text: str, maxsplit: int = 0) -> list[str]:
        """The text, in its own case, between the matches; without the groups of the pattern."""
        parts, at = [], 0
        for i, match in enumerate(self.finditer(text)):
            if maxsplit and i == maxsplit:
                break
            parts.append(text[at : match.start()])
            at = match.end()
        return [*parts, text[at:]]


def case_insensitive(pattern: str, needs: tuple[str, ...] = ()) -> CaseInsensitive:
    """A pattern that matches in any case.

    needs: strings in small letters of which every match holds one; a text without any is not searched, which
        is many times faster.
    """
    return CaseInsensitive(pattern, needs)
