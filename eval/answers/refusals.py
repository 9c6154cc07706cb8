"""Sentences in which a model declines to answer."""

import re

from eval.answers.case_insensitive import case_insensitive, lower_case
from eval.answers.prose import either

_UNWILLING = either(
    """cannot | can't | can not | won't | will not | must (?:respectfully )?decline | have to decline
    decline | refuse | not able to | unable to | not (?:allowed|permitted|programmed|designed|authorized) to
    would (?:rather )?not | not going to | don't feel comfortable | do not feel comfortable
    don't have the (?:ability|capability|capacity) | do not have the (?:ability|capability|capacity)
    don't (?:provide|offer|engage) | do not (?:provide|offer|engage)"""
)
_SERVICE = either(
    """help | assist | answer | share | provid | discuss | comply | fulfil | support | engag | participat
    continu | disclos | reveal | give | complet | do (?:that|this|so) | process | mak(?:e|ing) guesses
    speculat | generat | creat | respond | offer | perform | solv | handl | accommodat | proceed | talk
    reply | work on | access | analy[sz] | carry(?:ing)? out"""
)
_REFUSAL = case_insensitive(
    rf"\b(?:(?:i|we)(?: am| are|'m|'re)?(?: (?:really|truly|also|sorry|afraid|but|i))* "
    rf"(?:{_UNWILLING})(?: be able to)?(?: to)?"
    rf"(?: (?:directly|really|currently|further|with))* ?(?:{_SERVICE}\w*|(?=[.!]|$)|the request\b)"
    r"|as an? (?:ai|language model|large language model)\b[^.]{0,60}?\b(?:cannot|can't|unable|not able"
    r"|don't|do not)"
    r"|(?:against|violates?) (?:my|our|the) (?:policy|policies|guidelines|programming)"
    r"|unable to (?:help|assist|comply|answer|provide|fulfil)|(?:can't|cannot|can not) (?:help|assist"
    r"|comply)\b)"
)
# Every refusal has one of these words, or such a `not`; most texts have neither, and are not searched
# further.
_WORDS = ("n't", "unable", "decline", "refuse", "against", "violate")
_NOT = case_insensitive(
    r"not(?:(?<=cannot)|(?<=(?:can|ill|uld|her) not)|(?<=do not)| (?:able|allowed|permitted|programmed"
    r"|designed|authorized|going))"
)
_AFTER_REFUSAL = re.compile(r"\b(?:because|since|but|however)\b|[;.!\n](?:\s|$)")
_NOT_ENOUGH = case_insensitive(
    r"\b(?:without|from|based on|with (?:the|only)|given (?:the|only)|not enough"
    r"|(?<!that )(?<!this )(?<!such )(?<!your )information)\b"
)


def refusals(text: str) -> tuple[str, bool]:
    """The text without its refusals, and whether there was one.

    >>> refusals("Sorry, I cannot help with node 5. The graph is large.")
    ('Sorry, . The graph is large.', True)
    """
    if not any(map(lower_case(text).__contains__, _WORDS)) and not _NOT.search(text):
        return text, False
    kept, at, refused = [], 0, False
    while match := _REFUSAL.search(text, at):
        stop = _AFTER_REFUSAL.search(text, match.end())
        end = stop.start() if stop else len(text)
        # "I cannot answer this without the edges" is a doubt about the graph, no refusal.
        doubt = match[0].lower().endswith(
            ("answer", "solv", "solve", "provide", "give")
        ) and _NOT_ENOUGH.search(text, match.end(), end)
        kept.append(text[at : end if doubt else match.start()])
        refused = refused or not doubt
        at = max(end, match.end())
    return "".join(kept) + text[at:], refused
