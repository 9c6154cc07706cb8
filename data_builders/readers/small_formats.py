"""Formats of one page each: Matrix Market, DIMACS, METIS, graph6, TGF, SIF, LEDA, GDF and OBO.

Where a header counts nodes or edges, the file must have as many.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator

import networkx as nx

from data_builders.readers.source import Listing, Options, Source, quoted_words, words


def _mismatch(source: Source, what: str, promised: int, count: int) -> None:
    if promised != count:
        raise source.error(
            f"the header promises {promised:,} {what}, and the file has {count:,}; it is not whole"
        )


def _numbered_end(listing: Listing, text: str, n: int, line: int) -> str:
    number = listing.source.count(text, "a node number", line)
    if not 1 <= number <= n:
        raise listing.source.error(f"node {number} lies beyond the {n} nodes of the header", line)
    return str(number)


def read_matrix_market(source: Source, options: Options) -> Listing:
    """Matrix Market: a square matrix, as entries (row, column, weight) or in full.

    Not scipy's reader: it takes the entries' number from the header, and allocates it.
    """
    listing = Listing(source, options, "Matrix Market")
    first = words(source.text.lstrip("\n").split("\n", 1)[0].lower())
    if first[:2] != ["%%matrixmarket", "matrix"] or len(first) != 5:
        raise source.error(
            "a Matrix Market file starts with %%MatrixMarket matrix coordinate real general", 1
        )
    layout, kind, symmetry = first[2:]
    if layout not in ("coordinate", "array") or kind not in ("real", "integer", "pattern", "double"):
        raise source.error(
            f"a matrix of {layout} {kind} numbers is not read; expected coordinate, real or pattern", 1
        )
    if symmetry not in ("general", "symmetric"):
        raise source.error(f"a {symmetry} matrix is not read; expected general or symmetric", 1)
    lines = source.lines(("%",))
    number, line = next(lines, (1, ""))
    sizes = [source.count(text, "a size", number) for text in words(line)]
    if len(sizes) != (3 if layout == "coordinate" else 2) or sizes[0] != sizes[1] or not sizes[0]:
        raise source.error(f"expected the sizes of a square matrix, not {line[:40]!r}", number)
    n = source.promised(sizes[0], number)
    listing.numbered(n)
    listing.directed = symmetry == "general"
    if layout == "array":
        _full_matrix(listing, lines, n, symmetry == "symmetric")
        return listing
    pattern, entries = kind == "pattern", 0
    for number, line in lines:
        cells = words(line)
        if len(cells) != (2 if pattern else 3):
            raise source.error(
                f"{len(cells)} numbers; an entry is row, column{'' if pattern else ', weight'}", number
            )
        u, v = (_numbered_end(listing, cell, n, number) for cell in cells[:2])
        entries += 1
        weight = None if pattern else listing.number(cells[2], number)
        if weight == 0:
            listing.note("entries of 0 are no edges")
            continue
        listing.edges.append((u, v, weight, None))
        listing.lines.append(number)
    _mismatch(source, "entries", sizes[2], entries)
    _symmetric_general(listing)
    return listing


def _symmetric_general(listing: Listing) -> None:
    """A general matrix that is symmetric may be an undirected graph; it is said, and read as it stands."""
    if listing.directed and listing.edges:
        entries = {(u, v): weight for u, v, weight, _ in listing.edges}
        if all(entries.get((v, u), "none") == weight for (u, v), weight in entries.items()):
            listing.note("the matrix is symmetric: each edge stands there in both directions")


def _full_matrix(listing: Listing, lines: Iterable[tuple[int, str]], n: int, symmetric: bool) -> None:
    """A matrix in full, column by column; of a symmetric one the lower triangle."""
    values = [(number, cell) for number, line in lines for cell in words(line)]
    places = (
        [(row, column) for column in range(n) for row in range(column if symmetric else 0, n)]
        if len(values) in (n * n, n * (n + 1) // 2)
        else []
    )
    if len(places) != len(values):
        raise listing.source.error(f"{len(values)} numbers do not fill the matrix of {n} rows")
    numbers = [listing.number(cell, number) for number, cell in values]
    plain = all(value in (0, 1) for value in numbers)
    for (row, column), value in zip(places, numbers, strict=True):
        if value:
            u, v = (column, row) if symmetric else (row, column)
            listing.edges.append((str(u + 1), str(v + 1), None if plain else value, None))


def read_dimacs(source: Source, options: Options) -> Listing:
    """DIMACS: colouring (p edge, e u v), paths (p sp, a u v length), flow (p max, a u v capacity)."""
    listing = Listing(source, options, "DIMACS")
    n = m = 0
    kind = ""
    for number, line in source.lines():
        cells = words(line)
        if cells[0] == "c" or line.startswith("c "):
            continue
        if cells[0] == "p":
            if kind or len(cells) < 4:
                raise source.error("expected one line p KIND NODES EDGES", number)
            kind = cells[1]
            if kind not in ("edge", "edges", "col", "sp", "max", "min"):
                raise source.error(f"p {kind[:20]} is not read; expected edge, col, sp or max", number)
            n = source.promised(source.count(cells[2], "the number of nodes", number), number)
            m = source.count(cells[3], "the number of edges", number)
            listing.directed = kind in ("sp", "max", "min")
            listing.numbered(n)
        elif not kind:
            raise source.error("not a DIMACS file: no line p KIND NODES EDGES comes first", number)
        elif cells[0] in ("e", "a"):
            if len(cells) < 3 or (cells[0] == "a") != bool(listing.directed):
                raise source.error(f"{line[:40]!r} is no line of p {kind}", number)
            u, v = (_numbered_end(listing, cell, n, number) for cell in cells[1:3])
            at = {"sp": 3, "max": 3, "min": 4}.get(kind, 3)
            listing.edges.append((u, v, listing.number(cells[at], number) if len(cells) > at else None, None))
            listing.lines.append(number)
        elif cells[0] in ("n", "d", "v", "x"):
            listing.note(f"lines of {cells[0]} (sources, sinks, values of nodes) are left out")
        else:
            raise source.error(f"{line[:40]!r} is no line of DIMACS", number)
    if not n:
        raise source.error("not a DIMACS file: no line p KIND NODES EDGES with nodes")
    distinct = {frozenset(edge[:2]) for edge in listing.edges}
    if listing.directed or len(distinct) != m:  # some count each edge once, and list it in both directions
        _mismatch(source, "edges", m, len(listing.edges))
    return listing


def read_metis(source: Source, options: Options) -> Listing:
    """METIS: n m [fmt [ncon]], then a line for each node with its neighbours, and weights as fmt says."""
    listing = Listing(source, options, "METIS", directed=False)
    lines = [line.strip() for line in source.text.split("\n") if not line.lstrip().startswith("%")]
    while lines and not lines[-1]:
        lines.pop()
    head = words(lines[0]) if lines else []
    if not 2 <= len(head) <= 4 or not all(cell.isdigit() for cell in head):
        raise source.error("METIS begins with the numbers of nodes and edges", 1)
    n, m = (
        source.promised(source.count(head[0], "the number of nodes", 1), 1),
        source.count(head[1], "edges", 1),
    )
    code = head[2].zfill(3) if len(head) > 2 else "000"
    if not re.fullmatch("[01]{3}", code) or not n:
        raise source.error(f"{lines[0][:40]!r}: expected nodes, edges and a code such as 011", 1)
    skip = int(code[0]) + (int(head[3]) if len(head) > 3 and len(head[3]) < 4 else 1) * int(code[1])
    if skip:
        listing.note("sizes and weights of nodes are left out")
    rows = lines[1:] + [""] * (n - len(lines) + 1)  # nodes at the end without neighbours
    _mismatch(source, "nodes", n, len(rows))
    listing.numbered(n)
    step = 1 + int(code[2])
    seen: dict[tuple[str, str], float | None] = {}
    ends = 0
    for u, row in enumerate(rows, start=1):
        cells = words(row)[skip:] if row else []
        if len(cells) % step:
            raise source.error(
                f"node {u} has {len(cells)} numbers, which are no pairs of neighbour and weight"
            )
        for at in range(0, len(cells), step):
            v = _numbered_end(listing, cells[at], n, u + 1)
            weight = listing.number(cells[at + 1], u + 1) if step == 2 else None
            ends += 1
            if (v, str(u)) in seen and v != str(u):
                if seen.pop((v, str(u))) != weight:
                    raise source.error(f"the edge {u} {v} has two weights")
                listing.edges.append((v, str(u), weight, None))
            else:
                seen[str(u), v] = weight
    loops = [pair for pair in seen if pair[0] == pair[1]]
    if len(loops) < len(seen):
        first, second = next(pair for pair in seen if pair[0] != pair[1])
        raise source.error(f"node {first} names its neighbour {second}, but not the other way round")
    listing.edges += [(*pair, seen[pair], None) for pair in loops]
    _mismatch(source, "edges", m, len(listing.edges))
    return listing


def read_graph6(source: Source, options: Options) -> Listing:
    """graph6 and sparse6 (undirected), and digraph6: one graph on one line."""
    lines = [line.strip() for line in source.data.replace(b"\r", b"\n").split(b"\n") if line.strip()]
    if len(lines) != 1:
        raise source.error(f"{len(lines)} graphs, one on each line; give a file of one")
    line = lines[0]
    for mark in (b">>graph6<<", b">>sparse6<<", b">>digraph6<<"):
        line = line.removeprefix(mark)
    if line[:1] == b";":
        raise source.error("incremental sparse6 needs the graph before it; give a whole graph")
    sparse, directed = line[:1] == b":", line[:1] == b"&"
    listing = Listing(
        source, options, "sparse6" if sparse else "digraph6" if directed else "graph6", directed
    )
    bits = line[1:] if sparse or directed else line
    if not bits or any(not 63 <= byte <= 126 for byte in bits):
        raise source.error("graph6 has only the characters from ? to ~")
    values = [byte - 63 for byte in bits]
    try:
        n, rest = nx.readwrite.graph6.data_to_n(values)
    except (IndexError, nx.NetworkXError):
        raise source.error("graph6 that ends before its number of nodes") from None
    listing.numbered(source.promised(n), first=0)
    if not n:
        raise source.error("the file has no nodes")
    if sparse:
        try:
            pairs = list(nx.from_sparse6_bytes(line).edges())
        except (nx.NetworkXError, IndexError, ValueError, StopIteration) as error:
            raise source.error(f"not sparse6 that can be read ({error})") from None
    else:
        need = n * n if directed else n * (n - 1) // 2
        if len(rest) != -(-need // 6):
            raise source.error(
                f"{n} nodes need {-(-need // 6)} characters of edges; the file has {len(rest)}"
            )
        flags = (value >> shift & 1 for value in rest for shift in range(5, -1, -1))
        places = (
            ((u, v) for u in range(n) for v in range(n))
            if directed
            else ((u, v) for v in range(1, n) for u in range(v))
        )
        pairs = [place for place, flag in zip(places, flags, strict=False) if flag]
    listing.edges = [(str(u), str(v), None, None) for u, v in pairs]
    return listing


def read_tgf(source: Source, options: Options) -> Listing:
    """Trivial Graph Format: lines of id and label, a line #, then lines of two ids and an edge label."""
    listing = Listing(source, options, "TGF")
    edges = False
    for number, line in source.lines():
        if line == "#":
            if edges:
                raise source.error("a second line #", number)
            edges = True
            continue
        cells = line.split(None, 2 if edges else 1)
        if not edges:
            listing.add_node(
                cells[0], {"label": cells[1]} if len(cells) > 1 and options.label is None else {}, number
            )
        elif len(cells) < 2:
            raise source.error(f"an edge needs two nodes ({line[:40]!r})", number)
        else:
            listing.add_edge(
                cells[0], cells[1], {"label": cells[2]} if len(cells) > 2 else None, None, number
            )
    if not edges:
        raise source.error("not a TGF file: no line # between nodes and edges")
    listing.check_ends()
    return listing


