"""Source: one file of the user, unpacked within limits and read as text; Listing: what a reader makes of it.

What is compressed is unpacked, never past `max_bytes`, and never to more than RATIO times its size: memory
and time follow what is really in a file. Text is UTF-8, or what a byte order mark at its start says.
"""

import bz2
import gzip
import hashlib
import io
import lzma
import math
import re
import stat
import struct
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import IO, Annotated, Any

from pydantic import BeforeValidator, Field

from data_builders.errors import InputError
from data_builders.options import Option

MAX_BYTES = 2 << 30  # of a file after unpacking, by default
RATIO = 250  # real graphs shrink 3 to 100 times; what grows more than this is made to fill memory
SMALL = 64 << 20  # bytes that may always be unpacked
LONGEST_NAME = 10_000  # characters of the longest name, id or label that is read
LONGEST_NUMBER = 400  # digits of the longest number
UNLISTED = 10_000  # nodes that a header may promise beyond one for each byte of the file

WEIGHTS = ("weight", "capacity", "value")  # attributes that are read as weights, the best first
NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_UTF = {
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
    b"\xef\xbb\xbf": "utf-8-sig",
}
_PACKED: dict[str, tuple[bytes, Any]] = {
    ".gz": (b"\x1f\x8b", lambda data: gzip.GzipFile(fileobj=data)),
    ".bz2": (b"BZh", bz2.BZ2File),
    ".xz": (b"\xfd7zXZ\x00", lzma.LZMAFile),
    ".zip": (b"PK\x03\x04", None),
}
BROKEN = (  # what the libraries that unpack raise for files that are not whole
    OSError,
    EOFError,
    zlib.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    NotImplementedError,
    RuntimeError,
    ValueError,
    IndexError,
    KeyError,
    struct.error,
)
_ASIDE = re.compile(r"(^|/)(__MACOSX/|\.|readme|license|licence|meta\.)|\.(html?|md|pdf)$", re.IGNORECASE)


def _split(value: object) -> object:
    return tuple(name.strip() for name in value.split(",")) if isinstance(value, str) else value


Directed = Annotated[
    bool, Option("Directed graphs; of a file: keep the directions of its edges.", "--directed/--undirected")
]
Label = Annotated[str | None, Option("Node attribute of graph files that holds the names.")]
Columns = Annotated[
    tuple[str, ...],
    BeforeValidator(_split),
    Option("Columns of tables: SOURCE,TARGET or SOURCE,TARGET,WEIGHT; numbers from 1 with --no-header."),
]
Weight = Annotated[str | None, Option("Edge attribute, or column, of graph files that is the weight.")]
Weights = Annotated[bool, Option("Whether the weights of graph files are read.", "--weights/--no-weights")]
Header = Annotated[
    bool | None,
    Option(
        "Whether the first line of tables names their columns; seen for itself by default.",
        "--header/--no-header",
    ),
]
MaxBytes = Annotated[int, Field(ge=1), Option("Largest graph file that is read, in bytes after unpacking.")]


@dataclass(frozen=True)
class Options:
    """What the user says about a file; each is a flag of `graph`, `ask`, `build` and `tasks`.

    columns: by name, or by number from 1 where there is no header.
    weight: the name of an attribute or a column; of a table without a header, the column's number.
    header: None where the reader may decide.
    """

    directed: Directed = False
    label: Label = None
    columns: Columns = ()
    weight: Weight = None
    weights: Weights = True
    header: Header = None
    max_bytes: MaxBytes = MAX_BYTES


OPTIONS = tuple(field.name for field in fields(Options))


