"""Rows of data files (JSON lines, JSON, CSV, TSV, parquet): one dict each, and the place where it stands."""

import csv
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from data_builders.errors import InputError, file_error

Record = tuple[str, dict[str, Any]]
"""`FILE, row N` and the row."""


def read_records(path: Path) -> Iterator[Record]:
    """The rows of one file, by the end of its name: .jsonl, .json, .csv, .tsv or .parquet.

    A .json file holds a list of objects, an object of objects (whose keys are dropped), one object, or JSON
    lines, as the Hub's files often do. Raises InputError, with file and row, for anything else.

    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "rows.json"
    >>> _ = path.write_text('{"0": {"question": "Q?"}, "1": {"question": "R?"}}')
    >>> [(place.rpartition(", ")[2], row) for place, row in read_records(path)]
    [('row 1', {'question': 'Q?'}), ('row 2', {'question': 'R?'})]
    """
    read = {".jsonl": _lines, ".json": _json, ".csv": _table, ".tsv": _table, ".parquet": _parquet}
    if path.suffix not in read:
        raise InputError(f"{path}: unknown kind of file; give one that ends in {', '.join(read)}")
    try:
        for number, row in enumerate(read[path.suffix](path), 1):
            if not isinstance(row, dict):
                raise InputError(f"{path}, row {number}: a {type(row).__name__}; each row is an object")
            yield f"{path}, row {number}", row
    except OSError as error:
        raise InputError(file_error(error)) from None
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text") from None
    except (csv.Error, pa.ArrowException) as error:
        raise InputError(f"{path}: cannot be read ({str(error).splitlines()[0]})") from None


def _lines(path: Path) -> Iterator[Any]:
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    yield json.loads(line)
                except (ValueError, RecursionError) as error:
                    raise InputError(f"{path}, line {number}: not JSON ({str(error)[:100]})") from None


def _json(path: Path) -> Iterable[Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except UnicodeDecodeError:
        raise
    except (ValueError, RecursionError):
        return _lines(path)
    if isinstance(content, dict) and content and all(isinstance(value, dict) for value in content.values()):
        return content.values()
    return content if isinstance(content, list) else [content]


def _table(path: Path) -> Iterator[Any]:
    csv.field_size_limit(2**31 - 1)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, delimiter="\t" if path.suffix == ".tsv" else ",", strict=True)
        for row in rows:
            if None in row or None in row.values():
                raise InputError(
                    f"{path}, line {rows.line_num}: another number of cells than the first line has names"
                )
            yield row


def _parquet(path: Path) -> Iterator[Any]:
    with pq.ParquetFile(path) as file:
        for batch in file.iter_batches(1000):
            yield from batch.to_pylist()
