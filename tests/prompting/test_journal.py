"""The journal: what was asked once is found again, whatever process asked it."""

import hashlib
import json
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.errors import InputError
from prompting.backends.model import Completion, Request
from prompting.journal import Journal

ROOT = Path(__file__).parents[2]
MODEL = {"model": "m", "max_new_tokens": 8}
P, Q = Request("p"), Request("q")


def said(text: str) -> Completion:
    return Completion(text, "stop", len(text) + 3, len(text), 0.25)


@given(st.dictionaries(st.text(max_size=20), st.text(max_size=20), max_size=20))
@settings(max_examples=50, deadline=None)
def test_what_is_stored_comes_back(tmp_path_factory: pytest.TempPathFactory, texts: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.sqlite"
    stored = {Request(prompt): said(text) for prompt, text in texts.items()}
    with Journal(path, MODEL) as journal:
        journal.add(stored.items())
    with Journal(path, MODEL) as journal:
        assert journal.find([*stored, Request("never asked, at all times")]) == stored
        assert len(journal) == len(stored)


def test_thousands_of_prompts_in_one_question(tmp_path: Path) -> None:
    requests = [Request(f"prompt {i}", i % 3) for i in range(2345)]
    with Journal(tmp_path / "j", MODEL) as journal:
        journal.add((request, said(request.prompt)) for request in requests[::2])
        assert journal.find(requests) == {request: said(request.prompt) for request in requests[::2]}


@pytest.mark.parametrize(
    "other", [{"model": "n", "max_new_tokens": 8}, {"model": "m", "max_new_tokens": 9}, {"model": "m"}]
)
def test_another_model_or_setting_finds_nothing(tmp_path: Path, other: dict[str, object]) -> None:
    with Journal(tmp_path / "j", MODEL) as journal:
        journal.add([(P, said("here"))])
    with Journal(tmp_path / "j", other) as journal:
        assert journal.find([P]) == {}
        journal.add([(P, said("there"))])
        assert journal.find([P]) == {P: said("there")}
    with Journal(tmp_path / "j", dict(reversed(MODEL.items()))) as journal:
        assert journal.find([P]) == {P: said("here")}, "the order of the settings does not matter"


def test_the_first_completion_stays(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", MODEL) as journal:
        journal.add([(P, said("first"))])
        journal.add([(P, said("second")), (Q, said("new"))])
        assert journal.find([P, Q]) == {P: said("first"), Q: said("new")}


def test_a_batch_is_stored_whole_or_not_at_all(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", MODEL) as journal:
        with pytest.raises(sqlite3.IntegrityError):
            journal.add([(P, said("fine")), (Q, Completion(None, "stop", 1, 1, 0.0))])  # type: ignore[arg-type]
        assert journal.find([P, Q]) == {}


def test_what_was_added_outlives_the_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom prompting.journal import Journal\n"
        "from prompting.backends.model import Completion, Request\n"
        f"j = Journal(Path(sys.argv[1]), {MODEL!r})\n"
        "j.add([(Request('p'), Completion('yes', 'stop', 6, 3, 0.25))])\nos.kill(os.getpid(), signal.SIGKILL)"
    )
    run = subprocess.run([sys.executable, "-c", program, str(tmp_path / "j")], cwd=ROOT, timeout=60)
    assert run.returncode == -9
    with Journal(tmp_path / "j", MODEL) as journal:
        assert journal.find([P]) == {P: said("yes")}


def test_two_processes_share_a_journal(tmp_path: Path) -> None:
    with Journal(tmp_path / "j", MODEL) as one, Journal(tmp_path / "j", MODEL) as two:
        one.add([(P, said("one"))])
        two.add([(Q, said("two"))])
        assert one.find([P, Q]) == two.find([P, Q]) == {P: said("one"), Q: said("two")}


def test_a_file_that_is_no_journal(tmp_path: Path) -> None:
    (tmp_path / "j").write_text("not a database, " * 100)
    with pytest.raises(InputError, match="not a journal of completions"):
        Journal(tmp_path / "j", MODEL)


def test_a_journal_of_another_version(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute("PRAGMA user_version=7")
    connection.commit()
    connection.close()
    with pytest.raises(InputError, match="version 7"):
        Journal(tmp_path / "j", MODEL)


def test_samples_of_one_prompt_are_kept_apart(tmp_path: Path) -> None:
    samples = {Request("p", i): Completion(f"{i}", "stop", 1, 1, 0.0, "thought", i, i / 3) for i in range(3)}
    with Journal(tmp_path / "j", MODEL) as journal:
        journal.add(samples.items())
        assert journal.find([*samples, Request("p", 3)]) == samples


@pytest.mark.parametrize("version", [1, 2, 3])
def test_a_journal_of_an_earlier_version_is_read_and_goes_on(version: int, tmp_path: Path) -> None:
    """As version 1 wrote it: no samples, no reasoning; version 2: no confidence; version 3: no checksum."""
    connection = sqlite3.connect(tmp_path / "j")
    connection.execute(
        "CREATE TABLE completions (key TEXT PRIMARY KEY, model TEXT NOT NULL, prompt TEXT NOT NULL, text "
        "TEXT NOT NULL, "
        "finish_reason TEXT NOT NULL, prompt_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, "
        "seconds REAL NOT NULL) WITHOUT ROWID"
    )
    model = json.dumps(MODEL, sort_keys=True)
    key = hashlib.sha256(f"{model}\0p".encode()).hexdigest()
    connection.execute("INSERT INTO completions VALUES (?, ?, 'p', 'yes', 'stop', 6, 3, 0.25)", (key, model))
    columns = (
        "sample INTEGER NOT NULL DEFAULT 0",
        "reasoning TEXT NOT NULL DEFAULT ''",
        "reasoning_tokens INTEGER NOT NULL DEFAULT 0",
        "confidence REAL",
    )
    for column in columns[: {1: 0, 2: 3, 3: 4}[version]]:
        connection.execute(f"ALTER TABLE completions ADD COLUMN {column}")
    connection.execute(f"PRAGMA user_version={version}")
    connection.commit()
    connection.close()
    for _ in range(2):
        with Journal(tmp_path / "j", MODEL) as journal:
            journal.add([(Q, said("new"))])
            assert journal.find([P, Q]) == {P: said("yes"), Q: said("new")}


@pytest.mark.parametrize("byte", [b"x", b"\xff"], ids=["another letter", "no UTF-8"])
def test_a_damaged_completion_is_dropped_and_can_be_asked_again(
    byte: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "j"
    with Journal(path, MODEL) as journal:
        journal.add([(P, said("There are seven nodes.")), (Q, said("fine"))])
    content = path.read_bytes()
    assert content.count(b"seven") == 1
    path.write_bytes(content.replace(b"seven", byte + b"even"))
    with Journal(path, MODEL) as journal:
        assert journal.find([P, Q]) == {Q: said("fine")}
        assert capsys.readouterr().err == f"graphtalk: {path}: 1 damaged completions left out\n"
        journal.add([(P, said("There are seven nodes."))])
        assert journal.find([P, Q]) == {P: said("There are seven nodes."), Q: said("fine")}


def test_a_damaged_journal_is_one_line_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "j"
    with Journal(path, MODEL) as journal:
        journal.add((Request(f"{i} {'p' * 500}"), said("yes")) for i in range(100))
    content = bytearray(path.read_bytes())
    for page in range(2 * 4096, len(content), 4096):
        content[page : page + 100] = b"\xff" * 100
    path.write_bytes(content)
    with Journal(path, MODEL) as journal, pytest.raises(InputError, match=r"j: a damaged journal .*copy"):
        journal.find([Request(f"{i} {'p' * 500}") for i in range(100)])
