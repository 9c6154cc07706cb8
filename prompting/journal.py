"""Journal: every completion on disk as it arrives, so that nothing is asked twice.

It is one SQLite file for a run, or for several runs. The key of a completion is what was asked (the model's
identity, the whole prompt, and which sample), and not which example asked it. So a rerun, a larger --limit,
or another example or method with the same prompt finds it there.

>>> import tempfile
>>> folder = tempfile.TemporaryDirectory()
>>> with Journal(Path(folder.name) / "journal.sqlite", {"model": "m"}) as journal:
...     journal.add([(Request("Q: "), Completion("Yes.", "stop", 2, 2, 0.1))])
...     [completion.text for completion in journal.find([Request("Q: "), Request("Q: ", 1)]).values()]
['Yes.']
"""

import hashlib
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from data_builders.errors import InputError
from prompting.backends.model import Completion, Request
from prompting.budget import Stopped, most_tokens

_TABLE = """CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, text TEXT NOT NULL,
    finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL,
    seconds REAL NOT NULL
) WITHOUT ROWID"""
_ADDED_COLUMNS = {  # version -> its new columns
    2: (
        "sample INTEGER NOT NULL DEFAULT 0",
        "reasoning TEXT NOT NULL DEFAULT ''",
        "reasoning_tokens INTEGER NOT NULL DEFAULT 0",
    ),
    3: ("confidence REAL",),
    4: ("checksum TEXT NOT NULL DEFAULT ''",),  # '' in a row of an earlier version
}
_VERSION = max(_ADDED_COLUMNS)
_FIELDS = (
    "text, finish_reason, prompt_tokens, output_tokens, seconds, reasoning, reasoning_tokens, confidence"
)
_COLUMNS = f"key, model, prompt, sample, checksum, {_FIELDS}"
_KEYS_PER_QUERY = 500  # SQLite allows 999 variables at least


