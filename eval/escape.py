"""Text that others wrote, made safe to show: models, labels and file names are not trusted."""

import html
import re
import unicodedata

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
_HIDDEN = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def visible(text: str) -> str:
    """Control and direction characters as code points that can be seen, so that text shows what it holds.

    >>> visible("a\\x1b[2J\\u202eb")
    'a⟨U+001B⟩[2J⟨U+202E⟩b'
    """
    if text.isascii():
        return _CONTROL.sub(_code_point, text)
    return "".join(
        f"⟨U+{ord(c):04X}⟩" if unicodedata.category(c) in _HIDDEN and c not in "\n\t" else c for c in text
    )


def _code_point(found: re.Match[str]) -> str:
    return f"⟨U+{ord(found[0]):04X}⟩"


def for_html(text: str) -> str:
    """Text for an HTML element or a quoted attribute.

    >>> for_html("</script>'")
    '&lt;/script&gt;&#x27;'
    """
    return html.escape(visible(text), quote=True)


def for_markdown(text: str) -> str:
    """Text for a cell of a Markdown table: no markup, one line.

    >>> for_markdown("a|b <i>_c_")
    'a\\\\|b &lt;i&gt;\\\\_c\\\\_'
    """
    text = visible(text)
    for mark in "\\`*_[]|~#":
        text = text.replace(mark, "\\" + mark)
    return " ".join(text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").split())
