"""Yes/no answers: whole words, and statements for or against what the task asks."""

import re
from dataclasses import dataclass

from eval.prose import UNCLEAR, Answer, Asked, Reading, clauses, concludes, hedges, is_question, negations, sentences, settle, supposes


@dataclass(frozen=True, slots=True)
class Topic:
    """The words in which a task's answer is stated.

    yes: what is there if the answer is Yes. no: words that say No by themselves (a negation before them turns them round).
    other: words that show that the clause is about something else. about: how many nodes the statement has to be about.
    """

    yes: re.Pattern[str]
    no: re.Pattern[str]
    other: re.Pattern[str]
    about: int


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE)


TOPICS: dict[str, Topic] = {
    "edge_existence": Topic(
        _words(
            r"edges?|links?|connections?|connect(?:ed|s)?|adjacent|linked|joined|friends?|friendship|neighbou?rs?|co-?authors?|papers?"
            r"|listed|in the (?:edge )?list|appears?|present|relationship|(?:know|knows) each other"
        ),
        _words(r"disconnected|unconnected|non-?adjacent|missing|absent|isolated|strangers"),
        _words(r"paths?|indirect(?:ly)?|via|through|reach(?:able|ed)?|other nodes?|any (?:other )?node"),
        2,
    ),
    "reachability": Topic(
        _words(
            r"paths?|reach(?:able|ed|es)?|connected|get(?:s)? (?:from|to)|routes?|walk|travel(?:led)?|connection|(?:is|there is) an edge|connects"
        ),
        _words(r"unreachable|disconnected|unconnected|isolated|(?:different|separate) (?:connected )?components?"),
        _words(r"direct(?:ly)?|shorter|(?:no|not|n't)[^.]{0,20} edges?|other path|simple|length|cycles?|any other nodes?"),
        2,
    ),
    "cycle_check": Topic(
        _words(r"cycles?|cyclic|loops?|circuits?|circular"),
        _words(r"acyclic|trees?|forest|cycle-?free|noncyclic"),
        _words(r"self[- ]loops?|spanning tree|(?:even|odd)(?:[- ]length)? cycles?|search tree|bfs tree|dfs tree"),
        0,
    ),
    "connectivity": Topic(
        _words(r"connected|(?:a )?path between (?:every|any|all)|single (?:connected )?component|one (?:connected )?component"),
        _words(r"disconnected|unconnected|isolated|(?:two|three|four|multiple|several|separate|more than one) (?:connected )?components"),
        _words(r"(?:not )?connected (?:to|with)|strongly|directly"),
        0,
    ),
    "bipartite_check": Topic(
        _words(r"bipartite|(?:2|two)-?\s?colou?r(?:able|ed)|two-colou?rable"),
        _words(r"non-?bipartite|not bi-?partite(?<!not bipartite)|odd(?:[- ]length)? cycles?"),
        _words(r"complete bipartite"),
        0,
    ),
}

_LEAD = re.compile(
    r"^[\s\"'(\[{:;,.=>\-]*(?:(?:so|well|ok(?:ay)?|sure|hmm+|oh|ah|thus|therefore|hence|then|answer|output|result|response|conclusion|solution|verdict|in conclusion|to conclude"
    r"|finally|overall|i (?:think|believe|guess|would say|'d say)|i'd say|it is|it's|that's|most (?:likely|probably)|probably|likely|perhaps|maybe|definitely|certainly|clearly|obviously"
    r"|simply|just|in short|the answer is|based on [^.,:\n?]{1,80}|according to [^.,:\n?]{1,80}|given [^.,:\n?]{1,80}|looking at [^.,:\n?]{1,80}|from [^.,:\n?]{1,60}|sorry|a|an?)"
    r"\b[\s\"'(:;,.!=>\-]*){0,4}",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?P<yes>yes|yeah|yep|yup|true|correct|affirmative)\b|(?P<no>no|nope|false|incorrect|negative)\b", re.IGNORECASE)
# "No node is isolated" opens with a determiner, "No, ..." and "No it is not" with an answer.
_AFTER_NO = re.compile(
    r"[\"')\]}]*\s*(?:$|[.,;:!\n\"')\]}(<]|- |\u2026|it\b|there\b|they\b|the\b|because\b|since\b|as\b|this\b|that\b|we\b|you\b|i\b|these\b|not\b|based\b|they're\b|no\b|wait\b|answer\b|and\s+yes\b|or\s+yes\b|/)",
    re.IGNORECASE,
)
_BOTH = re.compile(
    r"[\"')]*\s*(?:,?\s*(?:and|or|and/or|or maybe|but also)\s+|/\s*|,\s*)(?:also\s+|maybe\s+)?[\"']?(?:yes|no|true|false)\b(?!\s+\w+ (?:is|are))",
    re.IGNORECASE,
)
_OPPOSITE = {
    True: re.compile(r"(?:^|[.!?\n;,-]\s*|\b(?:wait|actually|rather|correction|hmm+|sorry|oops|say|so|therefore|hence|thus|then)[,.:!]?\s+)(?:no|nope|false)\s*(?=[.,;!\n]|$)", re.IGNORECASE),
    False: re.compile(r"(?:^|[.!?\n;,-]\s*|\b(?:wait|actually|rather|correction|hmm+|sorry|oops|say|so|therefore|hence|thus|then)[,.:!]?\s+)(?:yes|yeah|yep|true)\s*(?=[.,;!\n]|$)", re.IGNORECASE),
}  # fmt: skip
_REVISION = re.compile(
    r"\b(?:wait|actually|correction|on second thought|on reflection|i was wrong|i made (?:a|an) (?:mistake|error)|let me (?:correct|re-?\w+)|scratch that|oops|no,)",
    re.IGNORECASE,
)
_HYPHENATED = re.compile(r"(?:yes|no|true|false)[-/]\w", re.IGNORECASE)


