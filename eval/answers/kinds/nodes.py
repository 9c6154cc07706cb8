"""Lists of nodes as answers: sets, paths and orders."""

import re
from itertools import islice

from eval.answers.case_insensitive import case_insensitive
from eval.answers.kinds.kind import AnswerKind
from eval.answers.kinds.node_lists import DOUBT_AFTER, Run, join_bullets, run_at, runs
from eval.answers.kinds.valid_answers import judge_set, judge_witness
from eval.answers.prose import (
    MOST_SENTENCES,
    NONE_EXISTS,
    UNCLEAR,
    Answer,
    Reading,
    Value,
    backwards,
    clauses,
    concludes,
    either,
    hedges,
    is_final,
    is_question,
    negations,
    opening,
    resolve,
    sentences,
    strip_hedge,
    supposes,
    words,
)
from eval.answers.question import Question

EMPTY: tuple[str, ...] = ()
_OPENING = opening(
    """the list is | list | here (?:is|are) the (?:list|nodes) | path | order
    (?:the )?(?:shortest |hamiltonian |topological )?(?:path|order|answer|list|nodes) (?:is|are) | nodes?
    vertices | in alphabetical order | neighbou?rs | in order"""
)
_FINISH = case_insensitive(
    r"[\s\"')\]}]*(?:$|[.!;\n]|\(|- |[,:]?\s*"
    + either(
        """because | since | as | in (?:alphabetical|that|this|ascending|sorted|order) | which | these | this
        that is | so | where | there (?:is|are) | with | here"""
    )
    + r"\b)"
)
_TUPLES = re.compile(r"\(\s*[^\s(),]+\s*,\s*[^\s(),]+\s*\)\s*(?:,|;|and)?\s*\(")


def nodes_at_start(text: str, question: Question) -> Reading:
    """The list that a text opens with, or its `No nodes`."""
    joined = join_bullets(text)
    if (none := _none_at_start(joined, question)) is not None:
        return none
    lead = _OPENING.match(joined)
    at = lead.end() if lead else 0
    run = run_at(joined, at, question)
    if run is None or _TUPLES.match(joined, max(0, joined.rfind("(", 0, at + 1))):
        return None
    if run.doubt or run.either or DOUBT_AFTER.match(joined, run.end):
        return UNCLEAR
    if question.kind == "node_set" and run.arrows:
        return UNCLEAR if len(run.names) == 2 and question.numeric else None
    rest = joined[run.end :]
    if not _FINISH.match(rest) or (len(run.names) == 1 and _numbers_a_step(rest, run, question)):
        return None
    if run.arrows and _NEXT_CHAIN.match(rest):
        return None  # one of several lines of edges
    if not question.known & set(run.names) and rest.split("\n")[0].strip(" .!\"')]}"):
        return None  # names that the graph does not have are an answer only where they are all that is said
    if not rest.strip(" \n\"')]}") and "\n" in text.strip():
        return Answer(run.names, len(text))  # another line may have followed the last
    return Answer(run.names, len(text.rstrip()) - len(rest.rstrip()))


_NEXT_CHAIN = re.compile(r"[\s.,;]*\n\s*\S+[ \t]*->")


def _numbers_a_step(rest: str, run: Run, question: Question) -> bool:
    """Whether a lone `1.` only numbers a step."""
    text = rest[1:].strip()
    if run.names[0] in ("0", "1") and rest[:1] in (".", ")") and text:
        if question.kind == "path" or supposes(sentences(text)[0]):
            return True
        later = nodes_stated(text, question)
        if later is not None and later != Answer(run.names):
            return True
    following = (
        re.search(r"\n\s*(\d+)[.)]\s", rest) if run.names[0].isdigit() and rest.startswith(".") else None
    )
    return following is not None and int(following[1]) == int(run.names[0]) + 1


_NONE_OPENING = case_insensitive(
    r"[\s\"'(:;,.=>\-]*(?:"
    + either(
        """so | thus | therefore | hence | there (?:are|is) | it is | they are | the (?:list|set) is | answer
        sorry | an? | the"""
    )
    + r"\b[\s:,]*){0,3}"
)
_NONE = case_insensitive(
    r"(?:no(?: (?:other|such|connected|disconnected|neighbou?ring|adjacent|remaining))? (?:nodes?|vertices"
    r"|vertex|neighbou?rs?|one|friends?|people|others?|connections?)"
    r"|none|nobody|nothing|empty(?: (?:list|set))?|\[\s*\]|\{\s*\}|\(\s*\)|\u2205|set\(\))(?![\w\]])"
)
_EXCEPT = case_insensitive(r"[^.\n]{0,40}\b(?:except|other than|but|besides|apart from|only)\b")
_NO_WITNESS_AT_START = case_insensitive(
    r"(?:none|no(?: such)? (?:\w+ )?(?:path|order|ordering)|unreachable|impossible)\b(?=\s*(?:[.,;!\n]|$"
    r"|exists?\b|from\b|between\b))"
)