def read_sif(source: Source, options: Options) -> Listing:
    """SIF of Cytoscape: node, kind of edge, nodes; divided by tabs where the file has any."""
    listing = Listing(source, options, "SIF")
    tabs = "\t" in source.text
    kinds: dict[str, None] = {}
    for number, line in source.lines():
        cells = [cell.strip() for cell in line.split("\t")] if tabs else words(line)
        if len(cells) == 2 or not all(cells):
            raise source.error(f"{line[:40]!r}: SIF has node, kind of edge, nodes on a line", number)
        names = [listing.name(cell, number) for cell in (cells[0], *cells[2:])]
        for name in names:
            listing.nodes.setdefault(name, "")
        if len(kinds) < 20:
            kinds |= dict.fromkeys(cells[1:2])
        for target in names[1:]:
            listing.edges.append((names[0], target, None, None))
            listing.lines.append(number)
    if kinds:
        listing.note(f"kinds of edges are left out ({', '.join(kinds)[:60]})")
    return listing


def read_leda(source: Source, options: Options) -> Listing:
    """LEDA: a head of four lines, nodes |{label}|, then edges: source, target, reversal, |{label}|.

    Not networkx's reader: it merges nodes whose labels repeat.
    """
    listing = Listing(source, options, "LEDA")
    lines = source.lines(("#",))

    def take(what: str) -> tuple[int, str]:
        for pair in lines:
            return pair
        raise source.error(f"the file ends where {what} should follow; it is not whole")

    number, line = take("LEDA.GRAPH")
    if line.upper() != "LEDA.GRAPH":
        raise source.error("a LEDA file begins with LEDA.GRAPH", number)
    take("the type of the nodes")
    edge_type = take("the type of the edges")[1]
    number, line = take("-1 or -2, or the number of nodes")
    if line in ("-1", "-2"):
        listing.directed = line == "-1"
        number, line = take("the number of nodes")
    n = source.promised(source.count(line, "the number of nodes", number), number)
    for node in range(1, n + 1):
        number, line = take("a node")
        listing.add_node(
            node, {"label": _leda_label(source, line, number)} if options.label is None else {}, number
        )
    number, line = take("the number of edges")
    m = source.count(line, "the number of edges", number)
    for _ in range(m):
        number, line = take("an edge")
        cells = line.split(None, 3)
        if len(cells) < 4:
            raise source.error(
                f"{line[:40]!r} is no edge of LEDA: source target reversal |{{label}}|", number
            )
        u, v = (_numbered_end(listing, cell, n, number) for cell in cells[:2])
        label = _leda_label(source, cells[3], number)
        weighted = edge_type in ("int", "double", "float", "short", "long") and label
        listing.add_edge(
            u, v, {"weight": label} if weighted else {"label": label} if label else None, None, number
        )
    if (extra := next(lines, None)) is not None:
        raise source.error(f"a line after the {m} edges that the header promises", extra[0])
    listing.check_ends()
    return listing


