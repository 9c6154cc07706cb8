"""Class answers: which of the offered words a text settles on."""

import re

from eval.asked import Asked
from eval.prose import UNCLEAR, Answer, Reading, Value, clauses, concludes, hedges, is_question, sentences, settle

_LEAD = re.compile(
    r"[\s\"'(\[{:;,.=>\-]*(?:(?:so|well|ok(?:ay)?|sure|thus|therefore|hence|then|answer|output|result|response|conclusion|in conclusion|finally|overall|probably|likely|most likely|perhaps|maybe"
    r"|simply|just|it is|it's|that's|i (?:think|believe|guess|would say|'d say)|i'd say|the answer is|class|label|the class|the label|category|the sport|sport|the|that|sorry)\b[\s\"'(:;,.=>]*){0,4}",
    re.IGNORECASE,
)
_SUBJECT = re.compile(
    r"(?:that |because )?(?:(?:the )?node )?\S{1,40}(?: \S{1,20})? (?:most likely |probably |likely |also |would |should |must |really |definitely )?(?:likes?|prefers?|is into|enjoys?|likes to play|belongs to|is in)\s+(?:to play |playing |the )?",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]+(?:[- ][^\W\d_]+)?")
_FUNCTION_WORDS = frozenset(
    """the a an this that these those it they he she we i you there here node nodes based since because as if in on of to for from with by let let's first looking according given most all
    both neither either none unknown no yes not and or but is are was were be has have do does what which who why how when where more less majority each some any one two three
    step question answer example likes like liking unclear undetermined cannot can't sure well ok okay so however although while to's we're i'm unable sorry likely probably maybe perhaps
    depends tie equal equally undecided either's nothing anything everything something its their his her""".split()
)
_OR = re.compile(r"\W{0,3}\s*(?:or|and|and/or|/|&|vs\.?|versus)\s*\W{0,2}", re.IGNORECASE)
_REVISION = re.compile(
    r"\b(?:wait|actually|correction|on second thought|on reflection|i was wrong|let me (?:correct|re-?\w+)|scratch that|oops|no,)",
    re.IGNORECASE,
)


def label_at_start(text: str, asked: Asked) -> Reading:
    """The class that a text opens with; a lone word that was not offered is an answer too, a wrong one."""
    lead = _LEAD.match(text)
    word = re.compile(r"[^\W_]+").match(text, lead.end() if lead else 0)
    if word is None:
        return None
    offered = [c.lower() for c in asked.classes]
    said = word[0].lower()
    if said in offered:
        joined = _OR.match(text, word.end())
        after = re.compile(r"\w+").match(text, joined.end()) if joined else None
        if after and after[0].lower() in offered and after[0].lower() != said:
            return UNCLEAR
        if re.match(r"\s*,\s*(?:" + "|".join(map(re.escape, offered)) + r")\s*[.]?\s*$", text[word.end() :], re.IGNORECASE):
            return UNCLEAR
        if revision := _REVISION.search(text, word.end()):
            later = label_stated(text[revision.end() :], asked)
            if later is not None and not (isinstance(later, Answer) and later.value == said):
                return UNCLEAR
        return Answer(said, word.end())
    return _other_word(text, word, asked)


def _other_word(text: str, word: re.Match[str], asked: Asked) -> Reading:
    """A word that was not offered, where it is all that the first line says."""
    line = text[word.start() :].split("\n")[0].strip(" .!\"'`)]}")
    if line.lower() in _FUNCTION_WORDS or word[0].lower() in _FUNCTION_WORDS or asked.name(word[0], listed=True):
        return None
    if _WORD.fullmatch(line) and not any(part in _FUNCTION_WORDS for part in line.lower().split()):
        return Answer(line.lower(), word.end())
    return None


_LIKES = re.compile(
    r"\b(?:likes?|liking|prefers?|preferr?ing|enjoys?|loves?|plays?|favou?rs?|chooses?|is|be|class|label|category|group|belongs?|for|assigned|classified|predict\w*|say|choose|pick|guess|answer|go with|interest\w*|fan)\b",
    re.IGNORECASE,
)
_REJECTS = re.compile(
    r"\b(?:not|n't|no|never|rather than|instead of|over|unlike|than|doesn't|dislikes?|prefers? \w+ to|hates?|neither|nor|against|without|fewer|less|except)\s+(?:\w+\s+){0,4}$|n't\s+(?:\w+\s+){0,3}$",
    re.IGNORECASE,
)
_ABOUT_IT = re.compile(r"\b(?:it|he|she|they|this node|the node|its|this person|that node|the last node|the target)\b", re.IGNORECASE)