def _none_at_start(text: str, question: Question) -> Reading:
    lead = _NONE_OPENING.match(text)
    at = lead.end() if lead else 0
    if question.kind != "node_set":
        match = _NO_WITNESS_AT_START.match(text, at)
        first = sentences(text)[0] if match else ""
        return (
            Answer(NONE_EXISTS, match.end())
            if match and not hedges(first) and not _QUALIFIED.search(first)
            else None
        )
    match = _NONE.match(text, at)
    if match is None:
        return None
    if _EXCEPT.match(text, match.end()):
        return UNCLEAR
    rest = re.split(r"[.\n]", text[match.end() :], maxsplit=1)[0]
    alone = not rest.strip(" \"')]}!") or re.match(
        r"[\s\"')\]}]*(?:[,;:(!]|- |(?:because|since|as|in (?:this|the) graph|here|exists?)\b)", rest
    )
    return (
        Answer(EMPTY, match.end()) if alone or _relation(text[at:].split("\n")[0], question) is True else None
    )


_CONNECTED = words(
    """connect(?:ed|s|ions?) | adjacent | neighbou?rs? | linked | links? | friends? | edges? | joined
    co-?authors? | papers? | knows?"""
)
_APART = words(
    """disconnected | unconnected | non-?adjacent | non-?neighbou?rs? | remaining | left | rest
    isolated from | missing"""
)


def _relation(sentence: str, question: Question) -> bool | None:
    """Whether a sentence speaks about the relation that was asked for; None where it speaks about none."""
    apart = _APART.search(sentence) is not None
    if not apart and not _CONNECTED.search(sentence):
        return None
    negative = apart or negations(_NONE.sub(" ", sentence)) > 0
    return negative == (question.task == "disconnected_nodes")


def nodes_stated(text: str, question: Question) -> Reading:
    """The list that the sentences give: the last, if all agree or it is a conclusion."""
    match: list[tuple[Value, bool]] = []
    stated, recited = "", []
    for sentence in islice(backwards(join_bullets(text)), MOST_SENTENCES):
        if is_question(sentence):
            continue
        if len(sentence) > _LONG_LINE and len(sentence) > _longest_list(question):
            match.append((UNCLEAR, False))
            break
        plain = _ASIDES.sub("", strip_hedge(sentence))
        if question.kind == "node_set":
            value, final = _set_stated(plain, question), _THE_NODES.match(plain) is not None
        else:
            value, final = _witness_stated(plain, question)
        if value == "others":
            recited.append(sentence)
        elif value is not None:
            stated = sentence
            match.append((value, final or concludes(sentence)))
            if is_final(match):
                break
    if len(match) == 1 and not match[0][1] and question.recites(stated, recited):
        return None
    return resolve(match[::-1])


_LONG_LINE = 8000


def _longest_list(question: Question) -> int:
    """More characters than any list of the nodes has, whatever stands between them."""
    return 4 * sum(len(name) + 10 for name in question.names)


_THE_NODES = case_insensitive(r"(?:the|all) (?:final |complete )?(?:list|set|nodes|people)\b")
_ASIDES = re.compile(
    r"\s?\([^()\n]{1,60},[^()\n]{1,60}\)|\s?\((?:via|through|from|edge|since|because|by|as"
    r"|due)\b[^()\n]{0,80}\)"
)
_ALL_BUT = words(
    """(?:all|every(?:thing|one|body)?|any)\\b[^.]{0,40}\\b(?:except|but|other than|besides|apart from)
    (?:all|every(?:thing|one|body)?|any)\\b[^.]{0,40}\\bexcluding
    except | excluding"""
)
_INTRODUCTION = case_insensitive(
    r"(?:\b(?:are|is|include|includes|only|namely|be)|:|=|\bto|\bwith|\bof|->)\s*(?:\b(?:only|just|exactly"
    r"|therefore|thus|then|the|following|nodes?)\b\s*)*[:\s\"'(\[{]*(?:nodes?\s+)?[\"'(\[{]*$"
    r"|\b(?:start|begin|visit)(?:s|ing)?(?: at| with| from| in)?\s+(?:nodes?\s+)?$"
)
_WHOLE_GRAPH = words(
    """all (?:the )?nodes? | graph among nodes | nodes in (?:the|this) graph
    (?:the|this) graph (?:has|contains|consists) | set of (?:all )?nodes | visited | remove | removing
    excluding | check(?:ing)?"""
)