def yes_no_at_start(text: str, asked: Asked) -> Reading:
    """The Yes or No that a text opens with, unless the rest takes it back."""
    found = _word_after_lead(text)
    if found is None:
        return None
    if _BOTH.match(text, found.end()):
        return UNCLEAR
    value = found["yes"] is not None
    rest = text[found.end() :]
    if len(rest) > 3 and _takes_back(rest, value, asked):
        return UNCLEAR
    return Answer(value, found.end())


def _word_after_lead(text: str) -> re.Match[str] | None:
    lead = _LEAD.match(text)
    at = lead.end() if lead else 0
    found = _WORD.match(text, at) or (_WORD.match(text.lstrip(" \n\"'([{:"), 0) if not at else None)
    if found is None or _HYPHENATED.match(found.string, found.start()):
        return None
    if found[0].lower() in ("no", "correct", "incorrect", "negative", "true") and not _AFTER_NO.match(found.string, found.end()):
        return None
    return found


def _takes_back(rest: str, value: bool, asked: Asked) -> bool:
    """Whether text after a leading Yes or No says the opposite in so many words."""
    if _OPPOSITE[value].search(rest):
        return True
    revision = _REVISION.search(rest)
    if revision is None:
        return False
    later = yes_no_stated(rest[revision.start() :], asked)
    return isinstance(later, Answer) and later.value is not value


def yes_no_stated(text: str, asked: Asked) -> Reading:
    """What the sentences claim: the last claim, if all agree or it is a conclusion."""
    found: list[tuple[bool, bool, bool]] = []
    elsewhere = 0
    for sentence in sentences(text):
        if is_question(sentence):
            continue
        if hedges(sentence):
            word = _word_after_lead(sentence)
            if word is None:
                continue
        claims, others = _claims(sentence, asked)
        elsewhere += others
        found.extend((claim, concludes(sentence), elsewhere >= 2) for claim in claims)
    if len(found) == 1 and not found[0][1] and elsewhere >= 3:
        return None  # the graph's own lines, recited: one of them happens to be about the nodes asked for
    return settle([(value, conclusive) for value, conclusive, _ in found])


_INLINE = re.compile(
    r"(?:\b(?:say|think|believe|guess|is|be|probably|likely|definitely|certainly|clearly|so|therefore|thus|hence|then)[,:]?|:)\s+[\"']?(?P<word>yes|no|true|false)\b[\"']?\s*(?=[.,;!)\]}\n]|$)",
    re.IGNORECASE,
)


def _claims(sentence: str, asked: Asked) -> tuple[list[bool], int]:
    """The claims of one sentence, and how many of its clauses say the same of other nodes."""
    word = _word_after_lead(sentence)
    if word is not None:
        return [word["yes"] is not None], 0
    if inline := _INLINE.search(sentence):
        return [inline["word"].lower() in ("yes", "true")], 0
    topic = TOPICS.get(asked.task)
    if topic is None or not (topic.yes.search(sentence) or topic.no.search(sentence)):
        return [], 0
    claims, others = [], 0
    supposed = False
    for clause in clauses(sentence):
        supposed = supposes(clause) or (supposed and not re.match(r"(?:then|so|we)\b", clause, re.IGNORECASE))
        if supposed:
            continue
        claim = _claim(clause, topic, asked)
        if claim == "others":
            others += 1
        elif claim is not None:
            claims.append(claim == "yes")
    return claims, others


_DEFINITION = re.compile(
    r"^(?:an? |the )?(?:\w+ ){0,2}(?:cycles?|paths?|graphs?|edges?|trees?) (?:is|are|means?|requires?|occurs?|exists?|consists?|can be|refers?)\b(?! (?:no|not|present|in|there|listed|connected|disconnected|acyclic|cyclic|bipartite|between))",
    re.IGNORECASE,
)
_GENERAL = re.compile(r"^(?:an?|any|every|each) (?:un)?(?:directed )?(?:graph|cycle|path|tree)\b", re.IGNORECASE)


def _claim(clause: str, topic: Topic, asked: Asked) -> str | None:
    """`yes`, `no`, `others` (the same about other nodes) or None for one clause."""
    against = topic.no.search(clause)
    if not (against or topic.yes.search(clause)):
        return None
    if topic.other.search(clause) or _GENERAL.match(clause) and " exists" not in clause or _DEFINITION.match(clause):
        return None
    negative = (negations(_without_double(clause, topic)) + (against is not None)) % 2 == 1
    named = set(asked.mentioned(clause))
    if topic.about == 2:
        pair = set(asked.query)
        if asked.task == "reachability" and not negative and pair <= named:
            return "yes"
        if named - pair:
            return "others"
        if named and len(named) < len(pair) and not negative and against is None and re.search(r"\b(?:to|with|and)\b", clause) is None:
            return None
        if asked.directed and len(pair) == 2 and named == pair and _backwards(clause, asked):
            return None
    elif named and (negative or asked.task == "connectivity"):
        return "others"
    return "no" if negative else "yes"


def _without_double(clause: str, topic: Topic) -> str:
    """The clause without its No-words, whose own `non` or `not` would count twice."""
    return topic.no.sub(" ", clause)


def _backwards(clause: str, asked: Asked) -> bool:
    """Whether a clause about a directed pair names the target first, as `from T to S`."""
    order = asked.mentioned(clause)
    return (
        order[0] != asked.query[0] and re.search(r"\b(?:from|reached from|by)\b", clause) is not None and "from " + order[-1] not in clause
    )
