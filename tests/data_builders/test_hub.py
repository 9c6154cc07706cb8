"""A dataset goes to a Hub on loopback and comes back as it was, whatever happens on the way."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from data_builders import hub as data_hub
from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.building.verify import verify
from data_builders.errors import InputError
from data_builders.example import read_lock
from data_builders.hub import STAGING, stage_dataset
from data_builders.hub import publish_dataset as publish
from eval.commands import publish as publish_command
from tests.helpers.card_page import write_card_page
from tests.helpers.hub import TOKEN, Hub, loopback_hub
from tests.helpers.programs import environment

pytest.importorskip("huggingface_hub")
ROOT = Path(__file__).parents[2]
CONFIG = {"tasks": "cycle_check,shortest_path", "train": 6, "validation": 2, "test": 4, "workers": 1}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    build(BuildConfig(**CONFIG), tmp_path / "graphqa")
    return tmp_path / "graphqa"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hub]:
    with loopback_hub(monkeypatch, tmp_path / "cache") as hub:
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
    pictures = {"pictures/answers.png", "pictures/example.png"}
    files = {*read_lock(data)["files"], "dataset.lock", "README.md", *pictures}  # type: ignore[misc]
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
    publish_command(data, "me/x", dry_run=True)  # what it leaves in the folder is not read
    before = loaded(str(data), tmp_path / "home", "")
    assert before == stored(data)
    build(BuildConfig(**CONFIG, seed=1), data, overwrite=True)
    assert loaded(str(data), tmp_path / "home", "") == stored(data) != before


Failure = tuple[str, list[int | str | None], str]
FAILURES: dict[str, Failure] = {  # name -> route, the next failures there, what the line says
    "too many requests": ("POST /api/repos/create", [429] * 9, "429"),
    "server error at the start": ("POST /api/repos/create", [500] * 9, "500"),
    "a page of a proxy": ("POST /api/repos/create", ["<html>log in</html>"], "no JSON"),
    "card cannot be read": ("HEAD *README.md", [500] * 9, "500"),
    "no such revision": ("POST *preupload*", [404], "404"),
    "no right to write": ("POST *preupload*", [403], "403"),
    "token withdrawn": ("POST *preupload*", [401], "401"),
    "preupload is no JSON": ("POST *preupload*", ["<html>"], "no JSON"),
    "an invalid card": ("POST /api/validate-yaml", [400], "Invalid metadata in README.md"),
    "another commit at once": ("POST *commit*", [409], "409"),
    "commit too large": ("POST *commit*", [413], "413"),
    "commit refused": ("POST *commit*", [422], "422"),
    "server error at the commit": ("POST *commit*", [500] * 9, "500"),
    "server error in mid-upload": ("PUT *", [0, *[500] * 60], "500"),
    "connection dropped in mid-upload": ("PUT *", [0, 0, *[None] * 60], ""),
    "gateway error in mid-upload": ("PUT *", [0, *[502] * 60], "502"),
    "storage full": ("PUT *", [507], "507"),
    "file too large": ("PUT *", [413], "413"),
    "link expired": ("PUT *", [403], "403"),
    "large files refused": ("POST *objects/batch", [403], "403"),
    "connection dropped": ("POST *objects/batch", [None] * 9, ""),
    "connection dropped at the commit": ("POST *commit*", [None] * 9, ""),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_one_line_and_the_same_command_continues(data: Path, hub: Hub, name: str) -> None:
    route, failures, message = FAILURES[name]
    hub.failures[route] = list(failures)
    with pytest.raises(InputError) as refused:
        publish(data, "me/x")
    text = str(refused.value)
    assert "\n" not in text and text.startswith("publish: me/x: ") and message in text, text
    assert text.endswith("start the same command again to continue") and TOKEN not in text
    hub.failures.clear()
    publish(data, "me/x")
    assert hub.sent == len(hub.objects)  # what was there is not sent again
    for file in read_lock(data)["files"]:  # type: ignore[attr-defined]
        assert hub.files[file] == (data / file).read_bytes()


def test_a_full_disk_is_one_line_and_the_same_command_continues(data: Path, hub: Hub, tmp_path: Path) -> None:
    """As the operating system says it: no file may grow beyond a kilobyte."""
    program = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))\n"
        f"sys.argv = ['graphtalk', 'publish', {str(data)!r}, '--repo-id', 'me/x']\n"
        "from graphtalk import main\nmain()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONPATH": str(ROOT), "HF_HOME": str(tmp_path), "HF_HUB_DISABLE_XET": "1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "file too large" in done.stderr.lower() and not hub.files
    publish(data, "me/x")
    assert set(read_lock(data)["files"]) < set(hub.files)  # type: ignore[call-overload]


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


def test_what_a_dry_run_leaves_disturbs_nothing(data: Path) -> None:
    files = {path: path.read_bytes() for path in data.rglob("*") if path.is_file()}
    publish_command(data, "me/x", dry_run=True)
    assert verify(data).difference is None
    config = BuildConfig(**CONFIG)
    build(config, data)  # continues, and finds everything there
    assert {path: path.read_bytes() for path in files} == files
    build(BuildConfig(**CONFIG, seed=1), data, overwrite=True)  # the staged files are links to the old ones
    assert verify(data).difference is None
    publish_command(data, "me/x", dry_run=True)
    assert stored(data / STAGING) == stored(data)


def test_a_file_that_is_too_large_is_cut(tmp_path: Path, hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    from data_builders.building import build as building

    monkeypatch.setattr(building, "CHUNK_GRAPHS", 40)  # in a row group
    data = tmp_path / "cut"
    build(BuildConfig(tasks="cycle_check", train=240, validation=2, test=4, workers=1), data)
    whole = data / "cycle_check" / "train-00000-of-00001.parquet"
    monkeypatch.setattr(data_hub, "LARGEST", whole.stat().st_size // 2)
    monkeypatch.setattr(data_hub, "FILLED", 0.5)  # the footer is a large part of so small a file
    publish(data, "me/x")
    for name, content in hub.files.items():
        assert len(content) < data_hub.LARGEST or not name.endswith(".parquet")
        (tmp_path / "back" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "back" / name).write_bytes(content)
    assert sum(name.startswith("cycle_check/train-00000-of-00001-") for name in hub.files) > 2
    assert stored(tmp_path / "back") == stored(data) and verify(tmp_path / "back").difference is None
    lock = read_lock(tmp_path / "back")
    assert lock["cut_from"] == read_lock(data)["fingerprint"] != lock["fingerprint"]
    assert f"`{lock['fingerprint']}`" in hub.files["README.md"].decode()
    monkeypatch.setattr(data_hub, "LARGEST", 1000)
    with pytest.raises(InputError, match=r"bytes of one row group; a file of the Hub is below 1,000"):
        publish(data, "me/x")


@pytest.mark.slow
def test_the_other_major_version_of_the_hubs_client_does_the_same(tmp_path: Path) -> None:
    python = environment("hub1", "huggingface_hub<2", tmp_path)
    run = [python, "-m", "pytest", "-q", "-m", "not slow", "-p", "no:cacheprovider"]
    tests = ["tests/data_builders/test_hub.py", "tests/eval/test_publish.py"]
    version = "import huggingface_hub; print(huggingface_hub.__version__)"
    used = subprocess.run([python, "-c", version], capture_output=True, text=True, check=True).stdout
    assert used.startswith("1.")
    done = subprocess.run([*run, *tests], cwd=ROOT, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stdout[-3000:]


@pytest.mark.slow
def test_the_cards_look_right_in_a_browser(data: Path, tmp_path: Path) -> None:
    """The tables are tables, the pictures are there, and nothing is wider than the page."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("no chromium on this machine (Debian: apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api")
    named = tmp_path / "named"  # names of nodes instead of numbers, and a task that names two of them
    build(BuildConfig(tasks="shortest_path", encoders="friendship", train=2, validation=1, test=1), named)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 860, "height": 1200})
        for folder in (data, named):
            card = stage_dataset(folder, "me/x") / "README.md"
            page.goto(write_card_page(card).as_uri())
            assert page.evaluate("[...document.images].map(i => i.naturalWidth > 500)") == [True, True]
            headings = ["Answers", "Floors", "Splits", "At a glance", "Load", "Columns", "Cite"]
            assert page.locator("h2").all_inner_texts() == headings
            assert page.locator("table").count() == 4
            text = page.locator("body").inner_text()
            assert "|---" not in text and "```" not in text and "graphtalk: begin" not in text
            assert page.evaluate("document.documentElement.scrollWidth") <= 860
        browser.close()
