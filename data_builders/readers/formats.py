"""FORMATS: every format that is read, with the endings of its files and the look of its first bytes.

A file's ending and its content must agree: what clearly is another format is refused in one line that names
both. Endings that say nothing (.txt, .dat, none) leave it to the content, and are else edge lists.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from data_builders.readers.brackets import read_dot, read_gml
from data_builders.readers.json_graphs import read_json
from data_builders.readers.pajek import read_dl, read_pajek
from data_builders.readers.small_formats import (
    read_dimacs,
    read_gdf,
    read_graph6,
    read_leda,
    read_lgl,
    read_matrix_market,
    read_metis,
    read_obo,
    read_sif,
    read_tgf,
)
from data_builders.readers.source import Listing, Options, Source
from data_builders.readers.tables import (
    read_adjacency_list,
    read_csv,
    read_edge_list,
    read_numpy,
    read_parquet,
)
from data_builders.readers.xml_graphs import read_gexf, read_graphml, read_xgmml, root_of

Reader = Callable[[Source, Options], Listing]


@dataclass(frozen=True)
class Format:
    """One format.

    endings: of files that can only be this format. look: a pattern that the first 4,000 characters of no
        other format match; None where the format cannot be told by its look.
    labels: whether nodes have attributes, of which one can be their name.
    """

    name: str
    read: Reader
    endings: tuple[str, ...]
    look: str | None = None
    labels: bool = True


FORMATS = (
    Format("GraphML", read_graphml, (".graphml",)),
    Format("GEXF", read_gexf, (".gexf",)),
    Format("XGMML", read_xgmml, (".xgmml",)),
    Format("JSON", read_json, (".json", ".cyjs"), r"\s*(\{\s*[\"}]|\[\s*[\[{\"])"),
    Format(
        "GML",
        read_gml,
        (".gml",),
        r"(\s*#.*\n|\s*(Creator|Version|comment|\w+)\s+[\"\d][^\n{]*\n)*\s*graph\s*\[",
        True,
    ),
    Format(
        "Pajek", read_pajek, (".net", ".paj", ".pajek"), r"(?i)(\s*%.*\n)*\s*\*(vertices|network)\b", False
    ),
    Format("Matrix Market", read_matrix_market, (".mtx",), r"\s*%%MatrixMarket", False),
    Format("UCINET DL", read_dl, (".dl",), r"(?i)\s*dl\s+(n|nr|nc|nm|format)\s*=", False),
    Format(
        "DIMACS",
        read_dimacs,
        (".col", ".gr", ".max", ".dimacs"),
        r"(c( .*)?\n)*p (edges?|col|sp|max|min) +\d+ +\d+",
        False,
    ),
    Format(
        "DOT",
        read_dot,
        (".dot", ".gv"),
        r"(?i)(\s*(//.*\n|/\*[\s\S]*?\*/|#.*\n))*\s*(strict\s+)?(di)?graph\b[^\[\n{]{0,200}\{",
    ),
    Format("LEDA", read_leda, (".lgr", ".leda", ".gw"), r"(#.*\n)*LEDA\.GRAPH", False),
    Format("GDF", read_gdf, (".gdf",), r"\s*nodedef\s*>"),
    Format("OBO", read_obo, (".obo",), r"format-version:"),
    Format(
        "graph6",
        read_graph6,
        (".g6", ".s6", ".d6", ".graph6", ".sparse6"),
        r">>(di)?(graph|sparse)6<<",
        False,
    ),
    Format("Parquet", read_parquet, (".parquet", ".pq"), r"PAR1", False),
    Format("numpy", read_numpy, (".npy", ".npz"), "\x93NUMPY", False),
    Format("TGF", read_tgf, (".tgf",), None, False),
    Format("SIF", read_sif, (".sif",), None, False),
    Format("METIS", read_metis, (".metis", ".graph"), None, False),
    Format("LGL", read_lgl, (".lgl",), None, False),
    Format("adjacency list", read_adjacency_list, (".adjlist",), None, False),
    Format("CSV", read_csv, (".csv", ".tsv", ".tab"), None, False),
    Format(
        "edge list", read_edge_list, (".edges", ".edgelist", ".edge", ".el", ".wel", ".ncol"), None, False
    ),
)

_BY_ENDING = {ending: format for format in FORMATS for ending in format.endings}
_BY_NAME = {format.name: format for format in FORMATS}
_ROOTS = {"graphml": "GraphML", "gexf": "GEXF"}
_BINARY = {
    b"\x89HDF": "HDF5",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"SQLite": "SQLite",
    b"MATLAB": "MATLAB",
    b"\x80\x02": "a pickle, which could run code",
    b"\x80\x03": "a pickle, which could run code",
    b"\x80\x04": "a pickle, which could run code",
    b"\x80\x05": "a pickle, which could run code",
    b"RDX": "R data",
    b"PK\x03\x04": "an archive inside an archive",
}


def content_format(source: Source) -> Format | None:
    """The format that the content can only be, or None where it may be several."""
    head = source.data[:4000]
    if head.startswith(b"PAR1") or head.startswith(b"\x93NUMPY"):
        return _BY_NAME["Parquet" if head.startswith(b"PAR1") else "numpy"]
    for magic, what in _BINARY.items():
        if head.startswith(magic) and source.ending != ".npz":
            raise source.error(f"is {what}; save the graph as GraphML, CSV or an edge list")
    if source.data[257:262] == b"ustar":
        raise source.error("is a tar archive; unpack it and give the file of the graph")
    for mark, encoding in ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"\xef\xbb\xbf", "utf-8-sig")):
        if head.startswith(mark):
            text = head.decode(encoding, errors="replace")
            break
    else:
        text = head.decode("utf-8", errors="replace")
    if re.match(r"\s*<[?!A-Za-z]", text):
        if re.match(r"(?i)\s*<(!doctype )?html", text):
            raise source.error("is a web page (HTML), not a graph; download the file itself")
        root, spaces = root_of(source)
        if root == "graph" and ("XGMML" in spaces or source.ending in (".xgmml", ".xml")):
            return _BY_NAME["XGMML"]
        name = _ROOTS.get(root)
        if name is None:
            wanted = _BY_ENDING[source.ending].name if source.ending in _BY_ENDING else "graph"
            raise source.error(f"not a {wanted} file: it is XML whose first element is <{root[:40]}>")
        return _BY_NAME[name]
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return next((f for f in FORMATS if f.look is not None and re.match(f.look, text)), None)


def read_listing(source: Source, options: Options) -> Listing:
    """What the file says, by its ending and its content, which must agree."""
    by_ending = _BY_ENDING.get(source.ending)
    by_content = content_format(source)
    if by_ending is not None and by_content is not None and by_ending is not by_content:
        raise source.error(
            f"the ending {source.ending} is that of {by_ending.name}, but the content is {by_content.name}; "
            f"rename the file to {source.path.name.split('.')[0]}{by_content.endings[0]}"
        )
    if source.ending == ".xml" and by_content is None:
        raise source.error("not XML; the ending .xml is that of GraphML, GEXF and XGMML")
    format = by_ending or by_content or _BY_NAME["edge list"]
    if by_content is not None and by_ending is None:
        source.notes.append(f"read as {format.name}, as its content says")
    if options.label is not None and not format.labels:
        raise source.error(f"this format has no node attributes, so none is called {options.label!r}")
    if options.columns and format.name not in ("CSV", "Parquet", "edge list"):
        raise source.error(f"--columns is for tables; {format.name} has no columns")
    if options.header is not None and format.name not in ("CSV", "Parquet", "edge list"):
        raise source.error(f"--no-header is for tables; {format.name} has no header")
    try:
        return format.read(source, options)
    except MemoryError:
        raise source.error("needs more memory than there is") from None
