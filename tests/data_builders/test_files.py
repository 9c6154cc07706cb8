"""Files that appear whole or not at all, in a folder where somebody else may have planted files and links."""

import io
import stat
import threading
from pathlib import Path

import pytest

from data_builders import files
from data_builders.errors import InputError
from data_builders.files import ProgressBar, atomic_file, atomic_folder, file_sha256, read_yaml, write_text


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")
    with pytest.raises(KeyboardInterrupt), atomic_file(path) as file:
        file.write(b"half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]
    with pytest.raises(RuntimeError), atomic_folder(tmp_path / "model") as folder:
        (folder / "weights").write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_written_through_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither through a link that has the file's name, nor through one that has its temporary name."""
    victim = tmp_path / "victim"
    victim.write_text("mine")
    out = tmp_path / "out"
    out.mkdir()
    (out / "a.txt").symlink_to(victim)
    (out / "a.txt.part").symlink_to(victim)
    write_text(out / "a.txt", "new")
    assert victim.read_text() == "mine" and not (out / "a.txt").is_symlink()
    assert (out / "a.txt").read_text() == "new"

    monkeypatch.setattr(files.secrets, "token_hex", lambda size: "guessed")
    for name in ("a.txt.guessed.part", "m.guessed.part"):
        (out / name).symlink_to(tmp_path / "planted")
    with pytest.raises(FileExistsError):
        write_text(out / "a.txt", "newer")
    with pytest.raises(FileExistsError), atomic_folder(out / "m"):
        pass
    assert (out / "a.txt").read_text() == "new" and not (tmp_path / "planted").exists()


def test_several_writers_of_one_file(tmp_path: Path) -> None:
    path, texts = tmp_path / "a.txt", [str(n) * 100_000 for n in range(8)]
    threads = [threading.Thread(target=write_text, args=(path, text)) for text in texts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert path.read_text() in texts and list(tmp_path.iterdir()) == [path]


def test_others_may_read_what_the_umask_lets_them(tmp_path: Path) -> None:
    write_text(tmp_path / "a", "")
    (tmp_path / "b").write_text("")
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == stat.S_IMODE((tmp_path / "b").stat().st_mode)


def test_a_folder_takes_an_empty_one_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    with atomic_folder(tmp_path / "m") as folder:
        (folder / "weights").write_text("all")
    assert (tmp_path / "m" / "weights").read_text() == "all"
    with pytest.raises(OSError), atomic_folder(tmp_path / "m"):
        pass
    assert (tmp_path / "m" / "weights").read_text() == "all" and len(list(tmp_path.iterdir())) == 1


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_sha256(tmp_path / "a").startswith("ba7816bf8f01cfea414140de5dae2223")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"a: 1\nb: [", "line 2: not YAML"),
        (b"a: 1\nb: c: d", "line 2: not YAML (mapping values are not allowed here)"),
        (b"a: \x07", "not YAML (unacceptable character #x0007: special characters are not allowed"),
        (b"- a", "expected `key: value` lines, not a list; accepted keys are a, b"),
        (b"a: 1\nc: 2", "unknown key 'c'; accepted keys are a, b"),
        ("a: é".encode("latin-1"), "not UTF-8 text; give a YAML file"),
        (None, "cannot be read (no such file or directory); give a YAML file"),
    ],
)
def test_yaml_that_cannot_be_used(content: bytes | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as raised:
        read_yaml(path, ("a", "b"))
    assert str(raised.value).startswith(f"{path}: {message}") and "\n" not in str(raised.value)


def test_yaml(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("")
    assert read_yaml(tmp_path / "c.yaml", ()) == {}
    (tmp_path / "c.yaml").write_text("a: [1, x]\nb: {c: null}")
    assert read_yaml(tmp_path / "c.yaml") == {"a": [1, "x"], "b": {"c": None}}


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_for_terminals(terminal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Terminal() if terminal else io.StringIO()
    monkeypatch.setattr("sys.stderr", stderr)
    monkeypatch.setenv("COLUMNS", "120")
    with ProgressBar("examples", 5) as bar:
        bar.advance()
        bar.advance(2)
        bar.update(4, 8, note="$0.5")
    assert ("4/8" in stderr.getvalue() and "$0.5" in stderr.getvalue()) if terminal else not stderr.getvalue()