def _introduced(sentence: str, lists: list[Run]) -> list[Run]:
    """The runs that stand after `are`, a colon, `connected to` and the like."""
    return [run for run in lists if _INTRODUCTION.search(sentence, max(0, run.start - 60), run.start)]


def _set_stated(sentence: str, question: Question) -> Value | None:
    """The set that one sentence gives: a sorted tuple, `unclear`, `others` (a list about another node) or
    None.
    """
    query = question.query[0] if question.query else ""
    relation = _relation(sentence, question)
    if _ALL_BUT.search(sentence) and relation is not False:
        return UNCLEAR
    lists = [run for run in runs(sentence, question) if run.names != (query,)]
    if not lists:
        return _states_none(sentence, question)
    named = query in question.mentioned(sentence)
    if relation is not None and _about_another(sentence, lists, named):
        return "others"
    run = None if relation is False else _answer_run(sentence, lists, named, relation)
    if run is None:
        return None
    if _WHOLE_GRAPH.search(sentence) and (not named or set(run.names) >= question.known):
        return None
    if supposes(sentence[: run.start]) and not sentence[: run.start].rstrip(" \"'([{").endswith(":"):
        return None
    # "Node 2 is not connected to 4, 5, or 6" lists all three.
    doubtful = (
        run.doubt
        or (run.either and not negations(sentence[: run.start]))
        or DOUBT_AFTER.match(sentence, run.end)
    )
    return UNCLEAR if doubtful else tuple(sorted(set(run.names)))


_SUBJECT = case_insensitive(r"(?:(?:so|then|and|also|now|thus|first|next)[,:]?\s+)*(?:node\s+)?[\"']?")
_NEIGHBOURS_OF = case_insensitive(
    r"\b(?:neighbou?rs|nodes (?:not )?(?:dis)?connected|friends|adjacent|nodes adjacent)\s+(?:of|to|for"
    r"|with|from)\s+(?:node\s+)?[\"']?"
)


def _about_another(sentence: str, lists: list[Run], named: bool) -> bool:
    """Whether a sentence says of another node what it is connected to."""
    start = _SUBJECT.match(sentence)
    first = lists[0]
    if start and first.start == start.end() and len(first.names) == 1 and (len(lists) > 1 or not named):
        return True
    head = _NEIGHBOURS_OF.search(sentence)
    return head is not None and any(run.start == head.end() and len(run.names) == 1 for run in lists[:-1])


def _answer_run(sentence: str, lists: list[Run], named: bool, relation: bool | None) -> Run | None:
    """The run that the sentence gives as its list."""
    introduced = _introduced(sentence, lists)
    if relation is True or named:
        if introduced:
            return introduced[-1]
        leading = lists[0]
        return (
            leading
            if re.match(r"\s*,?\s*(?:are|is|both|all|share|have)\b", sentence[leading.end :])
            else None
        )
    if len(lists) != 1:
        return None
    run = lists[0]
    after_colon = sentence[: run.start].rstrip(" \"'([{").endswith(":") and not re.search(
        r"\w", sentence[run.end :]
    )
    if (
        after_colon
        or concludes(sentence)
        or re.search(r"\b(?:list|answer|nodes|neighbou?rs|they|these)\b", sentence, re.IGNORECASE)
    ):
        return introduced[-1] if introduced else None
    around = re.sub(
        r"\b(?:nodes?|so|therefore|thus|hence|and)\b",
        "",
        sentence[: run.start] + sentence[run.end :],
        flags=re.IGNORECASE,
    )
    return run if len(run.names) > 1 and not run.arrows and not re.search(r"[a-zA-Z]", around) else None


_TO_ALL = words(
    """(?:connected|adjacent|linked|friends) (?:to|with) (?:all|every)(?:one|body)?\\b
    (?:all|every) (?:the )?(?:other )?nodes? (?:is|are) (?:directly )?(?:connected|adjacent|linked)"""
)
_NONE_STATED = case_insensitive(
    r"\b"
    + either(
        """there (?:is|are) none
        no (?:other )?(?:nodes?|vertices|one|neighbou?rs?|friends?|connections?|edges?) | none | nobody
        nothing | not (?:directly )?(?:connected|adjacent|linked|friends) (?:to|with) any\\w* | not have any
        (?:is|as) (?:an )?isolated | (?:set|list) is empty | empty (?:set|list)"""
    )
    + r"\b|n't (?:have any|(?:directly )?(?:connected|adjacent|linked|friends) (?:to|with) any\w*)\b"
)


