"""Which part of a completion is the answer: without its reasoning, its run-on and its markup; and
the marks that say where the answer stands."""

import re
import unicodedata
from dataclasses import dataclass

from eval.answers.case_insensitive import case_insensitive, lower_case

_DRESSING = "#$*<>\\_`~\t\r\v\f"
_PUNCTUATION = {
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2212\ufe63"), "-"),
    **dict.fromkeys(map(ord, "\u2014\u2015"), " - "),
    **dict.fromkeys(map(ord, "\u2018\u2019\u201a\u2032\u00b4"), "'"),
    **dict.fromkeys(map(ord, "\u201c\u201d\u201e\u00ab\u00bb\u300c\u300d"), '"'),
    **dict.fromkeys(
        map(ord, "\u2190\u2191\u2193\u2192\u27f6\u21d2\u27f9\u2794\u279c\u27a1\u2192\u2194\u27f7\u21d4"),
        " -> ",
    ),
    **dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad\ufe0e\ufe0f"), None),
    **dict.fromkeys([0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A)], None),
    **dict.fromkeys(map(ord, "\u2022\u25e6\u25aa\u25cf\u2023\u00b7"), "-"),
    **dict.fromkeys(map(ord, "\r\v\f\u2028\u2029"), "\n"),
    ord("\u2044"): "/",
    ord("\u3002"): ". ",
    ord("\u3001"): ", ",
    ord("\t"): " ",
}
# Layout is left for `normalize`.
_SIGNS = {letter: sign for letter, sign in _PUNCTUATION.items() if letter > 127}

# NFKC would make 32 out of a three squared.
_RAISED = {
    **{ord(c): f"^{i}" for i, c in enumerate("\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079")},
    **{0x2080 + i: f"_{i}" for i in range(10)},
}

_THINKING_OPENS = re.compile(r"<think(?:ing)?>", re.IGNORECASE)
_THINKING_ENDS = re.compile(r"</think(?:ing)?>", re.IGNORECASE)
_RUN_ON = re.compile(r"\n[ \t>#*_]*(?:Q|Example)[*_]*:")
# `{yes/no}` and `[Yes|No]` repeat the form that was asked for.
_TEMPLATE = re.compile(
    r"[{\[(<]\s*(?:yes|no|true|false)\s*[/|]\s*(?:yes|no|true|false)\s*[}\])>]", re.IGNORECASE
)
_END_TOKEN = re.compile(r"<\|(?:im_end|endoftext|eot_id|end|end_of_text)\|>|</s>|<end_of_turn>|<eos>|<pad>")

_COMMANDS = re.compile(
    r"\\(?:(?P<boxed>f?boxed)"
    r"|(?P<drop>left|right|bigl?|bigr?|displaystyle)(?![a-zA-Z])"
    r"|(?P<arrow>(?:long)?rightarrow|to|Rightarrow|implies|leftrightarrow)(?![a-zA-Z])"
    r"|(?P<infinity>infty)(?![a-zA-Z])|(?P<empty>emptyset|varnothing)(?![a-zA-Z])|(?P<times>times|cdot"
    r"|ast)(?![a-zA-Z])"
    r"|(?P<space>quad|qquad|[,;:! ])|(?P<math>[()\[\]])|(?P<line>\\)|(?P<literal>[{}$%_&#]))"
)
_TEXT_COMMAND = re.compile(
    r"\\(?:text(?:bf|it|rm|tt|sf)?|math(?:rm|bf|it|sf|tt|bb)|mbox|operatorname)\s*\{([^{}]*)\}"
)
_COMMAND_TEXT = {"drop": "", "arrow": " -> ", "infinity": "\u221e", "empty": "\u2205", "times": "*"}
_COMMAND_TEXT |= {"space": " ", "math": "", "line": "\n"}
_TAG = re.compile(r"</?(?:b|i|em|strong|u|br|p|code|pre|div|span|sub|sup|li|ul|ol)\s*/?>", re.IGNORECASE)
_FENCE = re.compile(r"^[ \t]*(?:```|~~~)[\w+-]*[ \t]*$", re.MULTILINE)
_BULLET = re.compile(r"^([ \t>]*)[*+\-][ \t]+", re.MULTILINE)
_QUOTE = re.compile(r"^[ \t]*(?:>[ \t]?)+", re.MULTILINE)
_HEADING = re.compile(r"^[ \t]*(#{1,6})[ \t]*", re.MULTILINE)
_EMPHASIS = re.compile(r"(?<!\w)_{1,3}(?=\S)|(?<=[^\s_])_{1,3}(?!\w)")
_SPACES = re.compile(r"[ \t]{2,}|[ \t]+(?=\n)")
_LINES = re.compile(r"\n{3,}")
# A hundred brackets in a row say no more than a few, and would cost far more to read.
_REPEATED = re.compile(r"([^\w\s])\1{30,}")
_THRICE = re.compile(r"([^\w\s])\1\1")
_STARS = re.compile(r"(?<=\d) ?\* ?(?=\d)")


