"""Text that others wrote, made safe to show: models, labels and file names are not trusted.

HTML is escaped by the page's templates, which pass every text through `visible` first.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Sequence

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    """Write control and direction characters as code points, so that a text shows all that it holds.

    >>> visible("a\\x1b[2J\\u202eb")
    'a⟨U+001B⟩[2J⟨U+202E⟩b'
    """
    if text.isascii():
        return _CONTROL.sub(lambda match: _code_point(match[0]), text)
    return "".join(
        _code_point(c) if unicodedata.category(c) in _HIDDEN and c not in "\n\t" else c for c in text
    )


def _code_point(character: str) -> str:
    return f"⟨U+{ord(character):04X}⟩"


def for_markdown(text: str) -> str:
    """Text for a cell of a Markdown table: no markup, one line.

    >>> for_markdown("a|b <i>_c_")
    'a\\\\|b &lt;i&gt;\\\\_c\\\\_'
    """
    text = visible(text)
    for mark in "\\`*_[]|~#":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())


def for_csv(lines: Iterable[Sequence[object]]) -> str:
    """Lines of cells as CSV text.

    >>> for_csv([["run", "n"], ["a, b", 3]])
    'run,n\\n"a, b",3\\n'
    """
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(lines)
    return stream.getvalue()