def label_stated(text: str, asked: Asked) -> Reading:
    """The class that the sentences give to the node of the question."""
    offered = [c.lower() for c in asked.classes]
    direct: list[tuple[Value, bool]] = []
    loose: list[tuple[Value, bool]] = []
    for sentence in sentences(text):
        if is_question(sentence):
            continue
        said = _said(sentence, offered)
        unknown = _unknown_liked(sentence, offered, asked)
        if not said and unknown is None:
            continue
        if hedges(sentence) and not concludes(sentence):
            continue
        about = _subject(sentence, said, asked)
        chosen = sorted({c for c, kept in said if kept})
        if unknown is not None and not chosen:
            direct.append((unknown, concludes(sentence)))
        elif len(chosen) > 1:
            first = _main_choice(sentence, offered, asked)
            if first is not None:
                direct.append((first, concludes(sentence)))
            elif about and about != "others":
                direct.append((UNCLEAR, concludes(sentence)))
            elif about != "others" and _alternatives(sentence, offered):
                loose.append((UNCLEAR, False))
        elif chosen and about == "query":
            direct.append((chosen[0], concludes(sentence)))
        elif chosen and about != "others":
            loose.append((chosen[0], concludes(sentence)))
    reading = settle(direct) if direct else settle(loose)
    return UNCLEAR if isinstance(reading, Answer) and reading.value == UNCLEAR else reading


def _said(sentence: str, offered: list[str]) -> list[tuple[str, bool]]:
    """Offered words in a sentence, each with whether it is kept (True) or turned down."""
    if not offered:
        return []
    pattern = re.compile(rf"(?<![\w-])(?:{'|'.join(map(re.escape, offered))})(?![\w-])", re.IGNORECASE)
    return [(m[0].lower(), not _REJECTS.search(sentence, max(0, m.start() - 40), m.start())) for m in pattern.finditer(sentence)]


def _alternatives(sentence: str, offered: list[str]) -> bool:
    pair = "|".join(map(re.escape, offered))
    return re.search(rf"\b(?:{pair})\s+(?:or|and)\s+(?:{pair})\b", sentence, re.IGNORECASE) is not None


def _subject(sentence: str, said: list[tuple[str, bool]], asked: Asked) -> str:
    """Whose class a sentence gives: `query`, `others`, or '' where it names nobody."""
    query = asked.query[0] if asked.query else ""
    found = ""
    for clause in clauses(sentence):
        if not any(c in clause.lower() for c, _ in said):
            continue
        named = asked.mentioned(clause)
        if (
            query in named
            and _LIKES.search(clause)
            and not re.search(rf"\b(?:connected|linked|adjacent|neighbou?rs?|friends?)\b.*\b{re.escape(query)}\b", clause)
        ):
            return "query"
        if _ABOUT_IT.search(clause) and not set(named) - {query} and re.search(r"\b(?:likes|prefers|like)\b", clause):
            return "query"
        if set(named) - {query}:
            found = "others"
    return found


def _main_choice(sentence: str, offered: list[str], asked: Asked) -> str | None:
    """The class of the one clause that is about the node of the question, in a sentence that names several."""
    chosen = []
    for clause in clauses(sentence):
        said = [c for c, kept in _said(clause, offered) if kept]
        if len(set(said)) == 1 and _subject(clause, [(c, True) for c in said], asked) == "query":
            chosen.append(said[0])
    return chosen[-1] if len(set(chosen)) == 1 else None


def _unknown_liked(sentence: str, offered: list[str], asked: Asked) -> str | None:
    """A word that was not offered, said of the node of the question: `Node 3 likes hockey.`"""
    if not asked.query:
        return None
    found = re.search(
        rf"(?<!\w){re.escape(asked.query[0])}\s+(?:\w+ly )?(?:likes|prefers|enjoys)\s+(?:to play |playing |the )?([a-z]+)",
        sentence,
        re.IGNORECASE,
    )
    if found is None or found[1].lower() in offered or found[1].lower() in _FUNCTION_WORDS:
        return None
    return found[1].lower()