@dataclass(frozen=True, slots=True)
class AnswerText:
    """What a reader sees. cut: the token limit fell inside this text; thinking: a think block was never
    closed.
    """

    text: str
    cut: bool
    thinking: bool


def strip_reasoning(output: str, finish_reason: str, asks: str | None = None) -> AnswerText:
    r"""The completion without thinking and without a run-on into the next question. asks: the question, which
    a model may repeat before it answers.

    >>> strip_reasoning("<think>2? 3!</think>3.\nQ: How many nodes are in this graph?\nA: 7.", "length")
    AnswerText(text='3.', cut=False, thinking=False)
    >>> strip_reasoning("<think>is it 2 or", "length")
    AnswerText(text='', cut=True, thinking=True)
    """
    text = output.replace("\r\n", "\n") if "\r" in output else output
    text = normalize_characters(text)
    if "/" in text or "|" in text:
        text = _TEMPLATE.sub("", text)
    cut = finish_reason == "length"
    if "<" in text and _THINKING_ENDS.search(text):
        text = _without_thinking(text)
    run_on = None
    if "Q" in text or "Example" in text:
        run_on = next((m for m in _RUN_ON.finditer(text) if not _goes_on(text, m.end(), asks)), None)
    end = run_on.start() if run_on else len(text)
    if "<" not in text:
        return AnswerText(text[:end], cut and run_on is None, False)
    if (token := _END_TOKEN.search(text, 0, end)) and text[: token.start()].strip():
        end = token.start()
    if (opened := _THINKING_OPENS.search(text)) and opened.start() < end:
        return AnswerText("", cut, True)
    return AnswerText(_END_TOKEN.sub(" ", text[:end]), cut and end == len(text), False)


def _goes_on(text: str, at: int, asks: str | None) -> bool:
    """Whether a `Q:` repeats the question, or an `Example:` holds no question, so that the answer follows."""
    if asks is None:
        return False
    if "Q" in text[max(0, at - 4) : at]:
        if not asks or _DESCRIPTION.search(text, 0, at):
            return False  # the prompt's own form: a graph and its question
        line = text[at:].lstrip().split("\n", maxsplit=1)[0]
        return _WORD.findall(line.lower()) == _WORD.findall(asks.lower())
    example, following, _ = text[at:].partition("Q:")
    return not following or "answer" in example.lower()


_WORD = re.compile(r"\w+")
_DESCRIPTION = re.compile(r"\bdescribes an?\b|graph, ?\(")


def normalize_characters(text: str) -> str:
    """One spelling for full-width forms, ligatures, quotes, dashes, arrows and signs that are not seen.

    What a model writes and what a graph calls its nodes both go through it.

    >>> normalize_characters("\uff2f\u2019Hare, \ufb01\u200b")
    "O'Hare, fi"
    """
    return (
        text if text.isascii() else unicodedata.normalize("NFKC", text.translate(_RAISED)).translate(_SIGNS)
    )


def _without_thinking(text: str) -> str:
    """The text without its closed think blocks, and without what is before an end that has no beginning."""
    kept, at = [], 0
    while (opened := _THINKING_OPENS.search(text, at)) and (
        closed := _THINKING_ENDS.search(text, opened.end())
    ):
        kept.append(text[at : opened.start()])
        at = closed.end()
    return _THINKING_ENDS.split("".join(kept) + text[at:])[-1]