@dataclass
class Source:
    """A file's bytes after unpacking, and the ending that says what they are."""

    path: Path
    data: bytes
    ending: str
    sha256: str = ""
    notes: list[str] = field(default_factory=list)

    def error(self, message: str, line: int | None = None) -> InputError:
        """The one line that a user sees."""
        where = "" if line is None else f"line {line}: "
        return InputError(f"{self.path}: {where}{' '.join(message.split())}")

    @cached_property
    def text(self) -> str:
        """The text, with line feeds alone at the ends of lines."""
        encoding = next((name for mark, name in _UTF.items() if self.data.startswith(mark)), "utf-8")
        try:
            text = self.data.decode(encoding)
        except UnicodeDecodeError as error:
            line = self.data[: error.start].count(b"\n") + 1
            if not encoding.startswith("utf-8"):
                raise self.error(
                    f"not {encoding.upper()}, as its first bytes say; save it as UTF-8"
                ) from None
            raise self.error(
                f"byte 0x{self.data[error.start]:02x} is not UTF-8; save the file as UTF-8 text", line
            ) from None
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            raise self.error("a NUL byte, which no text has; give a text file in UTF-8", line)
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\n\r", "\n").replace("\r", "\n")
        return text

    def lines(self, comments: tuple[str, ...] = ()) -> Iterator[tuple[int, str]]:
        """Number and text of every line that is not blank and does not begin with a comment mark."""
        for number, line in enumerate(self.text.split("\n"), start=1):
            line = line.strip(" \t\x0b\x0c\xa0")
            if line and not (comments and line.startswith(comments)):
                yield number, line

    def promised(self, count: int, line: int | None = None) -> int:
        """A number of nodes that a header states; InputError where the file is too small to have them."""
        if count > UNLISTED + len(self.data):
            raise self.error(
                f"the header promises {count:,} nodes, but the file has only {len(self.data):,} bytes", line
            )
        return count

    def count(self, text: str, what: str, line: int | None = None) -> int:
        """A whole number of at least 0 in the file."""
        if not (text.isascii() and text.isdigit() and len(text) <= 15):
            raise self.error(f"{what} {text[:40]!r} is not a whole number", line)
        return int(text)


def whole(number: float) -> float:
    """A whole number as int, which is written without `.0`; any other as it is.

    >>> whole(3.0), whole(1.5)
    (3, 1.5)
    """
    return int(number) if isinstance(number, float) and number.is_integer() and abs(number) < 1e15 else number


def words(line: str) -> list[str]:
    """The words of a line, which spaces and tabs divide; other white space of Unicode belongs to words."""
    return line.split() if line.isascii() else re.split(r"[ \t\x0b\x0c]+", line.strip(" \t\x0b\x0c"))


def quoted_words(line: str) -> list[str]:
    r"""The words of a line, of which some stand in double quotes and may hold spaces.

    >>> quoted_words('1 "New York" 0.5')
    ['1', 'New York', '0.5']
    """
    if '"' not in line:
        return words(line)
    return [
        quoted if word[:1] == '"' else word
        for word, quoted in re.findall(r'("((?:[^"]|"")*)"|[^\s"][^\s]*|"\S*)', line)
    ]


