"""Pajek (.net, .paj) and UCINET DL: sections of numbers, with the nodes' labels in a list of their own.

networkx's reader of Pajek is not used: it merges nodes whose labels repeat, takes comments and unknown
sections for nodes, and reads a line of *Arcslist as an edge with a weight.
"""

import re
from collections.abc import Callable, Iterator

from data_builders.readers.source import Listing, Options, Source, pairs_of, quoted_words, words

_ASIDE = (
    "*partition",
    "*vector",
    "*permutation",
    "*cluster",
    "*hierarchy",
)  # what a project file has besides
_TIES = {"*arcs": True, "*edges": False, "*arcslist": True, "*edgeslist": False}


def read_pajek(source: Source, options: Options) -> Listing:
    """Pajek: *Vertices N, then arcs and edges by number, one by one, as lists or as a matrix.

    An arc or edge without a weight has Pajek's default of 1 where any other has one. Two relations over the
    same vertices are read as one graph. Whatever is not read is noted.
    """
    listing = Listing(source, options, "Pajek")
    n = columns = 0  # vertices; of two-mode matrices
    labels: dict[int, str] = {}
    section, relations, aside = "", 0, False
    matrix: list[list[str]] = []
    for number, line in source.lines(("%",)):
        if line.startswith("*"):
            section = words(line.lower())[0].rstrip(":")
            relations += section in _TIES and ":" in line
            listing.directed = listing.directed or _TIES.get(section)
            aside = section in _ASIDE or (aside and section == "*vertices")
            if aside and section != "*vertices":
                listing.note(f"{words(line)[0]} is left out")
            elif aside:
                continue
            elif section == "*vertices":
                if n:
                    raise source.error("a second *Vertices; give a file of one network", number)
                sizes = [source.count(text, "the number of vertices", number) for text in words(line)[1:3]]
                if not sizes or not sizes[0] or (len(sizes) == 2 and sizes[1] > sizes[0]):
                    raise source.error("*Vertices needs the number of vertices, at least 1", number)
                n = source.promised(sizes[0], number)
                if len(sizes) == 2:
                    columns = n - sizes[1]
                    listing.note("two-mode, kinds of nodes dropped")
            elif section == "*network":
                if n:
                    raise source.error("a second *Network; give a file of one network", number)
            elif section not in (*_TIES, "*matrix"):
                listing.note(f"the unknown section {words(line)[0][:40]} is left out")
            elif not n:
                raise source.error(f"{words(line)[0]} before *Vertices", number)
        elif aside:
            continue
        elif section == "*vertices":
            vertex, label = _vertex(source, line, n, number)
            if vertex in labels:
                raise source.error(f"vertex {vertex} is listed twice", number)
            labels[vertex] = listing.name(label, number)
        elif section in _TIES:
            _tie(listing, section, line, n, number)
        elif section == "*matrix":
            matrix.append(words(line))
        elif not section:
            raise source.error("not a Pajek file: no line that begins with *Vertices comes first", number)
    if not n:
        raise source.error("not a Pajek file: no *Vertices")
    if relations > 1:
        listing.note(f"{relations} relations read as one")
    if matrix:
        _matrix(listing, matrix, n, columns)
    if 0 < len(labels) < n:
        listing.note(f"{n - len(labels)} of {n} vertices are not listed and are called by their numbers")
    _default_weights(listing)
    for vertex in range(1, n + 1):
        listing.add_node(vertex, {"label": labels.get(vertex, "")} if options.label is None else {})
    return listing


def _vertex(source: Source, line: str, n: int, number: int) -> tuple[int, str]:
    first, *rest = quoted_words(line)
    vertex = source.count(first, "a vertex number", number)
    if not 1 <= vertex <= n:
        raise source.error(f"vertex {vertex} lies beyond *Vertices {n}", number)
    return vertex, rest[0] if rest else ""


def _end(source: Source, text: str, n: int, number: int) -> str:
    vertex = source.count(text, "a vertex number", number)
    if not 1 <= vertex <= n:
        raise source.error(f"vertex {vertex} lies beyond *Vertices {n}", number)
    return str(vertex)


def _tie(listing: Listing, section: str, line: str, n: int, number: int) -> None:
    source, directed = listing.source, _TIES[section]
    cells = quoted_words(re.sub(r"^\d+:\s*", "", line))  # `2: 1 3` is an arc of the second relation
    if len(cells) < 2 and not (section.endswith("list") and cells):
        raise source.error(f"an arc or edge needs two vertices ({line[:40]!r})", number)
    ends = cells if section.endswith("list") else cells[:2]
    first, *others = (_end(source, text, n, number) for text in ends)
    weight = None
    third = "" if section.endswith("list") else " ".join(cells[2:3])  # a weight, a time, or a drawing's word
    if third and third[0] != "[" and (not third[0].isalpha() or third.lower() in ("nan", "inf", "infinity")):
        weight = listing.number(third, number)
    if any(cell.startswith("[") for cell in cells):
        listing.note("times in brackets are left out")
    for other in others:
        listing.edges.append((first, other, weight, directed))
        listing.lines.append(number)