def normalize(text: str) -> str:
    r"""Plain text with one spelling for what does not matter: Markdown, LaTeX, HTML, dashes, arrows and
    quotes.

    Boxes and `####` stay, since they mark the answer; bullets become `- `.

    >>> normalize("**Yes** \u2014 it\u2019s $\\boxed{\\text{4}}$")
    "Yes - it's \\boxed{4}"
    """
    if _THRICE.search(text[::10]):  # of thirty-one signs in a row, three are among every tenth
        text = _REPEATED.sub(lambda match: match[1] * 30, text)
    if not text.isascii() or any(map(text.__contains__, _DRESSING)) or "e.g." in text or "i.e." in text:
        text = _strip_markup(text)
    if "  " in text or " \n" in text:
        text = _SPACES.sub(" ", text)
    return _LINES.sub("\n\n", text) if "\n\n\n" in text else text


def _strip_markup(text: str) -> str:
    text = text.translate(_PUNCTUATION)
    if "\\" in text:
        text = _COMMANDS.sub(_plain_command, _TEXT_COMMAND.sub(r"\1", text))
    if "`" in text or "~~" in text:
        text = _FENCE.sub("", text).replace("`", "").replace("~~", "")
    if "<" in text:
        text = _TAG.sub(" ", text)
    if ">" in text:
        text = _QUOTE.sub("", text).replace("-->", "->").replace("=>", "->")
    text = _BULLET.sub(r"\1- ", text)
    if "#" in text:
        text = _HEADING.sub(lambda match: "#### " if len(match[1]) == 4 else "", text)
    text = _EMPHASIS.sub("", _STARS.sub(" x ", text).replace("*", "")) if "*" in text or "_" in text else text
    return (
        text.replace("$", "")
        .replace("{,}", ",")
        .replace("e.g.", "eg")
        .replace("i.e.", "ie")
        .replace("\u00a0", " ")
    )


def _plain_command(match: re.Match[str]) -> str:
    if match["boxed"]:
        return "\\boxed"
    if match["literal"]:
        return match["literal"]
    return _COMMAND_TEXT[match.lastgroup or "drop"]


@dataclass(frozen=True, slots=True)
class AnswerMarker:
    """A place that says `here is the answer`.

    content: what the mark holds. closed: the mark itself says where the answer ends (a box, a tag, a JSON
        value).
    inline: the mark is part of a sentence, so that only its own sentence (or the list it opens) is the
        answer.
    to_end: nothing but the end of the text ends the content, so that a token limit may have cut it.
    """

    content: str
    closed: bool
    inline: bool
    to_end: bool


_MARK = case_insensitive(
    r"""(?xm)(?P<boxed>\\boxed\s*(?=\{))
    |(?P<tag><answer>)
    |(?P<hashes>^\#\#\#\#[ ]*|(?<=[ ])\#\#\#\#[ ]+(?=\S))
    |(?P<key>["'](?:final|correct)?[_ ]?answer["']\s*:\s*)
    |(?P<letter>(?:(?<![^\n])[ ]*(?:-[ ])?|(?<=[?])[ ]*)A[ ]?:)
    |(?P<heading>(?<![^\n])[ ]*(?:the[ ])?(?:final|correct|my)?[ ]?(?:answer|solution)[ ]*:?[ ]*(?=\n|\Z))
    |\b(?P<colon>(?:final|correct|my|the)?[ ]?(?:answer|ans)
        (?:[ ]?\([^()\n]{0,60}\)|[ ]?\[[^\[\]\n]{0,60}\])?[ ]*(?::-?|=|->|[ ]-(?=[ ])))
    |\b(?P<inline>answer(?:'s
        |[ ](?:(?:to|for|of)[ ](?:[^.:\n?]{1,120}?\??["']?,?[ ]))??
         (?:is|was|(?:would|should|must|will|may|might|could)[ ]be)\b)[ ]*:?)"""
)
# What every mark holds; looking for it first is several times faster than trying every mark at every place.
_HINT = case_insensitive(r"ans(?:wer|[ ]?[(\[]|[ ]*[:=-])|solution|boxed|####|\ba ?:")
_REACH = 16  # of a mark before its hint: "the correct " and a space at most
_AHEAD = 300  # of its end after it
_MOST = 12
"""How many marks are looked at, from the end: a text that repeats itself to the limit has thousands."""