class Journal:
    """The completions of one model identity in one file; use it in a `with`.

    What `add` was given is on disk when it returns, even if the process is killed right after it.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self._path, self._model = path, json.dumps(identity, sort_keys=True, ensure_ascii=False)
        try:
            self._connection = sqlite3.connect(path, timeout=60)
            # A damaged text is no UTF-8, and is known by its checksum.
            self._connection.text_factory = lambda text: text.decode("utf-8", "replace")
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version > _VERSION:
                raise InputError(
                    f"{path}: a journal of version {version}; this program writes version {_VERSION}; "
                    f"choose another --out"
                )
            if version < _VERSION:
                self._upgrade()
            # A folder that cannot be written is noticed before anything is paid for.
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.rollback()
        except sqlite3.OperationalError as error:
            raise InputError(
                f"{path}: cannot be written ({error}); free some space, or choose an --out that can be "
                f"written"
            ) from error
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{path}: not a journal of completions ({error}); choose another --out, or move the file away"
            ) from error

    def _upgrade(self) -> None:
        with self._connection:
            self._connection.execute("BEGIN IMMEDIATE")
            # Another process may have been faster, so the version is read again.
            current = self._connection.execute("PRAGMA user_version").fetchone()[0]
            self._connection.execute(_TABLE)
            for column in (
                column
                for version, columns in _ADDED_COLUMNS.items()
                if version > current
                for column in columns
            ):
                self._connection.execute(f"ALTER TABLE completions ADD COLUMN {column}")
            self._connection.execute(f"PRAGMA user_version={_VERSION}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def _key(self, request: Request) -> str:
        which = f"\0{request.sample}" if request.sample else ""
        return hashlib.sha256(f"{self._model}\0{request.prompt}{which}".encode()).hexdigest()

    def find(self, requests: Sequence[Request]) -> dict[Request, Completion]:
        """Request -> completion, for the requests whose completions are stored.

        One whose row is not what was written, as on a failing disk, is dropped with a line about it, so that
        it is asked again.
        """
        requests_by_key = {self._key(request): request for request in requests}
        stored: dict[Request, Completion] = {}
        damaged: list[tuple[str]] = []
        keys = list(requests_by_key)
        for start in range(0, len(keys), _KEYS_PER_QUERY):
            part = keys[start : start + _KEYS_PER_QUERY]
            places = ", ".join("?" * len(part))
            query = f"SELECT key, checksum, {_FIELDS} FROM completions WHERE key IN ({places})"
            for key, checksum, *values in self._read(query, part):
                if checksum in ("", _checksum(key, values)):
                    stored[requests_by_key[key]] = Completion(*values)
                else:
                    damaged.append((key,))
        if damaged:
            print(f"graphtalk: {self._path}: {len(damaged)} damaged completions left out", file=sys.stderr)
            with self._writing():
                self._connection.executemany("DELETE FROM completions WHERE key = ?", damaged)
        return stored

    def _read(self, query: str, values: Sequence[str] = ()) -> list[tuple[Any, ...]]:
        try:
            return self._connection.execute(query, values).fetchall()
        except sqlite3.DatabaseError as error:
            raise InputError(
                f"{self._path}: a damaged journal ({error}); bring a copy of it back, or move it away to ask "
                "everything again"
            ) from None

    def spent(self, max_new_tokens: int) -> tuple[int, int]:
        """Prompt and output tokens of all completions in the file, of whatever model and settings.

        A completion whose tokens the server did not count is taken at the most that it may have cost:
        `max_new_tokens`, and the upper guess of its prompt.
        """
        rows = self._read(
            "SELECT prompt_tokens, output_tokens, length(prompt) FROM completions "
            "WHERE typeof(prompt_tokens) = 'integer' AND typeof(output_tokens) = 'integer'"
        )
        counts = [(p, o) if p + o else (most_tokens(length), max_new_tokens) for p, o, length in rows]
        return sum(p for p, _ in counts), sum(o for _, o in counts)

    def add(self, completions: Iterable[tuple[Request, Completion]]) -> None:
        """Store (request, completion) pairs, all or none; a stored request keeps its first completion.

        Raises Stopped where the disk is full or cannot be written; what was stored before stays.
        """
        rows = []
        for r, c in completions:
            confidence = None if c.confidence is None else float(c.confidence)
            values = (
                c.text, c.finish_reason, c.prompt_tokens, c.output_tokens, float(c.seconds),
                c.reasoning, c.reasoning_tokens, confidence,
            )  # fmt: skip
            key = self._key(r)
            rows.append((key, self._model, r.prompt, r.sample, _checksum(key, values), *values))
        places = ", ".join("?" * (_COLUMNS.count(",") + 1))
        with self._writing():
            self._connection.executemany(
                f"INSERT INTO completions ({_COLUMNS}) VALUES ({places}) ON CONFLICT(key) DO NOTHING", rows
            )

    def merge(self, path: Path) -> int:
        """Take over the completions of another journal, and return how many were new; the other stays.

        Raises InputError for a file that is no journal, Stopped where the disk is full.
        """
        with Journal(path, {}):
            pass  # which brings a journal of an earlier version to this one
        before = len(self)
        self._connection.execute("ATTACH DATABASE ? AS other", (str(path),))
        try:
            with self._writing():
                self._connection.execute(
                    f"INSERT INTO completions ({_COLUMNS}) SELECT {_COLUMNS} FROM other.completions "
                    "WHERE true ON CONFLICT(key) DO NOTHING"
                )
        finally:
            self._connection.execute("DETACH DATABASE other")
        return len(self) - before

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with self._connection:
                yield
        except sqlite3.IntegrityError:
            raise
        except sqlite3.DatabaseError as error:
            raise Stopped(
                f"{self._path}: cannot be written ({error}); all completions before this are kept: free "
                f"some space and start again"
            ) from error

    def __len__(self) -> int:
        """Number of stored completions, of any model."""
        return int(self._read("SELECT count(*) FROM completions")[0][0])


def _checksum(key: str, values: Sequence[Any]) -> str:
    """Of all that a run reads from a row, as SQLite gives it back; SQLite itself keeps none."""
    return hashlib.sha256(json.dumps([key, *values], default=repr).encode()).hexdigest()[:16]


def stored_completions(path: Path) -> int:
    """How many completions a file holds, of any model; 0 where there is none, or none that can be read."""
    if not path.is_file():
        return 0
    try:
        with closing(sqlite3.connect(path, timeout=60)) as connection:
            return int(connection.execute("SELECT count(*) FROM completions").fetchone()[0])
    except sqlite3.Error:  # `Journal` says what is wrong with it.
        return 0