def _leda_label(source: Source, text: str, line: int) -> str:
    if not (text.startswith("|{") and text.endswith("}|")):
        raise source.error(f"{text[:40]!r} is no |{{label}}| of LEDA", line)
    return text[2:-2]


def read_gdf(source: Source, options: Options) -> Listing:
    """GDF of GUESS and Gephi: nodedef> and edgedef>, each a table with commas."""
    listing = Listing(source, options, "GDF")
    header: list[str] = []
    part = ""
    for number, line in source.lines():
        section = re.match(r"(nodedef|edgedef)\s*>", line)
        text = line[section.end() :] if section else line
        mark = '"' if '"' in text or "'" not in text else "'"
        try:
            cells = [
                cell.strip() for cell in next(csv.reader(io.StringIO(text), quotechar=mark, strict=True))
            ]
        except csv.Error as error:
            raise source.error(f"not GDF ({error})", number) from None
        if section:
            part, header = section[1], [cell.split()[0].lower() if cell else "" for cell in cells]
            continue
        if not part:
            raise source.error("a GDF file begins with nodedef>", number)
        if len(cells) > len(header):
            raise source.error(f"{len(cells)} fields, but {part} has {len(header)}", number)
        fields = dict(zip(header, cells, strict=False))
        if part == "nodedef":
            if "name" not in fields:
                raise source.error("nodedef> has no column name", number)
            node = fields.pop("name")
            listing.add_node(node, fields, number)
        else:
            if not {"node1", "node2"} <= fields.keys():
                raise source.error("edgedef> has no columns node1 and node2", number)
            way = fields.pop("directed", "")
            if way.lower() not in ("", "true", "false"):
                raise source.error(f"directed {way[:20]!r}: expected true or false", number)
            directed = None if not way else way.lower() == "true"
            listing.add_edge(fields.pop("node1"), fields.pop("node2"), fields, directed, number)
    listing.check_ends()
    return listing


