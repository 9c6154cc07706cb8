"""A dataset goes to a Hub on loopback and comes back as it was, whatever happens on the way."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.example import read_lock
from data_builders.hub import STAGING
from data_builders.hub import publish_dataset as publish
from eval.commands import publish as publish_command
from tests.helpers.hub import TOKEN, Hub

pytest.importorskip("huggingface_hub")
ROOT = Path(__file__).parents[2]
CONFIG = {"tasks": "cycle_check,shortest_path", "train": 6, "validation": 2, "test": 4, "workers": 1}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    build(BuildConfig(**CONFIG), tmp_path / "graphqa")
    return tmp_path / "graphqa"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    from huggingface_hub import constants

    with Hub() as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.address)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
        monkeypatch.setattr("time.sleep", lambda seconds: None)  # the client waits before it tries again
        yield hub


def loaded(where: str, cache: Path, name: str = "all", **environment: str) -> list[str]:
    """The ids that `load_dataset(where, name)` gives in a process of its own, split after split."""
    code = (
        "import sys, datasets\n"
        f"found = datasets.load_dataset({where!r}, *{[name] if name else []!r})\n"
        "for split in ('train', 'validation', 'test'):\n"
        "    for row in found[split]: print(row['id'] + row['graph'])"
    )
    own = {"HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", **environment}
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **own},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout.splitlines()


def stored(folder: Path, tasks: list[str] | None = None) -> list[str]:
    from data_builders.example import load_examples

    splits = ("train", "validation", "test")
    return [e.id + e.graph for split in splits for e in load_examples(folder, tasks, split)]


def test_what_is_published_is_what_comes_back(data: Path, hub: Hub, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    (data / "notes.txt").write_text("mine")
    assert publish(data, "me/x").startswith(f"{hub.address}/datasets/me/x/commit/")
    files = {*read_lock(data)["files"], "dataset.lock", "README.md"}  # type: ignore[misc]
    assert set(hub.files) == files and not (data / STAGING).exists()
    assert set(hub.validated) == {hub.files["README.md"].decode()}
    own = {"HF_ENDPOINT": hub.address, "HF_TOKEN": TOKEN}
    assert loaded("me/x", tmp_path / "home", "", **own) == stored(data)
    assert loaded("me/x", tmp_path / "home", "shortest_path", **own) == stored(data, ["shortest_path"])
    build(BuildConfig(**CONFIG, seed=1), data, overwrite=True)
    publish(data, "me/x")
    assert loaded("me/x", tmp_path / "home", **own) == stored(data)


def test_a_rebuilt_folder_gives_the_new_rows(data: Path, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    before = loaded(str(data), tmp_path / "home", "")
    assert before == stored(data)
    build(BuildConfig(**CONFIG, seed=1), data, overwrite=True)
    assert loaded(str(data), tmp_path / "home", "") == stored(data) != before


FAILURES: dict[str, tuple[str, list[int | None], str]] = {
    "too many requests": ("POST /api/repos/create", [429] * 9, "429"),
    "server error at the start": ("POST /api/repos/create", [500] * 9, "500"),
    "no such revision": ("POST *preupload*", [404], "404"),
    "no right to write": ("POST *preupload*", [403], "403"),
    "an invalid card": ("POST /api/validate-yaml", [400], "Invalid metadata in README.md"),
    "another commit at once": ("POST *commit*", [409], "409"),
    "commit too large": ("POST *commit*", [413], "413"),
    "server error in mid-upload": ("PUT *", [0, *[500] * 60], "500"),
    "storage full": ("PUT *", [507], "507"),
    "large files refused": ("POST *objects/batch", [403], "403"),
    "connection dropped": ("POST *objects/batch", [None] * 9, ""),
    "connection dropped at the commit": ("POST *commit*", [None] * 9, ""),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_one_line_and_the_same_command_continues(data: Path, hub: Hub, name: str) -> None:
    route, statuses, message = FAILURES[name]
    hub.failures[route] = list(statuses)
    with pytest.raises(InputError) as refused:
        publish(data, "me/x")
    text = str(refused.value)
    assert "\n" not in text and text.startswith("publish: me/x: ") and message in text, text
    assert text.endswith("start the same command again to continue") and TOKEN not in text
    hub.failures.clear()
    publish(data, "me/x")
    for file in read_lock(data)["files"]:  # type: ignore[attr-defined]
        assert hub.files[file] == (data / file).read_bytes()


@pytest.mark.parametrize("token", ["", "hf_wrong"])
def test_without_a_right_token_nothing_goes_up(
    data: Path, hub: Hub, token: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    monkeypatch.setenv("HF_TOKEN", token)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(data / "no-such-file"))
    with pytest.raises(InputError, match=r"^publish: me/x: .*(401|[Tt]oken)"):
        publish(data, "me/x")
    assert not hub.files


@pytest.mark.parametrize("wrong", ["me/a/b", "me/x--y", "-me/x", "me/" + "x" * 100])
def test_a_wrong_name_is_one_line(data: Path, hub: Hub, wrong: str) -> None:
    with pytest.raises(InputError, match=rf"^publish: {re.escape(wrong)}: "):
        publish(data, wrong)
    assert not hub.files


def test_what_is_not_the_datasets_own_stays_here(data: Path, hub: Hub, tmp_path: Path) -> None:
    file = data / next(iter(read_lock(data)["files"]))  # type: ignore[call-overload]
    secret = tmp_path / "secret"
    file.rename(secret)
    with pytest.raises(InputError, match=r"not the file of dataset\.lock"):
        publish(data, "me/x")
    file.symlink_to(secret)
    with pytest.raises(InputError, match="leads out of the folder"):
        publish(data, "me/x")
    file.unlink()
    file.write_bytes(b"other")
    with pytest.raises(InputError, match=r"not the file of dataset\.lock"):
        publish(data, "me/x")
    assert not hub.files


def test_what_others_wrote_on_the_card_stays(data: Path, hub: Hub) -> None:
    publish(data, "me/x")
    card = hub.files["README.md"].decode()
    hub.files["README.md"] = card.replace("---\n<!--", "doi: 10.1/x\n---\nMy words.\n<!--", 1).encode()
    hub.commits += 1
    publish(data, "me/x")
    again = hub.files["README.md"].decode()
    assert "\ndoi: 10.1/x\n" in again and "My words.\n<!--" in again
    assert again.count("## Columns") == again.count("## Answers") == 1


def test_a_pull_request_and_a_dry_run(data: Path, hub: Hub, capsys: pytest.CaptureFixture[str]) -> None:
    publish_command(data, "me/x", dry_run=True)
    assert not hub.files and hub.commits == 0
    out = capsys.readouterr().out
    assert "config_name: all" in out and "nothing was sent" in out
    assert (data / STAGING / "README.md").read_text() in out
    publish_command(data, "me/x", create_pr=True)
    assert capsys.readouterr().out.strip().endswith("/discussions/1")
    with pytest.raises(InputError, match="not both"):
        publish_command(data, "me/x", create_pr=True, revision="refs/pr/1")


def test_a_folder_that_load_dataset_cannot_open_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="load_dataset opens no folder"):
        build(BuildConfig(**CONFIG), tmp_path / "data[1]")
    assert not (tmp_path / "data[1]").exists()