def _matrix(listing: Listing, rows: list[list[str]], n: int, columns: int) -> None:
    """The arcs of *Matrix: n rows of n numbers, or for two modes a row for each vertex of the first."""
    height, width = (n - columns, columns) if columns else (n, n)
    if len(rows) != height or any(len(row) != width for row in rows):
        raise listing.source.error(f"*Matrix has {len(rows)} rows; expected {height} rows of {width} numbers")
    values = [[listing.number(cell) for cell in row] for row in rows]
    symmetric = not columns and all(values[u][v] == values[v][u] for u in range(n) for v in range(u))
    plain = all(value in (0, 1) for row in values for value in row)
    for u, v, value in pairs_of(values):
        if not symmetric or u <= v:
            other = v + 1 + (height if columns else 0)
            weight = None if plain else value
            listing.edges.append((str(u + 1), str(other), weight, not symmetric and not columns))


def _default_weights(listing: Listing) -> None:
    missing = sum(weight is None for _, _, weight, _ in listing.edges)
    if 0 < missing < len(listing.edges):
        listing.edges = [(u, v, 1 if w is None else w, way) for u, v, w, way in listing.edges]
        listing.note(f"{missing} arcs or edges without a weight weigh 1, as in Pajek")


# ---- UCINET DL ----------------------------------------------------------------------------------------

_DL_KEYS = re.compile(
    r"\b(n|nr|nc|nm)\s*=\s*(\d+)|\bformat\s*=\s*(\w+)|\b(?:(row|col|column)\s+)?labels?\s+(embedded)"
    r"|\b(row |col |column |matrix )?labels?\s*:|\bdiagonal\s*=\s*(\w+)",
    re.IGNORECASE,
)


def read_dl(source: Source, options: Options) -> Listing:
    """UCINET DL: dl n=N, labels, and data as a full matrix, as edges (edgelist1) or as lists (nodelist1).

    Two modes (nr=, nc=) are a matrix, whose rows and columns are different nodes.
    """
    listing = Listing(source, options, "UCINET DL")
    head, colon, data = re.sub(r"(?i)\bdata\s*:", "\0", source.text, count=1).partition("\0")
    if not re.match(r"\s*dl\b", head, re.IGNORECASE):
        raise source.error("a UCINET DL file begins with dl n=..")
    if not colon:
        raise source.error("no data: line, which a UCINET DL file has")
    n, layout, embedded = 0, "fullmatrix", False
    sizes: dict[str, int] = {}  # of two modes: nr, nc
    labels: dict[str, list[str]] = {}  # of all nodes, or of the rows and of the columns
    keys = list(_DL_KEYS.finditer(head))
    for key, after in zip(keys, [*keys[1:], None], strict=True):
        if key[1] and key[1].lower() == "n":
            n = source.promised(source.count(key[2], "n"))
        elif key[1] and key[1].lower() == "nm":
            if source.count(key[2], "nm") > 1:
                raise source.error(f"{key[0]}: several matrices; export one network")
        elif key[1]:
            sizes[key[1].lower()] = source.promised(source.count(key[2], key[1]))
        elif key[3]:
            layout = key[3].lower()
        elif key[5]:
            embedded = True
        elif key[7]:
            if key[7].lower() == "absent":
                raise source.error("diagonal=absent is not read; export the full matrix")
        elif key[0].rstrip().endswith(":"):
            text = head[key.end() : after.start() if after else len(head)]
            which = (key[6] or "").strip().lower()[:3]
            labels[which] = [
                listing.name(label.strip('"')) for label in re.findall(r'"[^"]*"|[^\s,"]+', text)
            ]
    if sizes:
        return _two_modes(listing, data, layout, embedded, sizes, labels)
    _read_one_mode(listing, data, layout, embedded, n, next(iter(labels.values()), []))
    listing.check_ends()
    return listing


def _dl_rows(data: str) -> list[list[str]]:
    rows = [re.findall(r'"[^"]*"|[^\s,"]+', line) for line in data.split("\n")]
    return [[cell.strip('"') for cell in row] for row in rows if row]