# "Here is how we arrived at this answer:" and "Steps to find the answer:" announce an explanation.
_EXPLAINS = (
    r"\b(?:how|why|expla\w+|justif\w+|reason\w*|steps?|process|method|logic|proof|verif\w+|check\w*|behind"
    r"|(?:arrived?|g[eo]t|reach\w*|deriv\w+) (?:at )?)\b[^.!?:;,\n]{0,80}"
)
_BEFORE_EXPLAINED = case_insensitive(_EXPLAINS + "$")
EXPLANATION = case_insensitive(
    _EXPLAINS + r"\b(?:answer|result|conclusion|solution)\s*:",
    needs=("answer", "result", "conclusion", "solution"),
)
_CLOSING_TAG = re.compile(r"</answer>", re.IGNORECASE)
_JSON_VALUE = re.compile(r'"((?:[^"\\\n]|\\.)*+)"|\'([^\'\n]*)\'|(\[[^\[\]]*\])|(\{[^{}]*\})|([^,}\]\n]+)')


def answer_markers(text: str, letter: bool = True) -> list[AnswerMarker]:
    r"""The last marked answers of a normalized text, in order; marks that hold nothing are among them.

    letter: whether a line that opens with `A:` is a mark (it is not where A is a node and the lines list
        neighbours).

    >>> [marker.content for marker in answer_markers("The answer is 2. Wait. Final answer: \\boxed{3}")]
    ['2. Wait. ', ' ', '3']
    """
    markers: list[re.Match[str]] = []
    at = 0
    for place in _places(text)[-20 * _MOST :]:
        hint = _HINT.match(text, place) if place >= at else None
        if hint is None:
            continue
        first = max(at, hint.start() - _REACH)
        first = max(first, text.rfind("\n", first, hint.start()) + 1)  # a mark begins in its hint's line
        marker = _MARK.search(text, first, hint.end() + _AHEAD)
        if marker and marker.start() > hint.start():
            marker = None
        at = marker.end() if marker else hint.end()
        if marker is None or (marker.lastgroup == "letter" and not letter):
            continue
        start = marker.start()
        if marker.lastgroup != "colon" or not _BEFORE_EXPLAINED.search(text, max(0, start - 80), start):
            markers.append(marker)
    markers = markers[-_MOST:]
    ends = [*(m.start() for m in markers), len(text)][1:]
    return [_marker(text, m, end, end == len(text)) for m, end in zip(markers, ends, strict=True)]


def _places(text: str) -> list[int]:
    """Where a hint may be: looking for each of its beginnings by itself is many times faster than trying all
    at every place.
    """
    low = lower_case(text)
    beginnings = ["ans", "solution"]
    beginnings += ["boxed"] if "\\" in low else []
    beginnings += ["####"] if "#" in low else []
    places = []
    for beginning in beginnings:
        at = low.find(beginning)
        while at >= 0:
            places.append(at)
            at = low.find(beginning, at + 1)
    at = low.find(":")
    while at >= 0:  # `A:` and `A :`
        before = at - 2 if low.startswith("a ", max(0, at - 2)) else at - 1
        if before >= 0 and low[before] == "a":
            places.append(before)
        at = low.find(":", at + 1)
    return sorted(places)


def _marker(text: str, match: re.Match[str], end: int, last: bool) -> AnswerMarker:
    start = match.end()
    if match.lastgroup == "boxed":
        stop = _closing_brace(text, start)
        return AnswerMarker(
            text[start + 1 : end if stop is None else stop].strip("{} "),
            stop is not None,
            False,
            stop is None,
        )
    if match.lastgroup == "tag":
        closing = _CLOSING_TAG.search(text, start)
        return AnswerMarker(
            text[start : closing.start() if closing else end], closing is not None, False, closing is None
        )
    if match.lastgroup == "key":
        value = _JSON_VALUE.match(text, start)
        if value is None:
            return AnswerMarker("", False, False, True)
        content = next(group for group in value.groups() if group is not None)
        closed = value.end() < len(text) and (value[5] is None or text[value.end()] in ",}\n")
        return AnswerMarker("" if content.strip() == "null" else content, closed, False, not closed)
    if match.lastgroup == "hashes":
        line_end = text.find("\n", start)
        stop = end if line_end < 0 else min(line_end, end)
        return AnswerMarker(text[start:stop], False, True, stop == len(text))
    return AnswerMarker(text[start:end], False, match.lastgroup == "inline", last)


def _closing_brace(text: str, start: int) -> int | None:
    """Index of the brace that closes the one at `start`; looks no further than 2,000 characters."""
    depth = 0
    for i in range(start, min(len(text), start + 2000)):
        depth += {"{": 1, "}": -1}.get(text[i], 0)
        if depth == 0:
            return i
    return None
