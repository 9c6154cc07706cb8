"""Yes/no answers: whole words, and statements for or against what the task asks."""

import re
from dataclasses import dataclass
from itertools import chain, islice, tee
from typing import Literal

from eval.answers.case_insensitive import CaseInsensitive, case_insensitive
from eval.answers.kinds.kind import AnswerKind, judge_equal
from eval.answers.prose import (
    UNCLEAR,
    Answer,
    Reading,
    Value,
    clauses,
    concludes,
    final_sentences,
    is_final,
    is_question,
    negations,
    opening,
    resolve,
    strip_hedge,
    supposes,
    words,
)
from eval.answers.question import Question


@dataclass(frozen=True, slots=True)
class Topic:
    """The words in which a task's answer is stated.

    yes: what is there if the answer is Yes. no: words that say No by themselves (a negation before them turns
        them round).
    other: words that show that a clause is about something else. pair: whether the question names two nodes.
    """

    yes: CaseInsensitive
    no: CaseInsensitive
    other: CaseInsensitive
    pair: bool = False


TOPICS: dict[str, Topic] = {
    "edge_existence": Topic(
        yes=words(
            """edges? | links? | connections? | connect(?:ed|s|ing)? | adjacent | linked | joined | friends?
            friendship | neighbou?rs? | co-?authors? | papers? | listed | in the (?:edge )?list | appears?
            present | relationship | know each other"""
        ),
        no=words("disconnected | unconnected | non-?adjacent | missing | absent | isolated | strangers"),
        other=words(
            """paths? | indirect(?:ly)? | via | through | reach(?:able|ed)? | other nodes?
            any (?:other )?node"""
        ),
        pair=True,
    ),
    "reachability": Topic(
        yes=words(
            """paths? | reach(?:able|ed|es)? | connected | gets? (?:from|to) | routes? | walk | travel(?:led)?
            connection | connects | (?:there )?is an edge"""
        ),
        no=words(
            """unreachable | disconnected | unconnected | isolated
            (?:different|separate) (?:connected )?components?"""
        ),
        other=words(
            """direct(?:ly)? | shorter | (?:no|not)[^.]{0,20} edges? | other path | simple | length | cycles?
            any other nodes?"""
        ),
        pair=True,
    ),
    "cycle_check": Topic(
        yes=words("cycles? | cyclic | loops? | circuits? | circular"),
        no=words("acyclic | trees? | forest | cycle-?free | non-?cyclic"),
        other=words(
            "self[- ]loops? | spanning tree | (?:even|odd)(?:[- ]length)? cycles? | (?:search|bfs|dfs) tree"
        ),
    ),
    "tree_check": Topic(
        yes=words("trees?"),
        no=words("(?:a|contains|has) cycles? | cyclic | disconnected"),
        other=words("spanning tree | (?:search|bfs|dfs) tree"),
    ),
    "euler_circuit_check": Topic(
        yes=words("euler(?:ian)?"),
        no=words("non-?eulerian"),
        other=words("euler(?:ian)? (?:path|trail) | all degrees"),
    ),
    "planarity_check": Topic(yes=words("planar"), no=words("non-?planar"), other=words("planar subgraph")),
    "connectivity": Topic(
        yes=words(
            "connected | (?:a )?path between (?:every|any|all) | (?:single|one) (?:connected )?component"
        ),
        no=words(
            """disconnected | unconnected | isolated
            (?:two|three|four|multiple|several|separate|more than one) (?:connected )?components"""
        ),
        other=words("(?:not )?connected (?:to|with) | strongly | directly"),
    ),
    "bipartite_check": Topic(
        yes=words("bipartite | (?:2|two)-?\\s?colou?r(?:able|ed)"),
        no=words("non-?bipartite | odd(?:[- ]length)? cycles?"),
        other=words("complete bipartite"),
    ),
}
TOPICS["directed_cycle_check"] = TOPICS["cycle_check"]