def read_obo(source: Source, options: Options) -> Listing:
    """OBO: the terms of an ontology, with an edge from each to what it is (is_a)."""
    listing = Listing(source, options, "OBO", directed=True)
    for number, fields, parents in _stanzas(source):
        if "id" not in fields:
            raise source.error("a [Term] has no id", number)
        if fields.get("is_obsolete") == "true":
            listing.note("obsolete terms are left out")
            continue
        listing.add_node(fields["id"], {"name": fields.get("name", ""), **fields}, number)
        for parent in parents:
            listing.add_edge(fields["id"], parent, None, None, number)
        if "relationship" in fields:
            listing.note("only is_a is read; other relationships are left out")
    known = len(listing.edges)
    listing.edges = [edge for edge in listing.edges if edge[1] in listing.nodes]
    listing.lines = []
    if len(listing.edges) < known:
        listing.note(f"{known - len(listing.edges)} is_a of terms of other files are left out")
    if not listing.nodes:
        raise source.error("no [Term] in the file")
    return listing


def _stanzas(source: Source) -> Iterator[tuple[int, dict[str, str], list[str]]]:
    """The [Term] stanzas: the line, the tags, and what the term is."""
    start, fields, parents = 0, {}, []  # type: int, dict[str, str], list[str]
    for number, line in [*source.lines(("!",)), (0, "[")]:
        if line.startswith("["):
            if start:
                yield start, fields, parents
            start, fields, parents = (number if line == "[Term]" else 0), {}, []
            continue
        tag, colon, value = line.partition(":")
        value = re.split(r" !", value, maxsplit=1)[0].strip()
        if not start:
            continue
        if not colon:
            raise source.error(f"{line[:40]!r}: a line of OBO is tag: value", number)
        if tag == "is_a":
            parents.append(value.split(" {")[0].strip())
        else:
            if tag == "id" and tag in fields:
                raise source.error("a [Term] has two ids", number)
            fields.setdefault(tag, value)


def read_lgl(source: Source, options: Options) -> Listing:
    """LGL: a line `# node`, then lines of its neighbours with an optional weight."""
    listing = Listing(source, options, "LGL", directed=False)
    first = ""
    for number, line in source.lines():
        cells = quoted_words(line)
        if cells[0] == "#" and len(cells) == 2:
            first = listing.name(cells[1], number)
            listing.nodes.setdefault(first, "")
        elif not first or len(cells) > 2 or cells[0] == "#":
            raise source.error(f"{line[:40]!r}: LGL has lines `# node`, then `neighbour weight`", number)
        else:
            weight = listing.number(cells[1], number) if len(cells) == 2 else None
            listing.edges.append((first, listing.name(cells[0], number), weight, None))
            listing.lines.append(number)
    listing.nodes_of_edges("LGL has lines `# node`, then `neighbour weight`")
    return listing
