"""What was asked: the names, the nodes in question and the classes, read from an Example no sooner than they
are needed.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

from data_builders.example import Example
from eval.answers.case_insensitive import anycase
from eval.answers.prose import word_set

# Names that are also words: they are names only where they stand like one, and in this case only.
_WORDS = word_set(
    "a i will mark may bill rose grace hope joy faith art sue pat frank grant chase drew ray dean miles "
    "cat june april august summer dawn ivy jean "
    "earl guy gene jack rob max an am as at be by do he if in is it me my no of on or so to up us we al "
    "ben stark snow young long short king white "
    "black brown green maester jimmy pete ike stan and not the from there this that node all any woman man old count champion"
)
_TOKEN = re.compile(r"\w+(?:'(?=\w)(?!s\b)\w+)?")
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w|\.\d)")
_NAME_BEFORE = anycase(
    r"(?:^|[,(\[{\"/&:-]|->|- |\b(?:nodes?|to|and|from|between|with|or|via|through|include|are|is))\s*$"
)
_NAME_AFTER = re.compile(
    r"\s*(?:$|[.,;:()\[\]{}\"'/&\n]|->|-|\+|(?:and|is|to|has|are|or|likes?|connects?|links?|isn't|does|was"
    r"|were|both|becomes?|knows?|can)\b)"
)
_STOPS = str.maketrans(".!?;:,", "\ue000\ue001\ue002\ue003\ue004\ue005")
_BACK = str.maketrans("\ue000\ue001\ue002\ue003\ue004\ue005", ".!?;:,")


class Names:
    """The names of a graph's nodes, and what else its record says. Names that hold full stops are shielded,
    see `Asked.shield`.

    folded: lower-case form -> name, for names that no other name shares it with. odd: names that are no plain
        word, longest first.
    """

    def __init__(self, graph: str) -> None:
        record: dict[str, Any] = json.loads(graph)
        self.directed = bool(record["directed"])
        self.classes = [str(c).lower() for c in record.get("classes", ())]
        self.names = [str(name).translate(_STOPS) for name in record["nodes"]]
        self.ids = {name: i for i, name in enumerate(self.names)}
        self.known = frozenset(self.names)
        self.numeric = all(name.isdigit() for name in self.names)
        seen: dict[str, str] = {}
        for name in self.names:
            seen[name.lower()] = "" if name.lower() in seen else name
        self.folded = {low: name for low, name in seen.items() if name}
        self.odd = tuple(
            sorted((name for name in self.names if not _TOKEN.fullmatch(name)), key=len, reverse=True)
        )


_names = lru_cache(maxsize=2048)(Names)  # one graph is asked about by many tasks and answered by many runs


class Asked:
    """The question behind an example. Names that hold full stops are shielded, here and in the text, see
    `shield`.
    """

    def __init__(self, example: Example) -> None:
        self.example = example
        self.task = example.task
        self.kind = example.answer_kind
        self._read: Names | None = None
        self._query: list[str] | None = None

    # not functools.cached_property: until Python 3.12 that takes a lock each time, a tenth of what a short
    # answer costs
    @property
    def _graph(self) -> Names:
        if self._read is None:
            self._read = _names(self.example.graph)
        return self._read

    @property
    def names(self) -> list[str]:
        return self._graph.names

    @property
    def ids(self) -> dict[str, int]:
        return self._graph.ids

    @property
    def query(self) -> list[str]:
        """Names of the nodes that the question names."""
        if self._query is None:
            self._query = [self.names[i] for i in self.example.query]
        return self._query

    @property
    def directed(self) -> bool:
        return self._graph.directed

    @cached_property
    def classes(self) -> list[str]:
        """The classes on offer, in lower case, from the graph record or else from the question's last
        line.
        """
        if self._graph.classes:
            return self._graph.classes
        found = re.search(r"like (\w+) or (\w+)\?\s*(?:A:)?\s*$", self.example.question.rstrip())
        return [c.lower() for c in found.groups()] if found else []

    @property
    def numeric(self) -> bool:
        """Whether the nodes are called by numbers."""
        return self._graph.numeric

    @property
    def known(self) -> frozenset[str]:
        return self._graph.known

    def shield(self, text: str) -> str:
        """The text with the punctuation inside of node names replaced, so that `Mme. Burgon` ends no
        sentence.
        """
        for name in self._graph.odd:
            plain = name.translate(_BACK)
            if plain != name:
                text = re.sub(
                    rf"(?<!\w){re.escape(plain)}(?!\w)",
                    lambda found: found[0].translate(_STOPS),
                    text,
                    flags=re.IGNORECASE,
                )
        return text

    def recase(self, text: str) -> str:
        """A text in capitals in small letters, names as the graph spells them."""
        return _TOKEN.sub(
            lambda found: (
                self.name(found[0], listed=True) or (found[0].lower() if len(found[0]) > 1 else found[0])
            ),
            text,
        )

    def tokens(self, text: str, at: int = 0) -> Iterator[re.Match[str]]:
        """Words and names of a text from an index on; a name that is no plain word is one token."""
        return self._token.finditer(text, at)

    def token(self, text: str, at: int) -> re.Match[str] | None:
        """The word or name that begins at an index."""
        return self._token.match(text, at)

    @property
    def _token(self) -> re.Pattern[str]:
        return _tokens(self._graph.odd) if self._graph.odd else _TOKEN

    def name(self, token: str, listed: bool = False) -> str | None:
        """The node called `token`. Case matters for names that are also words, unless the token stands in a
        bare list.
        """
        if token in self.known:
            return token
        name = self._graph.folded.get(token.lower())
        return name if name and (listed or name.lower() not in _WORDS) else None

    def is_name(self, text: str, start: int, end: int, name: str) -> bool:
        """Whether a name in running text is one: Will, Mark, A and I are only if what is before or after says
        so.
        """
        if name.lower() not in _WORDS:
            return True
        return bool(_NAME_AFTER.match(text, end) or _NAME_BEFORE.search(text, max(0, start - 12), start))

    def mentioned(self, text: str) -> list[str]:
        """Names of nodes in running text, in order."""
        if self.numeric:
            return [m[0] for m in _NUMBER.finditer(text) if m[0] in self.known]
        found = ((m, self.name(m[0])) for m in self.tokens(text))
        return [name for m, name in found if name and self.is_name(text, m.start(), m.end(), name)]


def unshield(text: str) -> str:
    return text.translate(_BACK)


@lru_cache(maxsize=256)
def _tokens(odd: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile(
        "|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in odd) + "|" + _TOKEN.pattern, re.IGNORECASE
    )