_OPENING = opening(
    """based on [^.,: | ?]{1,80} | according to [^.,: | ?]{1,80} | given [^.,: | ?]{1,80} | looking at [^.,:
    ?]{1,80} | from [^.,: | ?]{1,60} | an?"""
)
_WORD = case_insensitive(
    r"(?P<yes>yes|yeah|yep|yup|true|correct|affirmative)\b|(?P<no>no|nope|false|incorrect|negative)\b"
)
_DETERMINERS = ("no", "correct", "incorrect", "negative", "true", "false")
# "No node is isolated" opens with a determiner; "No, ..." and "No it is not" open with an answer.
_AFTER_DETERMINER = case_insensitive(
    r"[\"')\]}]*\s*(?:$|[.,;:!\n\"')\]}(<\u2026/]|- |(?:it|there|they|the|because|since|as|this|that|we"
    r"|you|i|these|not|based|they're|no|yes|wait|answer|(?:and|or) yes)\b)"
)
_BOTH = case_insensitive(
    r"[\"')]*\s*(?:,?\s*(?:and|or|and/or|or maybe|but also)\s+|[/|]\s*|,?\s*)(?:also\s+"
    r"|maybe\s+)?[\"']?(?P<again>yes|no|true|false)\b[\"']?(?=\s*(?:$|[.,;:!?\n)]|yes\b|no\b))"
)


def yes_no_at_start(text: str, question: Question) -> Reading:
    """The Yes or No that a text opens with.

    "Yes and no" is unclear; "No node is isolated" opens with no answer.
    """
    match = _leading_word(text, question)
    if match is None:
        return None
    value = match["yes"] is not None
    both = _BOTH.match(text, match.end())
    if both and (both["again"].lower() in ("yes", "true")) is not value:
        return UNCLEAR
    return Answer(value, match.end())


# "No, there is no cycle of length 3" says nothing of the others.
_NO_PART = case_insensitive(
    r"[^.!?\n]{0,60}?\b(?:no|any) (?:\w+ ){0,2}"
    r"(?:of (?:length|size)|with (?:length|\w+ (?:nodes|edges|vertices)))\b"
)


def _leading_word(text: str, question: Question) -> re.Match[str] | None:
    """The Yes or No that a text opens with, perhaps after the nodes that the question names."""
    at = _after_nodes(text, question) if len(question.query) == 2 else 0
    lead = _OPENING.match(text, at)
    match = _WORD.match(text, lead.end() if lead else at)
    if match is None or (match["no"] and _NO_PART.match(text, match.end())):
        return None
    if text[match.end() : match.end() + 1] == "-":
        return None
    if match[0].lower() in _DETERMINERS and not _AFTER_DETERMINER.match(text, match.end()):
        return None
    return match


def _after_nodes(text: str, question: Question) -> int:
    """Where the names of the question's two nodes end that a text opens with: `(2, 3) Yes.`"""
    at = 0
    for token in question.tokens(text[:80]):
        if token[0] not in question.query and token[0] not in ("node", "nodes", "and", "Node", "Nodes"):
            break
        at = token.end() + (text[token.end() : token.end() + 1] in (")", "]"))
    return at


def yes_no_stated(text: str, question: Question) -> Reading:
    """What the sentences claim: the last claim, if all agree or it is a conclusion."""
    match: list[tuple[Value, bool]] = []
    stated, recited = "", []
    last, before, earlier = tee(chain(final_sentences(text), ("", "")), 3)
    for i, (sentence, asking, opens) in enumerate(
        zip(last, islice(before, 1, None), islice(earlier, 2, None), strict=False)
    ):
        if is_question(sentence):
            continue
        word = _leading_word(sentence, question)
        # "Is (4, 2) listed? No. Is (2, 4) listed? Yes." answers questions on the way, unless the text ends
        # there.
        if word and i and opens and asking.endswith("?"):
            if question.query:
                continue
            sentence = strip_hedge(sentence[word.end() :].lstrip(" ,"))
            word = _leading_word(sentence, question)
        claims, others = ([word["yes"] is not None], 0) if word else _claims(sentence, question)
        if others:
            recited.append(sentence)
        if claims:
            stated = sentence
            conclusive = concludes(sentence)
            match.extend((claim, conclusive) for claim in reversed(claims))
            if is_final(match):
                break
    if len(match) == 1 and not match[0][1] and question.recites(stated, recited):
        return None
    return resolve(match[::-1])


_INLINE = case_insensitive(
    r"(?:\b(?:but|say|think|believe|guess|is|be|probably|likely|definitely|certainly|clearly|so|therefore"
    r"|thus|hence|then)[,:]?|:)\s+"
    r"[\"']?(?P<word>yes|no|true|false)\b[\"']?\s*(?=[.,;!)\]}\n]|$)"
)
_CONDITION = words("if | whether | suppos(?:e|ing) | assum(?:e|ing) | unless")
_FALSE_THAT = case_insensitive(r"\b(?:not the case|false|not true|incorrect|untrue) that\b")


