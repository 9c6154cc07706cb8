"""Journal: every completion on disk as it arrives, so that nothing is asked twice.

One SQLite file per run. A completion is found by what was asked (model identity and whole prompt), not by which example
asked it: a second start, a larger --limit, or another example with the same prompt finds it there.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite", {"model": "m"}) as journal:
...     journal.add([("Q: ", Completion("Yes.", "stop", 2, 2, 0.1))])
...     journal.find(["Q: ", "R: "])
{'Q: ': Completion(text='Yes.', finish_reason='stop', prompt_tokens=2, output_tokens=2, seconds=0.1)}
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from data_builders.errors import InputError
from prompting.models import Completion

_VERSION = 1
_TABLE = """CREATE TABLE IF NOT EXISTS completions (
    key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, text TEXT NOT NULL, finish_reason TEXT NOT NULL,
    prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, seconds REAL NOT NULL
) WITHOUT ROWID"""
_FIELDS = "text, finish_reason, prompt_tokens, output_tokens, seconds"
_AT_ONCE = 500  # keys in one SELECT; SQLite allows 999 variables at least


class Journal:
    """The completions of one model identity in one file; use it in a `with`.

    add: stored together and for good when it returns, even if the process is killed after it.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any]) -> None:
        self._model = json.dumps(identity, sort_keys=True, ensure_ascii=False)
        self._connection = sqlite3.connect(path, timeout=60)
        try:
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=FULL")
            version = self._connection.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise InputError(f"{path}: a journal of version {version}; this program writes version {_VERSION}; choose another --out")
            with self._connection:
                self._connection.execute(_TABLE)
                self._connection.execute(f"PRAGMA user_version={_VERSION}")
        except sqlite3.DatabaseError as error:
            raise InputError(f"{path}: not a journal of completions ({error}); choose another --out, or move the file away") from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._connection.close()

    def _key(self, prompt: str) -> str:
        return hashlib.sha256(f"{self._model}\0{prompt}".encode()).hexdigest()

    def find(self, prompts: Sequence[str]) -> dict[str, Completion]:
        """Prompt -> completion, for those that are there."""
        keys = {self._key(prompt): prompt for prompt in prompts}
        found: dict[str, Completion] = {}
        ordered = list(keys)
        for start in range(0, len(ordered), _AT_ONCE):
            some = ordered[start : start + _AT_ONCE]
            marks = ", ".join("?" * len(some))
            rows = self._connection.execute(f"SELECT key, {_FIELDS} FROM completions WHERE key IN ({marks})", some)
            found.update({keys[key]: Completion(*fields) for key, *fields in rows})
        return found

    def add(self, completions: Iterable[tuple[str, Completion]]) -> None:
        """Store (prompt, completion) pairs, all or none; a prompt that is there already keeps its first completion."""
        rows = [
            (self._key(prompt), self._model, prompt, c.text, c.finish_reason, c.prompt_tokens, c.output_tokens, c.seconds)
            for prompt, c in completions
        ]
        with self._connection:
            self._connection.executemany(f"INSERT INTO completions VALUES ({', '.join('?' * 8)}) ON CONFLICT(key) DO NOTHING", rows)

    def __len__(self) -> int:
        """Number of stored completions, of any model."""
        count: int = self._connection.execute("SELECT count(*) FROM completions").fetchone()[0]
        return count