class Listing:
    """What a file says, before any rule: its nodes, edges and directions, filled by a reader.

    nodes: id -> label; the label is empty where there is none.
    edges: source id, target id, weight or None, and whether the edge itself is directed or None.
    directed: of the edges that do not say it; None where the format does not know of directions.
    """

    def __init__(self, source: Source, options: Options, format: str, directed: bool | None = None) -> None:
        self.source, self.options, self.format, self.directed = source, options, format, directed
        self.nodes: dict[str, str] = {}
        self.edges: list[tuple[str, str, float | None, bool | None]] = []
        self.notes: list[str] = []
        self.columns: list[str] = []  # of a table: source, target, and the weight if there is one
        self.weight_names: dict[str, None] = {}
        self.left_out: dict[str, None] = {}  # edge attributes that are not read
        self._weight_keys: dict[tuple[Any, ...], Any] = {}  # the keys of an edge -> the one of its weight
        self._numbers: dict[str, float] = {}
        self.lines: list[int | None] = []  # of edges whose ends are still to be checked

    def name(self, value: object, line: int | None = None) -> str:
        """An id or a label as text."""
        text = value if isinstance(value, str) else str(value)
        if len(text) > LONGEST_NAME:
            raise self.source.error(
                f"a name of {len(text):,} characters; names have at most {LONGEST_NAME:,}", line
            )
        if len(text) > LONGEST_NUMBER and text.strip().isdigit():
            raise self.source.error(f"a number of {len(text.strip()):,} digits", line)
        if not text.isascii() and any("\ud800" <= c <= "\udfff" for c in text):
            raise self.source.error("a name has half of a surrogate pair, which is no character", line)
        return text.strip()

    def add_node(
        self, id: object, attributes: Mapping[str, Any] | None = None, line: int | None = None
    ) -> None:
        """A node with the attributes of which one is its label; InputError where the id is taken."""
        node = self.name(id, line)
        if not node:
            raise self.source.error("a node has an empty id", line)
        if node in self.nodes:
            raise self.source.error(f"two nodes have one id, {node[:40]!r}", line)
        self.nodes[node] = self.name(self._label(node, attributes or {}, line), line)

    def _label(self, node: str, attributes: Mapping[str, Any], line: int | None) -> object:
        asked = self.options.label
        if asked is not None:
            if asked not in attributes:
                has = ", ".join(str(key) for key in attributes if key != "id") or "none"
                raise self.source.error(
                    f"node {node[:40]!r} has no attribute {asked!r}; it has {has[:200]}", line
                )
            return attributes[asked]
        lower = {str(key).lower(): value for key, value in attributes.items()}
        for key in ("label", "name"):
            value = lower.get(key)
            if isinstance(value, str | int | float) and str(value).strip():
                return value
        return ""

    def add_edge(
        self,
        source: object,
        target: object,
        attributes: Mapping[str, Any] | None = None,
        directed: bool | None = None,
        line: int | None = None,
    ) -> None:
        """An edge between ids; the nodes may follow later in the file, see `check_ends`."""
        weight = self.weight_of(attributes, line) if attributes else None
        nodes = self.nodes  # an end that is an id already needs no second look
        u = source if type(source) is str and source in nodes else self.name(source, line)
        v = target if type(target) is str and target in nodes else self.name(target, line)
        self.edges.append((u, v, weight, directed))
        self.lines.append(line)

    def weight_of(self, attributes: Mapping[str, Any], line: int | None = None) -> float | None:
        """The weight among an edge's attributes: the one asked for, else by WEIGHTS."""
        keys = tuple(attributes)  # few edges have others than the edge before
        if keys not in self._weight_keys:
            self._weight_keys[keys] = self._weight_key(keys)
        name = self._weight_keys[keys]
        value = None if name is None else attributes[name]
        if value is None or value == "" or name is None:
            return None
        if str(name).lower() == "value" and self.options.weight is None and not is_number(value):
            self.left_out[str(name)] = None
            return None
        self.weight_names[str(name)] = None
        return self.number(value, line)

    def _weight_key(self, keys: tuple[Any, ...]) -> Any:
        """Which of an edge's attributes is its weight, or None."""
        lower = {str(key).lower(): key for key in keys}
        if (asked := self.options.weight) is not None:
            name = asked if asked in keys else None
        else:
            name = next((lower[key] for key in WEIGHTS if key in lower), None)
        if len(self.left_out) < 50:
            self.left_out |= {str(key): None for key in keys if key != name}
        return name

    def number(self, value: Any, line: int | None = None) -> float:
        """A finite weight."""
        if type(value) is int and abs(value) < 1e15:
            return value
        value = value.item() if hasattr(value, "item") else value  # of numpy
        text = value if isinstance(value, str) else repr(value)
        if (known := self._numbers.get(text)) is not None:  # the weights of a network repeat
            return known
        if len(text) < LONGEST_NUMBER and NUMBER.fullmatch(text.strip()):
            number = int(text) if text.strip().lstrip("+-").isdigit() and len(text) < 16 else float(text)
            if math.isfinite(number):
                if len(self._numbers) < 10_000:
                    self._numbers[text] = whole(number)
                return whole(number)
        raise self.source.error(f"weight {text[:40]!r} is not a finite number", line)

    def check_ends(self) -> None:
        """InputError where an edge names a node that the file does not have."""
        if not self.nodes:
            raise self.source.error("the file has no nodes")
        nodes = self.nodes
        for (u, v, _, _), line in zip(self.edges, self.lines, strict=True):
            if u not in nodes or v not in nodes:
                end = v if u in nodes else u
                raise self.source.error(
                    f"an edge names the node {end[:40]!r}, which the file does not have", line
                )

    def nodes_of_edges(self, hint: str) -> None:
        """The nodes are those that edges name, in the order in which they come."""
        for source, target, _, _ in self.edges:
            self.nodes.setdefault(source, "")
            self.nodes.setdefault(target, "")
        if not self.nodes:
            raise self.source.error(f"no edges; {hint}")

    def numbered(self, n: int, first: int = 1) -> None:
        """The nodes are called by their numbers."""
        self.nodes = {str(u): "" for u in range(first, first + n)}

    def note(self, text: str) -> None:
        """Say something once."""
        if text not in self.notes:
            self.notes.append(text)