def _two_modes(
    listing: Listing,
    data: str,
    layout: str,
    embedded: bool,
    sizes: dict[str, int],
    labels: dict[str, list[str]],
) -> Listing:
    """The matrix between nr nodes of the rows and nc nodes of the columns, r1 .. and c1 .. by their ids."""
    source, height, width = listing.source, sizes.get("nr", 0), sizes.get("nc", 0)
    if layout != "fullmatrix" or not height or not width or not {"row", "col"} >= labels.keys():
        raise source.error("two-mode data are read as a full matrix with nr=, nc=, row labels, column labels")
    rows = _dl_rows(data)
    if embedded:
        heads = rows[0] if rows else []
        labels = {"row": [listing.name(row[0]) for row in rows[1:]], "col": [*map(listing.name, heads)]}
        rows = [row[1:] for row in rows[1:]]
    cells = [listing.number(cell) for row in rows for cell in row]
    if len(cells) != height * width:
        raise source.error(
            f"{len(cells)} numbers; a matrix of nr={height} and nc={width} has {height * width}"
        )
    for which, size in (("row", height), ("col", width)):
        names = labels.get(which, [""] * size)
        if len(names) != size:
            raise source.error(f"{len(names)} {which} labels for {size}")
        listing.nodes |= {f"{which[0]}{i}": name for i, name in enumerate(names, start=1)}
    listing.directed = False
    listing.note("two-mode, kinds of nodes dropped")
    plain = all(value in (0, 1) for value in cells)
    for at, value in enumerate(cells):
        if value:
            ends = f"r{at // width + 1}", f"c{at % width + 1}"
            listing.edges.append((*ends, None if plain else value, None))
    return listing


def _read_one_mode(
    listing: Listing, data: str, layout: str, embedded: bool, n: int, labels: list[str]
) -> None:
    source = listing.source
    if not n:
        raise source.error("no n=, the number of nodes")
    if labels and len(labels) != n:
        raise source.error(f"{len(labels)} labels for n={n} nodes")
    rows = _dl_rows(data)
    readers: dict[str, Callable[[Listing, list[list[str]], int, bool], Iterator[str]]] = {
        "fullmatrix": _dl_matrix,
        "edgelist1": _dl_edges,
        "nodelist1": _dl_lists,
    }
    if layout not in readers:
        raise source.error(f"format={layout} is not read; export as {', '.join(readers)}")
    names = list(dict.fromkeys(readers[layout](listing, rows, n, embedded)))
    if not embedded:
        listing.numbered(n)
        for id, label in zip(listing.nodes, labels, strict=False):
            listing.nodes[id] = label
    elif labels and not set(names) <= set(labels):
        raise source.error(f"the data name {min(set(names) - set(labels))[:40]!r}, which is no label")
    else:
        for name in labels or names:
            listing.add_node(name)
        if len(listing.nodes) != n:
            raise source.error(f"n={n}, but the data name {len(listing.nodes)} nodes")


def _dl_matrix(listing: Listing, rows: list[list[str]], n: int, embedded: bool) -> Iterator[str]:
    names = [str(u) for u in range(1, n + 1)]
    if embedded:
        names = rows[0] if rows else []
        if len(names) != n or len(rows) != n + 1 or [row[0] for row in rows[1:]] != names:
            raise listing.source.error(f"expected a row of {n} labels, then {n} rows that begin with theirs")
        rows = [row[1:] for row in rows[1:]]
    cells = [cell for row in rows for cell in row]  # a row may go on over several lines
    if len(cells) != n * n:
        raise listing.source.error(f"{len(cells)} numbers; a full matrix of n={n} has {n * n}")
    values = [[listing.number(cell) for cell in cells[u * n : (u + 1) * n]] for u in range(n)]
    symmetric = all(values[u][v] == values[v][u] for u in range(n) for v in range(u))
    plain = all(value in (0, 1) for row in values for value in row)
    listing.directed = not symmetric
    for u, v, value in pairs_of(values):
        if not symmetric or u <= v:
            listing.add_edge(names[u], names[v])
            listing.edges[-1] = (names[u], names[v], None if plain else value, None)
    yield from names


def _dl_edges(listing: Listing, rows: list[list[str]], n: int, embedded: bool) -> Iterator[str]:
    for row in rows:
        if len(row) not in (2, 3):
            raise listing.source.error(
                f"{' '.join(row)[:40]!r}: an edge has two nodes and an optional weight"
            )
        listing.add_edge(row[0], row[1])
        weight = listing.number(row[2]) if len(row) == 3 else None
        listing.edges[-1] = (*listing.edges[-1][:2], weight, None)
        yield from listing.edges[-1][:2]


def _dl_lists(listing: Listing, rows: list[list[str]], n: int, embedded: bool) -> Iterator[str]:
    for first, *others in rows:
        yield first
        for other in others:
            listing.add_edge(first, other)
            yield other
