"""Edges as rows: edge lists, adjacency lists, CSV and TSV, Parquet, and matrices of numbers.

A wrong guess here is a wrong graph, so what could be read in two ways is refused with both of them named.
"""

import ast
import csv
import io
import re
import tokenize
import zipfile
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from data_builders.errors import InputError
from data_builders.readers.source import (
    BROKEN,
    LONGEST_NAME,
    UNLISTED,
    WEIGHTS,
    Listing,
    Options,
    Source,
    bounded,
    is_number,
    may_be_matrix,
    pairs_of,
    quoted_words,
    words,
)

Row = tuple[int, list[str]]  # the number of a line, and its cells

ENDS = (  # of an edge in a header, without the marks between words
    "source target",
    "from to",
    "src dst",
    "u v",
    "fromnode tonode",
    "fromid toid",
    "fromnodeid tonodeid",
    "sourceid targetid",
    "sourcenode targetnode",
    "srcid dstid",
    "startid endid",
    "start end",
    "head tail",
    "sender receiver",
    "citing cited",
    "follower followee",
    "i j",
    "ego alter",
)
_STEM = r"(id|node|x|n|vertex|user|person|name|protein|gene|actor|member|author|character)"
_DIRECTED = {"directed": True, "undirected": False, "true": True, "false": False}  # Gephi's column Type
_TIME_NAMES = re.compile(r"(unix)?_?(time|timestamp|date|datetime|year)(_?stamp)?", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_DECIMAL_COMMA = re.compile(r"[+-]?\d+,\d+")
_HINT = "an edge list has two node names and an optional weight, separated by spaces or tabs"
_KONECT = {"sym": False, "asym": True, "bip": False}


def ends_of(header: Sequence[str]) -> tuple[int, int] | None:
    """Where a header has the two ends of an edge, by the names that programs give them.

    >>> ends_of(["Id", "From", "To"]), ends_of(["id_1", "id_2"]), ends_of(["Ann", "Bob"])
    ((1, 2), (0, 1), None)
    """
    lower = [name.strip().lstrip("#% ").lower() for name in header]
    joined = [re.sub("[ _.:-]", "", name) for name in lower]
    for first, second in map(str.split, ENDS):
        if joined.count(first) == joined.count(second) == 1:
            return joined.index(first), joined.index(second)
    for at, name in enumerate(lower):
        for first, second in (("1", "2"), ("a", "b"), ("i", "j"), ("u", "v")):
            stem = re.fullmatch(rf"{_STEM}([ _.-]?){first}", name)
            other = stem and f"{stem[1]}{stem[2]}{second}"
            if other and lower.count(name) == lower.count(other) == 1:
                return at, lower.index(other)
    return None


# ---- edge lists ---------------------------------------------------------------------------------------


def read_edge_list(source: Source, options: Options) -> Listing:
    """Two names and an optional weight per line, divided by tabs, commas, semicolons or white space.

    A line that begins with `#` or `%` is a comment, and so is what follows ` #`; inside a word `#` belongs to
    the name. KONECT's comment `% asym positive` is understood.
    """
    listing = Listing(source, options, "edge list")
    konect = _konect(source, listing)
    split = _splitter(source)
    divided = ((number, split(line)) for number, line in source.lines(("#", "%")))
    rows: Iterator[Row] = ((number, cells) for number, cells in divided if cells)
    first = next(rows, None)
    if first is None:
        raise source.error(f"no edges; {_HINT}")
    rows = _after_header(source, options, listing, first, rows)
    if konect:
        _konect_rows(rows, konect, listing)
    else:
        _plain_rows(rows, listing)
    _count_line(listing)
    _no_times(listing)
    listing.nodes_of_edges(_HINT)
    return listing


def _splitter(source: Source) -> Callable[[str], list[str]]:
    """How the lines of a file divide into cells; the first 1,000 lines say it."""
    lines = [line for _, line in islice(source.lines(("#", "%")), 1000)]
    if any(line.endswith("}") and "{" in line for line in lines):  # commas there are between attributes
        return _spaced
    if lines and all("\t" in line for line in lines):
        cells = [line.split("\t") for line in lines]
        if len({len(row) for row in cells}) == 1 and all(cell.strip() for row in cells for cell in row):
            return lambda line: [_unquoted(cell) for cell in _without_comment(line).split("\t")]
    for mark in (",", ";"):
        if not lines or not all(mark in line for line in lines):
            continue
        rows = [_cells(line, mark) for line in lines]
        width = {len(row) for row in rows}
        able = len(width) == 1 and width <= {2, 3, 4} and all(row[0] and row[1] for row in rows)
        if able and width != {2}:
            able = all(is_number(row[2].replace(",", ".")) or not row[2] for row in rows[1:])
        spaced = all(len(_spaced(line)) in (2, 3) for line in lines)
        if able and spaced and not all(re.search(f"{mark}(?! )", line) is None for line in lines):
            raise source.error(
                f"the lines can be divided at {mark!r} and at spaces ({lines[0][:40]!r}); "
                "write one of them, or a CSV file with a header"
            )
        if able:
            return lambda line: _cells(_without_comment(line), mark)
    return _spaced


def _without_comment(line: str) -> str:
    return re.split(r"[ \t]#", line, maxsplit=1)[0] if "#" in line else line


def _unquoted(cell: str) -> str:
    cell = cell.strip()
    return cell[1:-1].replace('""', '"') if len(cell) > 1 and cell[0] == cell[-1] == '"' else cell


def _cells(line: str, mark: str) -> list[str]:
    if '"' not in line:
        return [cell.strip() for cell in line.split(mark)]
    return [cell.strip() for cell in next(csv.reader([line], delimiter=mark, skipinitialspace=True))]


def _spaced(line: str) -> list[str]:
    """Words; the attributes in braces that networkx writes are one word."""
    head, brace, rest = line.partition("{")
    if brace and rest.rstrip().endswith("}") and (not head or head[-1] in " \t"):
        return [*quoted_words(_without_comment(head)), brace + rest]
    line = _without_comment(line)
    return quoted_words(line) if '"' in line else words(line)


def _after_header(
    source: Source, options: Options, listing: Listing, first: Row, rows: Iterator[Row]
) -> Iterator[Row]:
    """The rows after a header, if the first is one."""
    cells = first[1]
    named = options.header is not False and (options.header or ends_of(cells) is not None)
    listing.columns = [name.strip() for name in cells] if named else [str(i + 1) for i in range(len(cells))]
    if named:
        listing.note(f"first line is a header ({', '.join(cells)[:60]})")
        at = options.columns or [listing.columns[i] for i in ends_of(cells) or (0, 1)]
    else:
        at = options.columns
    order: list[int] = []
    for name in at:
        if name not in listing.columns:
            raise source.error(f"no column {name!r}; the columns are {', '.join(listing.columns)[:200]}")
        order.append(listing.columns.index(name))
    if at and options.weight in listing.columns:
        order = [*order[:2], listing.columns.index(options.weight)]
    if named and not options.columns:
        order += [i for i in range(len(cells)) if i not in order]
    if order:
        listing.columns = [listing.columns[i] for i in order]
        width = len(cells)

        def reordered() -> Iterator[Row]:
            for line, row in rows if named else _chain(first, rows):
                if len(row) < width and max(order) >= len(row):
                    raise source.error(f"{len(row)} columns, but the first line has {width}", line)
                yield line, [row[i] for i in order]

        return reordered()
    return rows if named else _chain(first, rows)


def _chain(first: Row, rows: Iterator[Row]) -> Iterator[Row]:
    yield first
    yield from rows


def _plain_rows(rows: Iterator[Row], listing: Listing) -> None:
    source, edges, names = listing.source, listing.edges, {}  # type: Source, Any, dict[str, str]
    third = listing.options.weight not in (None, "1", "2")
    lines = listing.lines
    for line, row in rows:
        weight: float | None = None
        width = len(row)
        if width != 2:
            if width != 3:
                text = " ".join(row)
                raise source.error(f"{width} column{'s' * (width > 1)} ({text[:60]!r}); {_HINT}", line)
            if row[2][:1] == "{":
                weight = listing.weight_of(_braces(source, row[2], line), line)
            elif _DATE.fullmatch(row[2]) and not third:
                listing.left_out["a time"] = None
            elif row[2]:
                weight = listing.number(
                    row[2].replace(",", ".") if _is_comma(row[2], listing) else row[2], line
                )
        u, v = row[0], row[1]
        if not u or not v:
            raise source.error("an edge needs two nodes; one is empty", line)
        if u not in names:
            names[u] = listing.name(u, line)
        if v not in names:
            names[v] = listing.name(v, line)
        edges.append((names[u], names[v], weight, None))
        lines.append(line)


def _is_comma(text: str, listing: Listing) -> bool:
    if not _DECIMAL_COMMA.fullmatch(text):
        return False
    listing.note("decimal comma: 1,5 is read as 1.5")
    return True


def _braces(source: Source, text: str, line: int) -> dict[str, Any]:
    """The attributes that networkx's write_edgelist puts in braces."""
    try:
        attributes = ast.literal_eval(text) if len(text) <= LONGEST_NAME else None
    except (ValueError, SyntaxError, RecursionError, MemoryError):
        attributes = None
    if not isinstance(attributes, dict):
        raise source.error(f"{text[:40]!r} are no attributes as networkx writes them", line)
    return {str(key): value for key, value in attributes.items()}


def _count_line(listing: Listing) -> None:
    """Leave out a first line that says how many nodes and edges follow; refuse one that may be either."""
    edges, source = listing.edges, listing.source
    if len(edges) < 2 or listing.options.header is False:
        return
    (n, m, third, _), rest = edges[0], edges[1:]
    if not (n.isdigit() and m.isdigit()) or len(n) > 12 or len(m) > 12:
        return
    entries = third if third is not None and all(weight is None for _, _, weight, _ in rest) else None
    if len(rest) != (int(m) if entries is None else entries):
        return
    if not all(u.isdigit() and v.isdigit() for u, v, _, _ in rest):
        return
    ids = {int(end) for u, v, _, _ in rest for end in (u, v)}
    if max(ids) > int(n) or len(ids) > int(n):
        return
    repeated = n == m or any({n, m} == {u, v} for u, v, _, _ in rest)
    if entries is None and {int(n), int(m)} <= ids and not repeated and listing.options.header is None:
        raise source.error(
            f"line {listing.lines[0]}, {n} {m}, may be an edge or the numbers of nodes and edges "
            f"that follow; "
            "say --no-header if it is an edge, and remove it if not"
        )
    listing.edges, listing.lines = rest, listing.lines[1:]
    listing.note(f"first line is a header: {n} nodes, {len(rest)} edges")
    if entries is None and len(ids) < int(n):
        listing.note(
            f"the header names {n} nodes, of which {int(n) - len(ids)} have no edge and are not in the file"
        )


def _no_times(listing: Listing) -> None:
    """Weights that look like times are left out, unless they are asked for."""
    name = listing.columns[2] if len(listing.columns) > 2 else "3"
    asked = listing.options.weight
    if asked is not None and asked not in (name, "3") and asked not in listing.weight_names:
        known = ", ".join(map(repr, listing.weight_names or [name]))
        raise listing.source.error(f"no edge has the attribute or column {asked!r}; there is {known}")
    values = [weight for _, _, weight, _ in listing.edges if weight is not None]
    if asked is not None:
        return
    ranges = ((3e8, 4e9), (3e11, 4e12), (1900, 2100))  # seconds and milliseconds since 1970, years
    stamps = values and (
        any(all(isinstance(w, int) and low <= w <= high for w in values) for low, high in ranges)
        or _TIME_NAMES.fullmatch(name)
    )
    if stamps or "a time" in listing.left_out:
        listing.left_out.clear()
        listing.edges = [(u, v, None, way) for u, v, _, way in listing.edges]
        listing.note(
            f"third column is a timestamp, not a weight, and is left out (--weight {name} reads it as weight)"
        )


def _konect(source: Source, listing: Listing) -> list[str]:
    """The words of KONECT's first line, `% asym positive`."""
    first = source.text[:200].lstrip().split("\n", 1)[0]
    kind = first.lstrip("% ").lower().split()
    if not first.startswith("%") or not kind or kind[0] not in _KONECT or len(kind) > 2:
        return []
    listing.format, listing.directed = "KONECT", _KONECT[kind[0]]
    if kind[0] == "bip":
        listing.note(
            "two-mode: nodes of the first column are called L1, L2, ..., those of the second R1, R2, ..."
        )
    return kind


def _konect_rows(rows: Iterator[Row], kind: list[str], listing: Listing) -> None:
    """KONECT: from, to, weight, time; the weight of an unweighted network counts nothing."""
    plain = kind[1:] in ([], ["unweighted"])
    left, right = ("L", "R") if kind[0] == "bip" else ("", "")
    for line, row in rows:
        if not 2 <= len(row) <= 4:
            raise listing.source.error(f"{len(row)} columns; KONECT has from, to, weight, time", line)
        weight = listing.number(row[2], line) if len(row) > 2 and not plain else None
        listing.edges.append((left + listing.name(row[0]), right + listing.name(row[1]), weight, None))
        listing.lines.append(line)
        if len(row) == 4:
            listing.note("fourth column is a timestamp and is left out")


def read_adjacency_list(source: Source, options: Options) -> Listing:
    """A node and its neighbours per line, as networkx.write_adjlist writes it."""
    listing = Listing(source, options, "adjacency list")
    for line, text in source.lines(("#", "%")):
        first, *ends = (listing.name(word, line) for word in _spaced(text))
        listing.nodes.setdefault(first, "")
        for end in ends:
            listing.nodes.setdefault(end, "")
            listing.add_edge(first, end, None, None, line)
    if not listing.nodes:
        raise source.error("no nodes; an adjacency list has a node and its neighbours per line")
    return listing


# ---- tables with columns ------------------------------------------------------------------------------


def read_csv(source: Source, options: Options) -> Listing:
    """A header and one edge per row, or a matrix with the nodes' names in the first row and column."""
    csv.field_size_limit(1 << 27)
    text = source.text.lstrip("\n")
    first = text.split("\n", 1)[0]
    if excel := re.fullmatch("sep=(.)", first):  # what Excel calls its separator
        text = text[len(first) + 1 :]
    mark = excel[1] if excel else max("\t;,|", key=first.count)
    rows = csv.reader(io.StringIO(text, newline=""), delimiter=mark, strict=True)
    table: Iterator[Row] = (
        (rows.line_num, [cell.strip() for cell in row]) for row in rows if any(cell.strip() for cell in row)
    )
    listing = Listing(source, options, "CSV" if mark != "\t" else "TSV")
    try:
        line, header = next(table, (1, []))
        if len(header) < 2 and not options.columns:
            raise source.error(
                f"one column ({first[:60]!r}); a CSV file has a header and one edge per line", 1
            )
        return _table(listing, (line, header), table, mark)
    except csv.Error as error:
        raise source.error(f"not CSV ({error})", rows.line_num) from None


def _table(listing: Listing, first: Row, rows: Iterator[Row], mark: str) -> Listing:
    source, options, header = listing.source, listing.options, first[1]
    ends = ends_of(header)
    if options.columns or ends is not None or options.header is not None:
        return _edges_of_table(listing, first, rows, mark, ends)
    body = list(islice(rows, len(header) + 1))
    if matrix := _matrix(listing, header, body):
        return matrix
    rest = _again(body, rows)
    if sum(map(is_number, header[:2])) == 2 or len(header) == 1:
        _refuse_small_matrix(source, [first, *body])
        listing.note("no header: the first line is an edge")
        return _edges_of_table(listing, None, _chain(first, rest), mark, (0, 1))
    raise source.error(
        f"no columns source and target in the header ({', '.join(header)[:100]}); name the columns with "
        f"--columns {','.join(header[:2])[:60]}, or say --no-header if the first line is an edge"
    )


def _again(rows: Sequence[Row], rest: Iterator[Row]) -> Iterator[Row]:
    yield from rows
    yield from rest


def _edges_of_table(
    listing: Listing, first: Row | None, rows: Iterator[Row], mark: str, ends: tuple[int, int] | None
) -> Listing:
    source, options = listing.source, listing.options
    header = first[1] if first else []
    width = len(header)
    if options.header is False or not first:
        rows = _chain(first, rows) if first else rows
        head = next(rows, (1, []))
        rows, width = _chain(head, rows), len(head[1])
        header = [str(i + 1) for i in range(width)]
        ends = (0, 1)
    at = _columns(source, options, header, ends)
    kinds = header.index(kind) if (kind := _type_column(header)) is not None else None
    named = [options.columns[2:3], options.weight and [options.weight]]
    for line, row in rows:
        if len(row) != width:
            raise source.error(f"{len(row)} fields, but the header has {width}", line)
        u, v = row[at[0]], row[at[1]]
        if not u or not v:
            raise source.error(f"an edge needs two nodes; {header[at[0 if not u else 1]]!r} is empty", line)
        weight: float | None = None
        if len(at) > 2 and (cell := row[at[2]]):
            if mark in "\t;|" and "," in cell and _is_comma(cell, listing):
                cell = cell.replace(",", ".")
            weight = listing.number(cell, line)
        way = None if kinds is None else _DIRECTED.get(row[kinds].lower(), row[kinds])
        listing.edges.append((listing.name(u, line), listing.name(v, line), weight, way))  # type: ignore[arg-type]
        listing.lines.append(line)
    if any(isinstance(way, str) for *_, way in listing.edges):  # a column of other types
        listing.edges = [(u, v, weight, None) for u, v, weight, _ in listing.edges]
        listing.left_out[header[kinds or 0]] = None
    elif kinds is not None and any(way for *_, way in listing.edges):
        listing.directed = True
    listing.columns = [header[i] for i in at]
    if len(at) > 2:
        listing.weight_names[header[at[2]]] = None
        if not any(named) and header[at[2]].lower() not in WEIGHTS:
            _no_times(listing)
    listing.left_out |= {header[i]: None for i in range(width) if header[i] and i not in at and i != kinds}
    listing.nodes_of_edges("a CSV file has a header and one edge per line")
    return listing


def _type_column(header: Sequence[str]) -> str | None:
    return next((name for name in header if name.lower() in ("type", "directed", "edgetype")), None)


def _columns(
    source: Source, options: Options, header: Sequence[str], ends: tuple[int, int] | None
) -> list[int]:
    """Where source, target and, if there is one, the weight stand."""

    def position(name: str) -> int:
        if name not in header:
            raise source.error(f"no column {name!r}; the header has {', '.join(header)[:200]}")
        if header.count(name) > 1:
            raise source.error(f"{header.count(name)} columns are called {name!r}; rename all but one")
        return header.index(name)

    if len(options.columns) not in (0, 2, 3):
        raise source.error("--columns names two or three columns: SOURCE,TARGET or SOURCE,TARGET,WEIGHT")
    at = [position(name) for name in options.columns] or list(ends or ends_of(header) or (0, 1))
    if len(header) < 2:
        raise source.error(f"one column ({', '.join(header)[:60]!r}); an edge needs two")
    if options.weight is not None:
        return [*at[:2], position(options.weight)]
    lower = [name.lower() for name in header]
    named = [name for name in WEIGHTS if name in lower and lower.index(name) not in at[:2]]
    given = [position(header[lower.index(name)]) for name in named]
    numbered = [2] if options.header is False and len(header) == 3 else []
    headless = all(name.isdigit() for name in header) and len(header) == 3 and not options.columns
    return at if len(at) > 2 else [*at, *(given or numbered or ([2] if headless else []))[:1]]


def _matrix(listing: Listing, header: list[str], body: list[Row]) -> Listing | None:
    """The graph of a square matrix whose rows and columns have the same names, or of one of at least four
    rows of numbers and no names.
    """
    source, n = listing.source, len(header) - 1
    if not is_number(header[0]) and len(body) == n > 0 and all(len(row) == n + 1 for _, row in body):
        names = [row[0] for _, row in body]
        if sorted(names) == sorted(header[1:]) and len(set(names)) == n:
            values = [row[1:] for _, row in body]
            order = [header[1:].index(name) for name in names]
            cells = [[row[i] for i in order] for row in values]
            if all(is_number(cell) or not cell for row in cells for cell in row):
                listing.format = "CSV matrix"
                return _of_matrix(listing, names, cells)
    elif header[0] == "" and len(body) > 0 and all(len(row) == n + 1 for _, row in body):
        raise source.error(
            f"a matrix of {len(body)}{' or more' * (len(body) > n)} rows and {n} columns; an "
            f"adjacency matrix "
            "is square, with the same names in the first row and the first column"
        )
    rows = [header, *(row for _, row in body)]
    n += 1
    if len(rows) == n >= 4 and all(len(row) == n and all(map(is_number, row)) for row in rows):
        listing.format = "CSV matrix"
        listing.note("a matrix without names: the nodes are called by their rows, from 0")
        return _of_matrix(listing, [str(u) for u in range(n)], rows)
    return None


def _refuse_small_matrix(source: Source, rows: list[Row]) -> None:
    if may_be_matrix([row for _, row in rows]):
        raise source.error(
            "may be a matrix of numbers or a list of edges; say --no-header if each line is an "
            "edge, or write "
            "the nodes' names in the first row and column of the matrix"
        )


def _of_matrix(listing: Listing, names: Sequence[str], cells: Sequence[Sequence[Any]]) -> Listing:
    """The edges of a square matrix: undirected where it is symmetric, weighted where not all are 0 or 1."""
    values = [
        [0 if cell == "" else listing.number(cell, None) if isinstance(cell, str) else cell for cell in row]
        for row in cells
    ]
    for name in names:
        listing.add_node(name)
    symmetric = all(values[u][v] == values[v][u] for u in range(len(values)) for v in range(u))
    return _entries(listing, list(names), list(pairs_of(values)), symmetric)


def _entries(
    listing: Listing, names: Sequence[str], entries: list[tuple[int, int, float]], symmetric: bool
) -> Listing:
    listing.directed = not symmetric
    listing.note(
        f"the matrix is {'symmetric' if symmetric else 'not symmetric'}: edges are {'un' * symmetric}directed"
    )
    plain = all(value == 1 for *_, value in entries)
    for u, v, value in entries:
        if not symmetric or u <= v:
            weight = None if plain else listing.number(value)
            listing.edges.append((names[u], names[v], weight, None))
    return listing


def read_numpy(source: Source, options: Options) -> Listing:
    """A square matrix of numpy (.npy), or a sparse one of scipy (.npz); objects and pickles are refused."""
    import numpy as np

    listing = Listing(source, options, "numpy matrix")
    arrays = _numpy_arrays(source, options)
    if "edge_index" in arrays:
        raise source.error("holds an edge_index; read the graph in Python with graphtalk.read_graph")
    if list(arrays) == ["array"] or (len(arrays) == 1 and next(iter(arrays.values())).ndim == 2):
        matrix = next(iter(arrays.values()))
        if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or not matrix.shape[0]:
            raise source.error(f"an array of shape {matrix.shape}; an adjacency matrix is square")
        if matrix.dtype.kind not in "buif":
            raise source.error(f"an array of type {matrix.dtype}; an adjacency matrix holds numbers")
        if matrix.dtype.kind == "f" and not np.isfinite(matrix).all():
            raise source.error("the matrix has entries that are not finite")
        rows, columns = matrix.nonzero()
        values, n = matrix[rows, columns], matrix.shape[0]
    elif {"row", "col", "data", "shape"} <= arrays.keys():
        rows, columns, values = (arrays[name] for name in ("row", "col", "data"))
        n = _square(source, arrays["shape"])
    elif {"indices", "indptr", "data", "shape"} <= arrays.keys():
        n = _square(source, arrays["shape"])
        if arrays["indptr"].shape != (n + 1,) or arrays["indptr"].dtype.kind not in "iu":
            raise source.error("a sparse matrix whose parts do not go together")
        if (np.diff(arrays["indptr"]) < 0).any() or arrays["indptr"][-1] != len(arrays["indices"]):
            raise source.error("a sparse matrix whose parts do not go together")
        rows, columns = np.repeat(np.arange(n), np.diff(arrays["indptr"])), arrays["indices"]
        if bytes(arrays["format"].tobytes()).strip(b"\0") == b"csc" if "format" in arrays else False:
            rows, columns = columns, rows
        values = arrays["data"]
    else:
        raise source.error(
            f"holds the arrays {', '.join(arrays)[:100]}; expected a matrix, dense or scipy's sparse"
        )
    if not len(rows) == len(columns) == len(values) or values.dtype.kind not in "buif":
        raise source.error("a sparse matrix whose parts do not go together")
    if any(part.dtype.kind not in "iu" or part.ndim != 1 for part in (rows, columns)):
        raise source.error("a sparse matrix whose parts do not go together")
    if len(rows) and (min(rows.min(), columns.min()) < 0 or max(rows.max(), columns.max()) >= n):
        raise source.error(f"an entry lies outside the matrix of {n} rows")
    listing.note("the nodes are called by their rows, from 0")
    listing.numbered(source.promised(n), first=0)
    entries = {
        (u, v): value
        for u, v, value in zip(rows.tolist(), columns.tolist(), values.tolist(), strict=True)
        if value
    }
    symmetric = all(entries.get((v, u)) == value for (u, v), value in entries.items())
    return _entries(
        listing, list(listing.nodes), [(u, v, float(value)) for (u, v), value in entries.items()], symmetric
    )


def _square(source: Source, shape: Any) -> int:
    if shape.shape != (2,) or shape.dtype.kind not in "iu" or shape[0] != shape[1] or shape[0] < 1:
        raise source.error(f"a matrix of shape {shape.tolist()}; an adjacency matrix is square")
    return source.promised(int(shape[0]))


def _numpy_arrays(source: Source, options: Options) -> dict[str, Any]:
    """The arrays of a .npy or .npz file, none larger than what the file really holds."""
    if source.data.startswith(b"\x93NUMPY"):
        return {"array": _numpy_array(source, source.data)}
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            out = {}
            for info in archive.infolist()[:20]:
                with archive.open(info) as stream:
                    out[info.filename.removesuffix(".npy")] = _numpy_array(
                        source, bounded(stream, source, options.max_bytes)
                    )
            return out
    except InputError:
        raise
    except BROKEN as error:
        raise source.error(f"not a whole numpy file ({error})") from None


def _numpy_array(source: Source, data: bytes) -> Any:
    import numpy as np

    try:
        stream = io.BytesIO(data)
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(stream, max_header_size=10_000)
        elif version == (2, 0):
            shape, fortran, dtype = np.lib.format.read_array_header_2_0(stream, max_header_size=10_000)
        else:
            raise ValueError(f"version {version}")
        if dtype.hasobject:
            raise source.error("holds Python objects (a pickle), which could run code; save numbers")
        size = 1
        for length in shape:
            size *= int(length)
        if len(data) - stream.tell() != size * dtype.itemsize or size < 0:
            raise source.error(f"the header promises an array of shape {shape}, which the file does not hold")
        array = np.frombuffer(data, dtype=dtype, offset=stream.tell())
        return array.reshape(shape, order="F" if fortran else "C")
    except InputError:
        raise
    except (
        ValueError,
        TypeError,
        OverflowError,
        SyntaxError,
        tokenize.TokenError,  # of numpy, which takes a broken header for one of Python 2
        EOFError,
        RecursionError,
        MemoryError,
    ) as error:
        raise source.error(f"not a numpy file that can be read ({str(error)[:100]})") from None


def read_parquet(source: Source, options: Options) -> Listing:
    """An edge table in a Parquet file: its columns are those of a CSV file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    listing = Listing(source, options, "Parquet")
    try:
        file = pq.ParquetFile(io.BytesIO(source.data))
        if file.metadata.num_rows > UNLISTED + 50 * len(source.data):
            raise source.error(
                f"the file promises {file.metadata.num_rows:,} rows in {len(source.data):,} bytes"
            )
        header = list(file.schema_arrow.names)
        ends = ends_of(header)
        if not options.columns and ends is None:
            raise source.error(
                f"no columns source and target ({', '.join(header)[:100]}); name them with "
                f"--columns SOURCE,TARGET"
            )
        if options.header is False:
            raise source.error("a Parquet file always names its columns; leave --no-header out")
        at = _columns(source, options, header, ends)
        wanted = [header[i] for i in at]
        for name in wanted:
            kind = file.schema_arrow.field(name).type
            if pa.types.is_dictionary(kind):
                kind = kind.value_type
            if pa.types.is_nested(kind) or pa.types.is_binary(kind):
                raise source.error(f"the column {name!r} holds {kind}, which is no name and no number")
        for batch in file.iter_batches(batch_size=1 << 16, columns=wanted):
            for row, (u, v, *weight) in enumerate(
                zip(*(batch.column(name).to_pylist() for name in wanted), strict=True), len(listing.edges) + 1
            ):
                if u is None or v is None or u == "" or v == "":
                    raise source.error(f"row {row}: an edge needs two nodes; one is empty")
                number = listing.number(weight[0]) if weight and weight[0] is not None else None
                listing.edges.append((listing.name(u), listing.name(v), number, None))
        if len(listing.edges) != file.metadata.num_rows:
            raise source.error(
                f"{file.metadata.num_rows} rows are promised, and {len(listing.edges)} are there"
            )
    except (pa.ArrowException, OSError, ValueError, KeyError) as error:
        if isinstance(error, InputError):
            raise
        raise source.error(f"not a Parquet file that can be read ({str(error)[:150]})") from None
    listing.columns = wanted
    listing.weight_names |= dict.fromkeys(wanted[2:])
    listing.left_out |= {name: None for name in header if name not in wanted}
    listing.nodes_of_edges("a Parquet file has one edge per row")
    return listing