def _claims(sentence: str, question: Question) -> tuple[list[bool], int]:
    """The claims of a sentence that opens with no Yes or No, and how many of its clauses claim it of other
    nodes.
    """
    plain = strip_hedge(sentence)
    if plain != sentence and (word := _leading_word(plain, question)):
        return [word["yes"] is not None], 0
    sentence = plain
    if inline := _INLINE.search(sentence):
        return [inline["word"].lower() in ("yes", "true")], 0
    topic = TOPICS.get(question.task)
    if topic is None or not (topic.yes.search(sentence) or topic.no.search(sentence)):
        return [], 0
    claims, others = [], 0
    conditional = False
    for clause in clauses(sentence):
        supposed = supposes(clause) or (conditional and not re.match(r"(?:so|we)\b", clause, re.IGNORECASE))
        conditional = supposed and (conditional or _CONDITION.search(clause) is not None)
        claim = None if supposed else _claim(clause, topic, question)
        if claim == "others":
            others += 1
        elif claim is not None:
            claims.append((claim == "yes") is not bool(_FALSE_THAT.search(clause)))
    return claims, others


_THING = r"(?:cycles?|loops?|paths?|graphs?|edges?|trees?)"
_DEFINITION = case_insensitive(
    rf"^(?:an? (?:\w+ ){{0,2}}|(?:\w+ )?(?=\w+s\b)){_THING} "
    r"(?:is (?:an?|any|the|when|where|one|simply|defined)|are (?!present|found|there|no|not|in)|means?"
    r"|requires?|occurs?|consists?|can be"
    rf"|refers?)\b|^(?:any|every|each|an?) (?:\w+ )?{_THING} (?:in an? graph|that|which|where|is|means"
    rf"|starts|visits)\b"
    r"(?! (?:present|found|formed|there|possible|not)\b)"
)
_WITHOUT = case_insensitive(r"^without .*?(?=\b(?:there|it|we|the graph)\b)")


def _claim(clause: str, topic: Topic, question: Question) -> Literal["yes", "no", "others"] | None:
    """What one clause claims: `others` where it says something of the kind about other nodes."""
    against = topic.no.search(clause)
    if not (against or topic.yes.search(clause)) or topic.other.search(clause) or _DEFINITION.match(clause):
        return None
    counted = negations(_FALSE_THAT.sub(" ", topic.no.sub(" ", _WITHOUT.sub("", clause))))
    negative = (counted + (against is not None)) % 2 == 1
    named = question.mentioned(clause)
    if topic.pair:
        return _about_pair(clause, named, negative, against is not None, question)
    if negative and _NO_PART.match(clause):
        return "others"
    if named and (negative or question.task == "connectivity"):
        return "others"
    return "no" if negative else "yes"


_OTHER_END = words("it | they | both | each other | to | with")
_MANY = words(
    "edges | links | connections | neighbou?rs | friends of | paths | (?:every|each) edge | all (?:the )?\\w+"
)
_BETWEEN = case_insensitive(
    r"\b(?:connect\w*|adjacent|linked|friends?|edges?|knows?|joined|neighbou?rs?|path|reach\w*)\b"
)


def _about_pair(
    clause: str, named: list[str], negative: bool, no_word: bool, question: Question
) -> Literal["yes", "no", "others"] | None:
    pair = set(question.query)
    if question.directed and set(named) >= pair and len(pair) == 2 and _backwards(clause, named, question):
        return None
    if set(named) - pair:
        # "Node 2 is connected to 0, 1, and 3" says Yes for 2 and 3, "Nodes 2 and 3 are connected to 0" says
        # nothing.
        verb = _BETWEEN.search(clause)
        before = question.mentioned(clause[: verb.start()]) if verb else []
        subject = set(before) & pair
        if (
            not negative
            and pair <= set(named)
            and (question.task == "reachability" or (len(before) == len(subject) == 1))
        ):
            return "yes"
        return "others"
    if not named and not negative and _MANY.search(clause):
        return None
    if (
        len(set(named)) == 1
        and not negative
        and not no_word
        and not (question.task == "reachability" and named[0] == question.query[-1])
    ):
        return "yes" if _OTHER_END.search(clause) else None
    return "no" if negative else "yes"


def _backwards(clause: str, named: list[str], question: Question) -> bool:
    """Whether a clause about a directed pair goes from the target to the source."""
    passive = re.search(r"\b(?:reached|reachable) from\b", clause, re.IGNORECASE) is not None
    return (named[0] == question.query[0]) is passive


YES_NO = AnswerKind(yes_no_at_start, yes_no_stated, judge_equal, "a yes or no", "Yes or No", is_word=True)
