"""The question: its names, its nodes and its classes, read from an Example no sooner than they
are needed.
"""

import json
import re
from collections.abc import Iterator
from functools import cached_property, lru_cache
from typing import Any

from data_builders.example import Example
from data_builders.tasks import TASKS, Query
from eval.answers.case_insensitive import case_insensitive
from eval.answers.final_answer import normalize_characters
from eval.answers.prose import word_set

# Words of the language itself: a node that is called so is named only where a name may stand.
_FUNCTION_WORDS = word_set(
    """a i will may an am as at be by do he if in is it me my no of on or so to up us we and not the from
    there this that node all any"""
)
_SENTENCE_START = re.compile(r"(?:^|[.!?:\n])[\s\"'(]*$")
_TOKEN = re.compile(r"\w+(?:'(?=\w)(?!s\b)\w+)?")
_NUMBER = re.compile(r"(?<![\w.])\d+(?!\w|\.\d)")
_NAME_BEFORE = case_insensitive(
    r"(?:^|[,(\[{\"/&:-]|->|- |\b(?:nodes?|to|and|from|between|with|or|via|through|include|are|is))\s*$"
)
_NAME_AFTER = re.compile(
    r"\s*(?:$|[.,;:()\[\]{}\"'/&\n]|->|-|\+|(?:and|is|to|has|are|or|likes?|connects?|links?|isn't|does|was"
    r"|were|both|becomes?|knows?|can)\b)"
)
_PLAIN = re.compile(r"[^\W_](?:\w*[^\W_])?(?:'(?!s\b)[^\W_]+)?", re.ASCII)
_NUMBER_LIKE = re.compile(r"[-+]?\d[\d.,]*")
# A name that is no plain word is read as one letter of the Tangut script, or two in a large graph: a letter
# has no case, is part of no other word, and no layout or punctuation touches it.
_FIRST, _LETTERS = 0x17000, 6000
_STAND_INS = re.compile(f"[{chr(_FIRST)}-{chr(_FIRST + _LETTERS)}]+")


def _stand_in(i: int) -> str:
    high, low = divmod(i, _LETTERS)
    return (chr(_FIRST + high - 1) if high else "") + chr(_FIRST + low)


class Names:
    """The names of a graph's nodes, and what else its record says.

    names: as the readers see them: a name that is no plain word (`Smith, Al`, `#ml`, `T. S. Eliot`) by its
        stand-in, see `replace_names`. folded: lower-case form -> name, for names that no other name shares it
        with. spellings: stand-in -> name.
    """

    def __init__(self, graph: str) -> None:
        record: dict[str, Any] = json.loads(graph)
        self.directed = bool(record["directed"])
        self.classes = [str(c).lower() for c in record.get("classes", ())]
        own = [str(name) for name in record["nodes"]]
        self.spellings = {_stand_in(i): name for i, name in enumerate(own) if not _PLAIN.fullmatch(name)}
        self.names = [_stand_in(i) if _stand_in(i) in self.spellings else name for i, name in enumerate(own)]
        self.ids = {name: i for i, name in enumerate(self.names)}
        self.known = frozenset(self.names)
        self.numeric = all(name.isdecimal() for name in self.names)
        by_lower_case: dict[str, str] = {}
        for name in self.names:
            by_lower_case[name.lower()] = "" if name.lower() in by_lower_case else name
        self.folded = {low: name for low, name in by_lower_case.items() if name}

    @cached_property
    def units(self) -> tuple["Units", "Units"]:
        """The names that are no plain words, as they are and as `normalize_characters` leaves them."""
        raw = {name: letter for letter, name in self.spellings.items() if name not in _LAYOUT}
        normal: dict[str, str] = {}
        for name, letter in raw.items():
            normal.setdefault(normalize_characters(name).strip(), letter)
        normal.pop("", None)
        return Units(raw), Units(normal)

    def replace_names(self, text: str, numbers: bool) -> str:
        """A text with every name that is no plain word replaced by its stand-in, the longest first.

        A text and the names go through the same normalisation. numbers: whether a name that looks like a
        number (1.5, -1) is one too; where a number is asked for, it is not.
        """
        if not self.spellings:
            return text
        text = _STAND_INS.sub("\ufffd", text)
        raw, normal = self.units
        text = raw.replace(text, numbers)
        if not text.isascii() or normal.letters != raw.letters:
            text = normal.replace(normalize_characters(text), numbers)
        return text


# These stay what they are: a node that is called so is known by the stored text alone.
_LAYOUT = frozenset([*"*-+#>|.,:;()[]{}'\"`=/_!?&~$ ", "<think>", "</think>"])


