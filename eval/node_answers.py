"""Lists of nodes: sets, paths and orders, read as runs of names."""

import re
from dataclasses import dataclass

from eval.prose import (
    NONE_EXISTS, UNCLEAR, Answer, Asked, Reading, Value, clauses, concludes, hedges, is_question, negations, sentences, settle, stands_as_name, supposes,
)  # fmt: skip

EMPTY: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Run:
    """Names that follow one another with nothing but separators between them."""

    names: tuple[str, ...]
    start: int
    end: int
    doubt: bool


_SEPARATOR = re.compile(r"(?:[\s,;&\"'()\[\]{}/+|<>-]|->|\b(?:and|then|nodes?|vertex|vertices|also|finally)\b)*", re.IGNORECASE)
_DOUBT = re.compile(
    r"(?:[\s,;()\"'-]|\b(?:and|nodes?)\b)*(?:\b(?:or|possibly|maybe|perhaps|probably|and/or|and possibly|to|through)\b|\.\.\.|\u2026)(?:[\s,;()\"'-]|\b(?:and|nodes?|even)\b)*",
    re.IGNORECASE,
)
_DOUBT_AFTER = re.compile(
    r"[\s,;)\"'\]}-]*(?:and\s+)?(?:\.\.|\u2026|etc\b|and so on\b|and (?:possibly|maybe|perhaps|others|some|more)\b|or\b|possibly\b|maybe\b|perhaps\b|among others\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"[\s\"'(\[{:;,.=>]*(?:(?:so|well|ok(?:ay)?|sure|thus|therefore|hence|then|answer|output|result|response|conclusion|solution|in conclusion|finally|the list is|list|here (?:is|are) the (?:list|nodes)|path|order"
    r"|the (?:path|order|answer|list|nodes) (?:is|are)|they are|it is|it's|these are|nodes?|vertices|sorry|in alphabetical order|neighbou?rs|in order)\b[\s\"'(\[{:;,.=>]*){0,4}(?:-(?!>)\s*)?[\s\"'(\[{]*(?:nodes?\s+)?[\"'(\[{]*",
    re.IGNORECASE,
)
_FINISH = re.compile(
    r"[\s\"')\]}]*(?:$|[.!;\n]|\(|- |[,:]?\s*(?:because|since|as|in (?:alphabetical|that|this|ascending|sorted|order)|which|these|this|that is|so|where|there (?:is|are)|with|here)\b)",
    re.IGNORECASE,
)
_CAPITALISED_PROSE = frozenset(
    """The There This That These Those It They He She We I You A An In On Of To For From With By Let First Next Then So Thus Therefore Hence Because Since As If Is Are No None Not Yes And But Or
    Node Nodes All Both Each Every Finally Here However Also Final Answer Step List Based Looking Given Now Edge Edges Graph G Note Wait Actually Explanation Reason Path Order Starting Start Visited Only Hamiltonian
    Topological Kahn BFS DFS Q Example Alphabetical Sorted Neighbors Neighbours Sorry Unfortunately Remove Removing According One Two Three Connected Disconnected""".split()
)


def _items(text: str, asked: Asked, prose: bool) -> list[tuple[int, int, str]]:
    """Tokens that are names, or that would be names if the graph had them (a number; a capitalised word)."""
    out = []
    for m in asked.tokens(text):
        token = m[0]
        name = asked.name(token, listed=not prose)
        if name:
            if prose and not asked.numeric and name.lower() in _WORDLIKE and not stands_as_name(text, m.start(), m.end()):
                continue
            out.append((m.start(), m.end(), name))
        elif (
            (token.isdigit() if asked.numeric else token[0].isupper() or token.isdigit())
            and (token not in _CAPITALISED_PROSE or (len(token) == 1 and not prose))
            and token.lower() not in _SEPARATOR_WORDS
        ):
            out.append((m.start(), m.end(), token))
    return out


_WORDLIKE = frozenset("a i will mark may bill rose grace hope joy cat stan jack al jimmy max art".split())
_SEPARATOR_WORDS = frozenset("and then node nodes vertex vertices also finally".split())


def runs(text: str, asked: Asked, prose: bool = True) -> list[Run]:
    """The runs of names in a text; a run of invented names only counts where it is not prose."""
    found: list[Run] = []
    names: list[str] = []
    start = end = 0
    doubt = False
    for at, stop, name in _items(text, asked, prose):
        gap = text[end:at]
        if names and len(gap) < 60 and (_SEPARATOR.fullmatch(gap) or _DOUBT.fullmatch(gap)):
            doubt = doubt or not _SEPARATOR.fullmatch(gap)
        else:
            if names:
                found.append(Run(tuple(names), start, end, doubt))
            names, start, doubt = [], at, False
        names.append(name)
        end = stop
    if names:
        found.append(Run(tuple(names), start, end, doubt))
    known = set(asked.names)
    return [run for run in found if not prose or known & set(run.names)]


_LISTED = re.compile(r"^[ \t]*(?:-[ \t]+|(\d+)[.)][ \t]+)(?=\S)", re.MULTILINE)


def join_bullets(text: str) -> str:
    """Bulleted and numbered lists as comma lists on one line, list numbers dropped.

    >>> join_bullets("The nodes are:\\n1. Ann\\n2. Joe\\nThat is all.")
    'The nodes are: Ann, Joe\\nThat is all.'
    """
    if "\n" not in text and not _LISTED.match(text):
        return text
    lines = text.split("\n")
    kinds = [_LISTED.match(line) for line in lines]
    numbers = [int(kind[1]) for kind in kinds if kind and kind[1]]
    numbered = len(numbers) > 1 and numbers == list(range(numbers[0], numbers[0] + len(numbers))) and numbers[0] <= 1
    out: list[str] = []
    was_item = False
    for line, kind in zip(lines, kinds, strict=True):
        item = kind is not None and (not kind[1] or numbered)
        if item and kind:
            content = line[kind.end() :].strip()
            if out and (was_item or out[-1].rstrip().endswith(":") or not out[-1].strip()):
                while out and not out[-1].strip():
                    out.pop()
                joiner = ", " if was_item else " "
                out[-1:] = [out[-1].rstrip() + joiner + content] if out else [content]
            else:
                out.append(content)
        elif line.strip() or not was_item:
            out.append(line)
        was_item = item or (was_item and not line.strip())
    return "\n".join(out)


def nodes_at_start(text: str, asked: Asked) -> Reading:
    """The list that a text opens with, or its `No nodes`."""
    joined = join_bullets(text)
    if (none := _none_at_start(joined, asked)) is not None:
        return none
    lead = _LEAD.match(joined)
    at = lead.end() if lead else 0
    first = [run for run in runs(joined, asked, prose=False) if run.start >= at][:1]
    if not first or first[0].start != at:
        return None
    run = first[0]
    if run.doubt or _DOUBT_AFTER.match(joined, run.end):
        return UNCLEAR
    finish = _FINISH.match(joined, run.end)
    if finish is None:
        return None
    if not set(run.names) & set(asked.names) and not _all_invented(joined, run, asked):
        return None
    if len(run.names) == 1 and joined[run.end : run.end + 1] == "." and _prose_follows(joined, run, asked):
        return None
    if _is_set(asked) and _takes_back(joined[run.end :], run, asked):
        return UNCLEAR
    end = run.end if joined is text else _same_place(text, joined, run.end)
    if not joined[run.end :].strip(" \"')]}"):
        end = len(text)
    return Answer(run.names, end)


def _same_place(text: str, joined: str, end: int) -> int:
    """An index of `text` that is at its end exactly where `end` is at the end of `joined`."""
    return len(text) - len(joined[end:].rstrip()) if joined[end:].strip() else len(text)


def _is_set(asked: Asked) -> bool:
    return asked.example.answer_kind == "node_set" or asked.task in ("connected_nodes", "disconnected_nodes")


def _all_invented(text: str, run: Run, asked: Asked) -> bool:
    """Whether a run without any node of the graph is still given as the answer: it is all that its line says."""
    line = text[run.end :].split("\n")[0]
    return not line.strip(" .!\"')]}") and (asked.numeric or len(run.names) > 1 or line.strip(" \"')]}") in (".", ""))


def _prose_follows(text: str, run: Run, asked: Asked) -> bool:
    """Whether a lone `1.` only numbers a step."""
    if not run.names[0].isdigit():
        return False
    following = re.search(r"\n\s*(\d+)[.)]\s", text[run.end :])
    return following is not None and int(following[1]) == int(run.names[0]) + 1


_REVISION = re.compile(
    r"\b(?:wait|actually|correction|on second thought|on reflection|i was wrong|let me (?:correct|re-?\w+)|scratch that|oops)\b",
    re.IGNORECASE,
)


def _takes_back(rest: str, run: Run, asked: Asked) -> bool:
    revision = _REVISION.search(rest)
    if revision is None:
        return False
    tail = rest[revision.end() :].lstrip(" ,.:")
    later = nodes_at_start(tail, asked) or nodes_stated(tail, asked)
    return later == UNCLEAR or (isinstance(later, Answer) and set(_names(later.value)) != set(run.names))


def _names(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else ()


_NONE_LEAD = re.compile(
    r"[\s\"'(:;,.=>\-]*(?:(?:so|thus|therefore|hence|there are|there is|it is|they are|the (?:list|set) is|answer|sorry|an?|the)\b[\s:,]*){0,3}",
    re.IGNORECASE,
)
_NONE_WORD = re.compile(
    r"(?:no(?: (?:other|such|connected|disconnected|neighbou?ring|adjacent|remaining))? (?:nodes?|vertices|vertex|neighbou?rs?|one|friends?|people|others?|connections?)|none|nobody|nothing|empty(?: (?:list|set))?|\[\s*\]|\{\s*\}|\(\s*\)|\u2205|set\(\))"
    r"(?![\w\]])",
    re.IGNORECASE,
)
_NONE_EXCEPT = re.compile(r"[^.\n]{0,40}\b(?:except|other than|but|besides|apart from|only)\b", re.IGNORECASE)
_NO_WITNESS = re.compile(
    r"\b(?:no|not any|without an?)\s+(?:\w+ ){0,2}(?:paths?|orders?|orderings?|sort|solution|route|way)\b|\bnone exists?\b|\b(?:path|order|ordering|sort) (?:does not|doesn't|cannot|can't) (?:exist|be)\b|\bunreachable\b|\bnot reachable\b"
    r"|\b(?:does not|doesn't|do not|don't) (?:have|contain|exist|admit)\b|\binfinite\b|\u221e|\bcannot be reached\b|\b(?:not|dis)[ ]?connected\b|\bimpossible\b",
    re.IGNORECASE,
)


def _none_at_start(text: str, asked: Asked) -> Reading:
    lead = _NONE_LEAD.match(text)
    at = lead.end() if lead else 0
    if not _is_set(asked):
        if re.compile(
            r"(?:none|no(?: such)? (?:\w+ )?(?:path|order|ordering)|unreachable|impossible)\b(?=\s*(?:[.,;!\n]|$|exists?\b|from\b|between\b))",
            re.IGNORECASE,
        ).match(text, at):
            first = sentences(text)[0]
            return None if hedges(first) or _QUALIFIED_NONE.search(first) else Answer(NONE_EXISTS, at + 1)
        return None
    found = _NONE_WORD.match(text, at)
    if found is None:
        return None
    if _NONE_EXCEPT.match(text, found.end()):
        return UNCLEAR
    rest = re.split(r"[.\n]", text[found.end() :])[0]
    if (
        rest.strip(" \"')]}!")
        and not re.match(r"[\s\"')\]}]*(?:[,;:(!]|- |because|since|as|in (?:this|the) graph|here|exists?)", rest)
        and _polarity(text[at:].split("\n")[0], asked) is not True
    ):
        return None
    return Answer(EMPTY, found.end())


_QUALIFIED_NONE = re.compile(r"\b(?:shorter|direct|other|better|longer|fewer)\b", re.IGNORECASE)
_CONNECTED = re.compile(
    r"\b(?:connect(?:ed|s|ions?)|adjacent|neighbou?rs?|linked|links?|friends?|edges?|joined|co-?authors?|papers?|knows?)\b", re.IGNORECASE
)
_APART = re.compile(
    r"\b(?:disconnected|unconnected|non-?adjacent|non-?neighbou?rs?|remaining|left|rest|isolated from|missing)\b", re.IGNORECASE
)


def _polarity(sentence: str, asked: Asked, count: bool = True) -> bool | None:
    """Whether a sentence speaks about the relation of the task (connected, or not); None where it speaks about neither."""
    apart = _APART.search(sentence) is not None
    if not apart and not _CONNECTED.search(sentence):
        return None
    text = _NONE_WORD.sub(" ", sentence)
    negative = (negations(text) > 0) if not apart else True
    return negative == (asked.task == "disconnected_nodes")


_ALL_BUT = re.compile(
    r"\b(?:all|every(?:thing|one|body)?|any)\b[^.]{0,40}\b(?:except|but|other than|besides|apart from|excluding)\b|\b(?:except|excluding)\b",
    re.IGNORECASE,
)
_LIST_INTRO = re.compile(
    r"(?:\b(?:are|is|include|includes|only|namely|be)|:|=|\bto|\bwith|\bof|->)\s*(?:\b(?:only|just|exactly|therefore|thus|then|the|following|nodes?)\b\s*)*[:\s\"'(\[{]*(?:nodes?\s+)?[\"'(\[{]*$",
    re.IGNORECASE,
)
_TUPLE = re.compile(r"\([^()\n]{1,60},[^()\n]{1,60}\)|\((?:via|through|from|edge|since|because|by|as|due)\b[^()\n]{0,80}\)")
_GRAPH_LIST = re.compile(
    r"\b(?:all (?:the )?nodes?|graph among nodes|nodes in (?:the|this) graph|(?:the|this) graph (?:has|contains|consists)|set of (?:all )?nodes|visited|remove|removing|excluding|check(?:ing)?)\b",
    re.IGNORECASE,
)


def nodes_stated(text: str, asked: Asked) -> Reading:
    """The list that the sentences give as the answer."""
    if not _is_set(asked):
        return _witness_stated(text, asked)
    found: list[tuple[Value, bool]] = []
    elsewhere = 0
    for sentence in sentences(join_bullets(text)):
        if is_question(sentence) or hedges(sentence):
            continue
        plain = _TUPLE.sub(lambda m: " " * len(m[0]), sentence)
        value = _listed(plain, asked)
        if value == "others":
            elsewhere += 1
        elif value is not None:
            found.append((value if value == UNCLEAR else tuple(sorted(set(value))), concludes(sentence)))
            elsewhere = 0 if concludes(sentence) else elsewhere
    if len(found) == 1 and elsewhere >= 2 and not found[0][1]:
        return None  # the neighbour lists of the whole graph, recited
    reading = settle(found)
    return UNCLEAR if isinstance(reading, Answer) and reading.value == UNCLEAR else reading


def _listed(sentence: str, asked: Asked) -> Value | None:
    """The list of one sentence: a tuple, `unclear`, `others` (a list about another node) or None."""
    query = asked.query[0] if asked.query else ""
    if _ALL_BUT.search(sentence) and _polarity(sentence, asked) is not False:
        return UNCLEAR
    lists = [run for run in runs(sentence, asked) if run.names != (query,)]
    polarity = _polarity(sentence, asked)
    if not lists:
        return _states_none(sentence, asked, polarity, query)
    mentions = query in asked.mentioned(sentence)
    subject = _subject_of(sentence, lists, asked, query)
    if polarity is not None and subject == "others":
        return "others"
    if polarity is False:
        return None
    run = _answer_run(sentence, lists, mentions, polarity, asked)
    if run is None or supposes(sentence[: run.start]) or (_GRAPH_LIST.search(sentence) and set(run.names) >= set(asked.names)):
        return None
    if _GRAPH_LIST.search(sentence) and not mentions:
        return None
    return UNCLEAR if run.doubt or _DOUBT_AFTER.match(sentence, run.end) else run.names


def _subject_of(sentence: str, lists: list[Run], asked: Asked, query: str) -> str:
    """`query`, or `others` where the sentence says of another node what it is connected to."""
    start = re.match(r"(?:(?:so|then|and|also|now|thus|first|next)[,:]?\s+)*(?:node\s+)?[\"']?", sentence, re.IGNORECASE)
    at = start.end() if start else 0
    first = lists[0]
    if first.start == at and len(first.names) == 1 and len(lists) > 1:
        return "others"
    if first.start == at and len(first.names) == 1 and query not in asked.mentioned(sentence):
        return "others"
    head = re.search(
        r"\b(?:neighbou?rs|nodes (?:not )?(?:dis)?connected|friends|adjacent|nodes adjacent)\s+(?:of|to|for|with|from)\s+(?:node\s+)?[\"']?",
        sentence,
        re.IGNORECASE,
    )
    return "others" if head and any(run.start == head.end() and len(run.names) == 1 for run in lists[:-1]) else "query"


def _answer_run(sentence: str, lists: list[Run], mentions: bool, polarity: bool | None, asked: Asked) -> Run | None:
    """The run that the sentence gives as its list."""
    introduced = [run for run in lists if _LIST_INTRO.search(sentence, max(0, run.start - 60), run.start)]
    if polarity is True or (polarity is None and mentions):
        if introduced:
            return introduced[-1]
        leading = lists[0]
        return leading if re.match(r"\s*(?:,\s*)?(?:are|is|both|all|share|have)\b", sentence[leading.end :]) else None
    if (concludes(sentence) or re.search(r"\b(?:list|answer|nodes|neighbou?rs|they|these)\b", sentence, re.IGNORECASE)) and len(lists) == 1:
        return introduced[-1] if introduced else None
    bare = lists[0]
    return bare if len(lists) == 1 and len(bare.names) > 1 and not re.search(r"[a-zA-Z]", _without(sentence, bare, asked)) else None


def _without(sentence: str, run: Run, asked: Asked) -> str:
    return re.sub(r"\b(?:nodes?|so|therefore|thus|hence|and)\b", "", sentence[: run.start] + sentence[run.end :], flags=re.IGNORECASE)


_CONNECTED_TO_ALL = re.compile(
    r"\b(?:connected|adjacent|linked|friends) (?:to|with) (?:all|every)(?:one|body)?\b(?: (?:the |of the )?(?:other )?(?:nodes?|people))?|\b(?:all|every) (?:the )?(?:other )?nodes? (?:is|are) (?:directly )?(?:connected|adjacent|linked)",
    re.IGNORECASE,
)
_NONE_STATED = re.compile(
    r"\b(?:there (?:is|are) (?:no|none)|no (?:other )?(?:nodes?|vertices|one|neighbou?rs?|friends?|connections?|edges?)|none|nobody|nothing|not (?:directly )?(?:connected|adjacent|linked|friends) (?:to|with) any\w*|n't have any|not have any"
    r"|(?:is|as) (?:an )?isolated|empty (?:set|list))\b",
    re.IGNORECASE,
)


def _states_none(sentence: str, asked: Asked, polarity: bool | None, query: str) -> Value | None:
    """The empty tuple where a sentence without a list says that there are no such nodes."""
    clause = next((c for c in clauses(sentence) if _NONE_STATED.search(c) or _CONNECTED_TO_ALL.search(c)), None)
    if clause is None or supposes(clause) or _NONE_EXCEPT.search(clause):
        return None
    if asked.task == "disconnected_nodes":
        if _CONNECTED_TO_ALL.search(clause) and not re.search(r"\bnot\b|n't|\bno\b", clause):
            return EMPTY
        return (
            EMPTY
            if _NONE_STATED.search(clause)
            and (_APART.search(clause) or re.search(r"\bnot (?:directly )?connected\b", clause))
            and "isolated" not in clause
            else None
        )
    if not _NONE_STATED.search(clause) or _APART.search(clause.replace("isolated", "")) or re.search(r"\b(?:no|none)\b.*\bnot\b", clause):
        return None
    return EMPTY


_ARROW = re.compile(r"->|-(?=\s*\w)")


def _witness_stated(text: str, asked: Asked) -> Reading:
    """A path or an order that the sentences give, or their statement that there is none."""
    found: list[tuple[Value, bool]] = []
    for sentence in sentences(join_bullets(text)):
        if is_question(sentence) or hedges(sentence):
            continue
        plain = _TUPLE.sub(lambda m: " " * len(m[0]), sentence)
        named = runs(plain, asked)
        lists = [run for run in named if len(run.names) > 2 or (len(run.names) == 2 and _ARROW.search(plain, run.start, run.end))]
        introduced = [run for run in lists if _LIST_INTRO.search(plain, max(0, run.start - 60), run.start)]
        chosen = introduced or [run for run in lists if "->" in plain[run.start : run.end]]
        if chosen and not supposes(plain[: chosen[-1].start]):
            run = chosen[-1]
            found.append((UNCLEAR if run.doubt and "or" in plain[run.start : run.end].split() else run.names, concludes(sentence)))
            continue
        for clause in clauses(sentence):
            if _NO_WITNESS.search(clause) and not _QUALIFIED_NONE.search(clause) and not supposes(clause) and _about_witness(clause, asked):
                found.append((NONE_EXISTS, concludes(sentence)))
                break
    reading = settle(found)
    return UNCLEAR if isinstance(reading, Answer) and reading.value == UNCLEAR else reading


def _about_witness(clause: str, asked: Asked) -> bool:
    named = set(asked.mentioned(clause))
    return (
        named <= set(asked.query)
        and re.search(r"path|order|sort|exist|reach|route|infinit|\u221e|connected|impossible|none", clause, re.IGNORECASE) is not None
    )