def _states_none(sentence: str, question: Question) -> Value | None:
    """The empty tuple where a sentence without a list says that there are no such nodes."""
    clause = next((c for c in clauses(sentence) if _NONE_STATED.search(c) or _TO_ALL.search(c)), None)
    if (
        clause is None
        or supposes(clause)
        or _EXCEPT.search(clause)
        or set(question.mentioned(clause)) - set(question.query)
    ):
        return None
    none, apart = _NONE_STATED.search(clause), _APART.search(clause)
    if question.task == "disconnected_nodes":
        if _TO_ALL.search(clause) and not negations(clause):
            return EMPTY
        return (
            EMPTY
            if none
            and (apart or re.search(r"\bnot (?:directly )?connected\b", clause))
            and "isolated" not in clause
            else None
        )
    return EMPTY if none and not apart and not re.search(r"\b(?:no|none)\b.{0,200}\bnot\b", clause) else None


_QUALIFIED = words("shorter | direct | other | better | longer | fewer")
_NO_WITNESS = case_insensitive(
    r"\b(?:no|not any|without an?)\s+(?:\w+ ){0,2}(?:paths?|orders?|orderings?|sort|solution|route"
    r"|way)\b|\u221e|\b"
    + either(
        """none exists? | (?:path|order|ordering|sort) (?:does not|doesn't|cannot|can't) (?:exist|be)
        unreachable | not reachable | cannot be reached | infinite
        (?:does not|doesn't|do not|don't) (?:have|contain|exist|admit) | (?:not|dis)[ ]?connected
        impossible | no \\w+ (?:\\w+ )?is possible
        (?:cannot|can't|not possible to|no way to|unable to) (?:\\w+ )?(?:visit|traverse|order|sort)"""
    )
    + r"\b"
)
_ABOUT_WITNESS = words(
    """paths? | orders? | orderings? | sort | exists? | reach\\w* | routes? | infinite | \\w*connected
    impossible | none | (?:all|every|each) (?:the |of the )?nodes?"""
)


_PATH_IS = case_insensitive(
    r"\b(?:path|route|walk|order(?:ing)?)\b[^.;:\n]{0,60}?(?:\b(?:is|are)|:"
    r"|=)\s*[\"'(\[{]*(?:nodes?\s+)?[\"'(\[{]*$"
)


def _witness_stated(sentence: str, question: Question) -> tuple[Value | None, bool]:
    """The path or order that one sentence gives, or its statement that there is none, and whether that is
    said to be the answer: `The path is ..`.
    """
    lists = [
        run
        for run in runs(sentence, question)
        if len(run.names) > 2
        or (len(run.names) == 2 and run.arrows)
        or (
            (len(run.names) == 2 or (question.kind == "order" and not sentence[run.end :].strip(" .!")))
            and _PATH_IS.search(sentence, max(0, run.start - 120), run.start)
        )
    ]
    chosen = _introduced(sentence, lists) or [run for run in lists if run.arrows]
    denial = next((clause for clause in clauses(sentence) if _denies(clause, question)), None)
    run = chosen[-1] if chosen and not supposes(sentence[: chosen[-1].start]) else None
    final = run is not None and _PATH_IS.search(sentence, max(0, run.start - 120), run.start) is not None
    # "No such path is possible: after 0 -> 1 -> 2 we are stuck."
    if denial and (run is None or (not final and sentence.find(denial) < run.start)):
        return NONE_EXISTS, False
    if run is None:
        return None, False
    return UNCLEAR if run.doubt or run.either else run.names, final


def _denies(clause: str, question: Question) -> bool:
    """Whether a clause says that there is no such path or order."""
    about = _ABOUT_WITNESS.search(clause) and set(question.mentioned(clause)) <= set(question.query)
    denied = about and _NO_WITNESS.search(clause) and not _QUALIFIED.search(clause)
    return bool(denied) and not supposes(clause)


NODE_SET = AnswerKind(
    nodes_at_start,
    nodes_stated,
    judge_set,
    "a list of nodes",
    "the nodes with commas between them, or the words: No nodes",
)
PATH = AnswerKind(
    nodes_at_start,
    nodes_stated,
    judge_witness,
    "a path, node by node",
    "the nodes of the path in their order with commas between them, or the words: There is no path",
    separator=" -> ",
)
ORDER = AnswerKind(
    nodes_at_start,
    nodes_stated,
    judge_witness,
    "an order of the nodes",
    "the nodes in their order with commas between them",
)
