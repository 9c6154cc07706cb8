"""Node-name schemes: what the nodes of a graph are called in its text."""

import random
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property, lru_cache, partial

from data_builders.errors import check_choice

KEPT = 64  # nodes up to which the texts of all pairs are kept

# GraphQA's names come first in each list (nodes 0 to 18); the rest is ours, in the same spirit and without
# names that are also everyday words, so that an answer can be read back out of free text.
LISTS = {
    "names": """
        James Robert John Michael David Mary Patricia Jennifer Linda Elizabeth William Richard Joseph Thomas
        Christopher Barbara Susan Jessica Sarah Karen Daniel Lisa Matthew Nancy Anthony Betty Donald Sandra
        Steven Ashley Andrew Kimberly Kenneth Emily Joshua Donna Kevin Michelle Brian Carol George Amanda
        Timothy Melissa Ronald Deborah Jason Stephanie Edward Rebecca Jeffrey Laura Ryan Helen Jacob Sharon
        Nicholas Cynthia Gary Kathleen Eric Amy Jonathan Angela Stephen Shirley Larry Anna Justin Brenda Scott
        Pamela Brandon Emma Benjamin Nicole Samuel Samantha Gregory Katherine Alexander Christine Frank Debra
        Raymond Rachel Patrick Carolyn Jack Janet Dennis Maria Jerry Olivia Tyler Heather
    """,
    "south_park": """
        Eric Kenny Kyle Stan Tolkien Heidi Bebe Liane Sharon Linda Gerald Veronica Michael Jimbo Herbert
        Malcolm Gary Steve Chris Wendy Craig Tweek Clyde Jimmy Timmy Leopold Randy Shelly Ike Sheila Stuart
        Carol Kevin Karen Annie Nichole Scott Bradley Damien Philip Terrance Jerome Alphonse Thomas Laura
        Roger Ryan Stephen Marvin Richard Nelly Diane Janet David Esther Jenny Lola Mercedes Millie Nathan
    """,
    "got": """
        Ned Cat Daenerys Jon Bran Sansa Arya Cersei Jaime Petyr Robert Jorah Viserys Joffrey Maester Theon
        Rodrik Lysa Stannis Robb Rickon Tyrion Tywin Brienne Samwell Davos Melisandre Margaery Loras Olenna
        Varys Bronn Sandor Gregor Ygritte Gilly Hodor Tormund Missandei Drogo Tommen Myrcella Renly Ramsay
        Roose Jeor Aemon Osha Shae Oberyn Ellaria Gendry Podrick Edmure Lyanna Rhaegar Aerys Beric Thoros
        Qyburn Meera Jojen Barristan Balon Yara Euron Craster Alliser Janos Pycelle
    """,
    "politicians": """
        Barack Jimmy Arnold Bernie Bill Kamala Hillary Elizabeth John Ben Joe Alexandria George Nancy Pete
        Madeleine Elijah Gabrielle Al Abraham Theodore Franklin Dwight Lyndon Ronald Gerald Richard Harry
        Margaret Winston Angela Jacinda Justin Emmanuel Boris Theresa Tony Gordon Helmut Willy Nelson Indira
        Golda Benazir Condoleezza Colin Mitt Paul Ted Marco Cory Amy Kirsten Tammy Susan Sarah Sonia Thurgood
        Ruth Antonin Henry Dianne Barbara Shirley Geraldine Walter Michael Adlai Eleanor
    """,
}


def _listed(names: Sequence[str], n: int, rng: random.Random) -> list[str]:
    """The first n names; past the end they come round again with a number: James2, Robert2, ..."""
    size = len(names)
    return [names[i] if i < size else f"{names[i % size]}{i // size + 1}" for i in range(n)]


def _letters(i: int) -> str:
    """A .. Z, AA .. AZ, BA .. as the columns of a spreadsheet."""
    return (_letters(i // 26 - 1) if i >= 26 else "") + chr(ord("A") + i % 26)


Scheme = Callable[[int, random.Random], list[str]]

RANDOM: dict[str, Scheme] = {
    "random_integers": lambda n, rng: [str(i) for i in rng.sample(range(max(n, 1_000_000)), n)],
    "shuffled_integers": lambda n, rng: [str(i) for i in rng.sample(range(n), n)],
}
"""The schemes that draw; those of all others depend on the number of nodes alone."""

SCHEMES: dict[str, Scheme] = {
    "integers": lambda n, rng: [str(i) for i in range(n)],
    **RANDOM,
    **{scheme: partial(_listed, text.split()) for scheme, text in LISTS.items()},
    "alphabet": lambda n, rng: [_letters(i) for i in range(n)],
}


def node_names(scheme: str, n: int, rng: random.Random) -> list[str]:
    """Names of the nodes 0 .. n-1, all different, for any n; only RANDOM schemes draw from `rng`.

    The first 19 names of each list are GraphQA's. Raises InputError for an unknown scheme.

    >>> node_names("got", 3, random.Random(0))
    ['Ned', 'Cat', 'Daenerys']
    >>> node_names("alphabet", 28, random.Random(0))[-2:]
    ['AA', 'AB']
    """
    return SCHEMES[check_choice("name scheme", scheme, SCHEMES)](n, rng)


class FixedNames(tuple[str, ...]):
    """Names that many graphs have, with what is written of them over and over: their list, and their
    pairs.
    """

    @cached_property
    def listing(self) -> str:
        return _listing(self)

    @cached_property
    def pairs(self) -> "dict[tuple[str, str, str], _Pairs]":
        return {}


class _Pairs(dict[tuple[int, int], str]):
    def __init__(self, names: FixedNames, style: tuple[str, str, str]) -> None:
        self.names, self.style = names, style

    def __missing__(self, pair: tuple[int, int]) -> str:
        (u, v), (before, between, after) = pair, self.style
        text = self[pair] = f"{before}{self.names[u]}{between}{self.names[v]}{after}"
        return text


@lru_cache(maxsize=1024)
def fixed_names(scheme: str, n: int) -> FixedNames:
    """The names of a scheme that does not draw, the same object for all graphs of n nodes."""
    return FixedNames(node_names(scheme, n, random.Random(0)))


def pair_texts(
    names: Sequence[str], pairs: Iterable[tuple[int, int]], before: str, between: str, after: str
) -> Iterable[str]:
    """A text for each pair of node ids, in the names of the nodes.

    >>> list(pair_texts(["A", "B"], [(0, 1)], "(", ", ", ")"))
    ['(A, B)']
    """
    if not isinstance(names, FixedNames) or len(names) > KEPT:
        return [f"{before}{names[u]}{between}{names[v]}{after}" for u, v in pairs]
    style = (before, between, after)
    if style not in names.pairs:
        names.pairs[style] = _Pairs(names, style)
    return map(names.pairs[style].__getitem__, pairs)


def listing(names: Sequence[str]) -> str:
    """GraphQA's list of names; it puts "and" before the last even if that is the only one.

    >>> listing(["0", "1", "2"]), listing(["0", "1"]), listing(["0"])
    ('0, 1, and 2', '0, and 1', 'and 0')
    """
    return names.listing if isinstance(names, FixedNames) else _listing(names)


def _listing(names: Sequence[str]) -> str:
    return "".join([f"{name}, " for name in names[:-1]]) + f"and {names[-1]}"