def is_number(value: object) -> bool:
    """Whether a value of a file is a number, as such or as text."""
    text = value if isinstance(value, str) else repr(value)
    return len(text) < LONGEST_NUMBER and NUMBER.fullmatch(text.strip()) is not None


def open_source(path: Path, max_bytes: int = MAX_BYTES) -> Source:
    """The file at `path`, unpacked; InputError for what is no file, too large, or not whole."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
            raise InputError(f"{path}: not a regular file (a pipe or a device); give a file of a graph")
        if status.st_size > max_bytes:
            raise InputError(f"{path}: {status.st_size:,} bytes; --max-bytes allows {max_bytes:,}")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        reason = (getattr(error, "strerror", None) or str(error)).lower()
        raise InputError(f"{path}: cannot be read ({reason}); give a file of a graph") from None
    suffixes = [suffix.lower() for suffix in path.suffixes]
    source = Source(path, data, "", hashlib.sha256(data).hexdigest())
    for _ in range(3):  # such as a .csv.gz in a .zip
        kind = next((kind for kind, (magic, _) in _PACKED.items() if source.data.startswith(magic)), None)
        if suffixes[-1:] and suffixes[-1] in _PACKED and kind is None:
            kind = suffixes[-1]
        if kind is None or suffixes[-1:] == [".npz"]:
            break
        suffixes = suffixes[:-1] if suffixes[-1:] == [kind] else suffixes
        if kind == ".zip":
            suffixes = _unzip(source, max_bytes) or suffixes
        else:
            try:
                source.data = bounded(_PACKED[kind][1](io.BytesIO(source.data)), source, max_bytes)
            except InputError:
                raise
            except BROKEN as error:
                name = {".gz": "gzip", ".bz2": "bzip2"}.get(kind, "xz")
                raise source.error(f"not a whole {name} file ({error})") from None
    source.ending = suffixes[-1] if suffixes else ""
    if not source.data.strip(b"\xef\xbb\xbf \t\r\n"):
        raise source.error("the file is empty; give a graph")
    return source


def bounded(stream: IO[bytes], source: Source, max_bytes: int) -> bytes:
    """All that a stream unpacks to, as far as the limits go."""
    packed, out = len(source.data), bytearray()
    while chunk := stream.read(1 << 20):
        out += chunk
        if len(out) > max_bytes:
            raise source.error(f"unpacks to more than {max_bytes:,} bytes, which --max-bytes allows")
        if len(out) > SMALL and len(out) > RATIO * packed:
            raise source.error(
                f"unpacks to more than {RATIO} times its size; unpack it yourself if you trust it"
            )
    return bytes(out)


def _unzip(source: Source, max_bytes: int) -> list[str]:
    """Put the one file of an archive in place of the archive; the endings of its name."""
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            names = [info.filename for info in archive.infolist() if not info.is_dir()]
            if "[Content_Types].xml" in names:
                raise source.error("an office document, not a graph; save the sheet of edges as CSV")
            graphs = [name for name in names if not _ASIDE.search(name)]
            if len(graphs) != 1:
                raise source.error(
                    f"the archive holds {len(graphs)} files ({', '.join(graphs)[:150]}); unpack it "
                    f"and give one"
                )
            with archive.open(graphs[0]) as stream:
                source.data = bounded(stream, source, max_bytes)
    except InputError:
        raise
    except BROKEN as error:
        raise source.error(f"not a whole zip file ({error})") from None
    if len(names) > 1:
        source.notes.append(f"{graphs[0]} of the archive is read, and {len(names) - 1} other files are not")
    return [suffix.lower() for suffix in Path(graphs[0]).suffixes]


def pairs_of(rows: Iterable[Iterable[float]]) -> Iterator[tuple[int, int, float]]:
    """Row, column and value of every entry of a dense matrix that is not 0."""
    for u, row in enumerate(rows):
        for v, value in enumerate(row):
            if value:
                yield u, v, value


def may_be_matrix(rows: Sequence[Any]) -> bool:
    """Whether rows of two or three numbers, each of which may be an edge, are a symmetric matrix together.

    >>> may_be_matrix([["0", "1"], ["1", "0"]]), may_be_matrix([["1", "2"], ["2", "3"]])
    (True, False)
    """
    n = len(rows)
    if n not in (2, 3) or not all(isinstance(row, list) and len(row) == n for row in rows):
        return False
    return all(rows[u][v] == rows[v][u] and str(rows[u][u]) == "0" for u in range(n) for v in range(n))