class Units:
    """Names that are matched as a whole, in any case where their own is not there."""

    def __init__(self, letters: dict[str, str]) -> None:
        self.letters = letters
        self._folded = {name.lower(): letter for name, letter in letters.items()}
        self._all = self._pattern(list(letters))
        self._no_numbers = self._pattern([name for name in letters if not _NUMBER_LIKE.fullmatch(name)])

    @staticmethod
    def _pattern(names: list[str]) -> re.Pattern[str] | None:
        longest_first = sorted(names, key=len, reverse=True)
        forms = (rf"(?<![^\W_]){''.join(map(_letter_form, name))}(?![^\W_])" for name in longest_first)
        return re.compile("|".join(forms), re.IGNORECASE) if names else None

    def replace(self, text: str, numbers: bool) -> str:
        pattern = self._all if numbers else self._no_numbers
        return pattern.sub(self._letter, text) if pattern else text

    def _letter(self, match: re.Match[str]) -> str:
        name = match[0]
        for form in (name, name.replace("\\", ""), " ".join(name.replace("\\", "").split())):
            if letter := self.letters.get(form) or self._folded.get(form.lower()):
                return letter
        return name


def _letter_form(letter: str) -> str:
    """A letter of a name; a blank may be any, and Markdown may have put a backslash before a sign."""
    return r"\s+" if letter.isspace() else letter if letter.isalnum() else rf"\\?{re.escape(letter)}"


_names = lru_cache(maxsize=2048)(Names)  # one graph is asked about by many tasks and answered by many runs


class Question:
    """The question behind an example. Names that are no plain words have stand-ins, here and in the text, see
    `replace_names`.
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

    @cached_property
    def asks(self) -> str:
        """The question itself, without the graph: that of the example, or else its task's wording."""
        text = self.example.question[self.example.question.rfind("Q:") :]
        if not text and self.task in TASKS and self.kind != "label":
            text = TASKS[self.task].ask(self.names, Query(tuple(self.example.query)))
        return text.removeprefix("Q:").rpartition("\n")[0].strip() or text.strip()

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
        match = re.search(r"like (\w+) or (\w+)\?\s*(?:A:)?\s*$", self.example.question.rstrip())
        return [c.lower() for c in match.groups()] if match else []

    @property
    def numeric(self) -> bool:
        """Whether the nodes are called by numbers."""
        return self._graph.numeric

    @property
    def known(self) -> frozenset[str]:
        return self._graph.known

    def replace_names(self, text: str) -> str:
        """A text as the readers take it, see `Names.replace_names`."""
        return self._graph.replace_names(text, self.kind not in ("integer", "distance"))

    def restore_names(self, text: str) -> str:
        """A text with the names as the graph spells them."""
        spellings = self._graph.spellings
        return _STAND_INS.sub(lambda match: spellings.get(match[0], match[0]), text) if spellings else text

    def restore_case(self, text: str) -> str:
        """A text in capitals in small letters, names as the graph spells them."""
        return _TOKEN.sub(
            lambda match: (
                self.name(match[0], listed=True) or (match[0].lower() if len(match[0]) > 1 else match[0])
            ),
            text,
        )

    def tokens(self, text: str, at: int = 0) -> Iterator[re.Match[str]]:
        """Words and names of a text from an index on."""
        return _TOKEN.finditer(text, at)

    def token(self, text: str, at: int) -> re.Match[str] | None:
        """The word or name that begins at an index."""
        return _TOKEN.match(text, at)

    def name(self, token: str, listed: bool = False) -> str | None:
        """The node called `token`, in any case. A function word names a node in its own case only, unless the
        token stands in a bare list.
        """
        if token in self.known:
            return token
        name = self._graph.folded.get(token.lower())
        return name if name and (listed or name.lower() not in _FUNCTION_WORDS) else None

    def is_name(self, text: str, start: int, end: int, name: str) -> bool:
        """Whether a name in running text is one.

        A name that is spelled as in the graph is, within a sentence. At the start of one (`Mark the nodes`),
        in another case (`mark`) and for function words (A, I, Will), what stands beside it must say so.
        """
        spelled_alike = text[start:end] == name and name.lower() not in _FUNCTION_WORDS
        if spelled_alike and not _SENTENCE_START.search(text, max(0, start - 4), start):
            return True
        return bool(_NAME_AFTER.match(text, end) or _NAME_BEFORE.search(text, max(0, start - 12), start))

    def recites(self, sentence: str, others: list[str]) -> bool:
        """Whether a sentence is a line of the graph, recited: others say the same of other nodes, in the same
        words.
        """
        return len(others) > 1 and self._without_names(sentence) in map(self._without_names, others)

    def _without_names(self, sentence: str) -> str:
        words = (m[0] for m in self.tokens(sentence) if m[0] not in ("and", "node", "nodes", "Node", "Nodes"))
        plain = ["" if word.isdigit() or self.name(word, listed=True) else word for word in words]
        return " ".join(word for i, word in enumerate(plain) if word or not i or plain[i - 1])

    def mentioned(self, text: str) -> list[str]:
        """Names of nodes in running text, in order."""
        if self.numeric:
            return [m[0] for m in _NUMBER.finditer(text) if m[0] in self.known]
        match = ((m, self.name(m[0])) for m in self.tokens(text))
        return [name for m, name in match if name and self.is_name(text, m.start(), m.end(), name)]
