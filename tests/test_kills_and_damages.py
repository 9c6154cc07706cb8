"""Counted: SIGKILL at random moments of every command that takes long, and damaged bytes in every file that a
run and a dataset keep. Nothing is lost, and nothing is silently different.
"""

import json
import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from data_builders.files import file_sha256
from eval.analysis.runs import gather
from eval.prediction import read_config, read_predictions
from prompting.journal import Journal
from prompting.run import plan
from prompting.settings import load_settings
from tests.helpers.prompt_data import forked, make_data, server_process, stored

ROOT = Path(__file__).parents[1]
DAMAGES = 2000
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="needs POSIX processes"),
]
Words = Callable[[Path], list[str]]
Result = Callable[[Path], Any]


def predicted(run: Path) -> Any:
    """What a run answered, without how long that took."""
    return [(p.example_id, p.output, p.finish_reason) for p in read_predictions(run)]


def files_of(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def wait(child: int, printed: Path) -> None:
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code == 0, printed.read_text(encoding="utf-8")[-3000:]


def kill_often(
    words: Words,
    result: Result,
    folder: Path,
    kills: int,
    kept: Callable[[Path], set[str]] = lambda out: set(),
) -> int:
    """Start a command, kill it after a random time, start it again, until it was killed so many times. Each
    run that gets through ends like an undisturbed one. The number of such runs comes back.

    kept: what a kill must not take away.
    """
    rng, printed, done, runs = random.Random(kills), folder / "printed", 0, 0
    begin = time.monotonic()
    wait(forked(words(folder / "whole"), printed), printed)
    seconds, expected = time.monotonic() - begin, result(folder / "whole")
    while done < kills:
        out = folder / f"killed-{runs}"
        while done < kills:
            before = kept(out)
            child, until = forked(words(out), printed), time.monotonic() + rng.uniform(0, seconds)
            status = (0, 0)
            while time.monotonic() < until and status == (0, 0):
                time.sleep(0.002)
                status = os.waitpid(child, os.WNOHANG)
            if status != (0, 0):
                assert os.waitstatus_to_exitcode(status[1]) == 0, printed.read_text()[-3000:]
                break
            os.kill(child, signal.SIGKILL)
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            assert ended in (0, -signal.SIGKILL), printed.read_text()[-3000:]
            done += ended == -signal.SIGKILL
            assert before <= kept(out), "something that was kept is gone"
        wait(forked(words(out), printed), printed)
        assert result(out) == expected
        shutil.rmtree(out)
        runs += 1
    return runs


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_data(tmp_path_factory.mktemp("kills") / "data", test=60)


def journal_of(out: Path) -> set[str]:
    return stored(out / "journal.sqlite")


def prompt_words(data: Path, model: str, *more: str) -> Words:
    flags = ["--data", str(data), "--model", model, "--method", "zero_shot", *more]
    return lambda out: ["prompt", *flags, "--out", str(out)]


def test_sixty_kills_of_a_prompting_run(data: Path, tmp_path: Path) -> None:
    with server_process(0.05) as url:
        words = prompt_words(data, f"openai:fake@{url}", "--concurrency", "4")
        assert kill_often(words, predicted, tmp_path, 60, journal_of) > 0


@pytest.mark.torch
def test_sixty_kills_of_a_local_model(data: Path, tmp_path: Path) -> None:
    import torch

    import prompting.backends.hf
    from tests.helpers.tiny_models import make_llama

    assert prompting.backends.hf  # imported here, so that the children need not
    torch.set_num_threads(1)
    model = make_llama(tmp_path / "llama", eos_gain=4.0)
    more = ("--max-new-tokens", "12", "--batch-size", "8", "--limit", "30", "--device", "cpu")
    assert kill_often(prompt_words(data, f"hf:{model}", *more), predicted, tmp_path, 60, journal_of) > 0


def test_sixty_kills_of_a_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("data_builders.building.build.SHARD_ROWS", 60)
    flags = ["--tasks", "shortest_path,cycle_check,node_classification", "--generators", "er,ba"]
    flags += ["--train", "400", "--validation", "30", "--test", "30", "--workers", "1"]
    assert kill_often(lambda out: ["build", *flags, "--out", str(out)], files_of, tmp_path, 60) > 0


@pytest.mark.torch
def test_twenty_kills_of_a_training(tmp_path: Path) -> None:
    import torch

    import finetune.train
    from tests.helpers.finetune_data import write_dataset

    assert finetune.train  # imported here, so that the children need not
    torch.set_num_threads(1)
    data = write_dataset(tmp_path / "d", {"train": 40, "test": 6})
    size = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 1}'
    flags = ["--dataset", str(data), "--model_config", size, "--use_cpu", "--max_steps", "24"]
    flags += ["--save_steps", "4", "--learning_rate", "3e-3", "--max_tokens_per_batch", "280", "--seed", "3"]

    def result(run: Path) -> Any:
        return (run / "checkpoint" / "model.safetensors").read_bytes(), predicted(run)

    assert kill_often(lambda out: ["finetune", *flags, "--output_dir", str(out)], result, tmp_path, 20) > 0


def test_twenty_kills_of_a_report(data: Path, tmp_path: Path) -> None:
    """The page has no time in it, so that two reports of the same runs are the same bytes."""
    with server_process(0.05) as url:
        run = tmp_path / "run"
        wait(
            forked(prompt_words(data, f"openai:fake@{url}")(run), tmp_path / "printed"), tmp_path / "printed"
        )
    before = predicted(run)
    assert kill_often(lambda out: ["report", str(run), "--out", str(out)], files_of, tmp_path, 20) > 0
    assert predicted(run) == before


def test_two_thousand_damaged_bytes(tmp_path: Path) -> None:
    """A byte of any file of a run or its dataset is changed: the same scores, or one line that names a file.

    What a person wrote or may edit (labels and settings of config.yaml, the counts of usage.json, the text of
    dataset.lock and the card) has no checksum and is not a score.
    """
    data, run, rng = make_data(tmp_path / "data", test=4), tmp_path / "run", random.Random(2000)
    with server_process(0.05) as url:
        words = prompt_words(data, f"openai:fake@{url}")(run)
        wait(forked(words, tmp_path / "printed"), tmp_path / "printed")
    settings = load_settings(None, {"data": data, "method": "zero_shot"})
    prompts = {prompt for _, prompt in plan(settings.run)}

    def outcome() -> Any:
        """The scores of the run, and what its journal holds of its prompts."""
        report = gather([run], [data], strict=True)
        rows = report.datasets[0].samples[0].rows
        scores = [(r.cells, r.macro, r.run and (r.run.scores, r.run.floors)) for r in rows]
        return scores, predicted(run)

    expected, identity = outcome(), read_config(run)["identity"]
    files = sorted(p for folder in (run, data) for p in folder.rglob("*") if p.is_file())
    before = {path: (file_sha256(path), path.read_bytes()) for path in files}
    ends: dict[str, Counter[str]] = {path.relative_to(tmp_path).as_posix(): Counter() for path in files}
    sizes = [max(1, len(content)) for _, content in before.values()]
    for number in range(DAMAGES):
        path = files[number % len(files)] if number % 2 else rng.choices(files, sizes)[0]
        content = bytearray(before[path][1])
        at = rng.randrange(len(content))
        content[at] ^= 1 << rng.randrange(8)
        path.write_bytes(content)
        where = f"{path.relative_to(tmp_path)}, byte {at}"
        try:
            if path.name == "journal.sqlite":
                end = journal_end(path, identity, prompts)
            else:
                end = "the same scores" if outcome() == expected else "other scores"
        except InputError as error:
            assert "\n" not in str(error), (where, str(error))
            named = str(tmp_path) in str(error) or path.name in str(error)
            end = "one line" if named else f"a line that names no file: {error}"
        except Exception as error:
            end = f"{type(error).__name__} at {where}: {error}"
        ends[path.relative_to(tmp_path).as_posix()][end] += 1
        for other in (path, run / "scores.parquet", run / "metrics.json"):  # the latter two are written anew
            other.write_bytes(before[other][1])
        for left in (*run.glob("journal.sqlite-*"),):
            left.unlink()
    print(json.dumps(ends, indent=1))
    total = sum((Counter(counts) for counts in ends.values()), Counter())
    assert sum(total.values()) == DAMAGES
    assert not {*total} - {"the same scores", "one line", "the rest is kept"}, ends


def journal_end(path: Path, identity: dict[str, Any], prompts: set[str]) -> str:
    """What a journal with a damaged byte gives back: all completions as they were, or fewer."""
    from prompting.backends.fake_server import plain_answer
    from prompting.backends.model import Request

    with Journal(path, identity) as journal:
        kept = journal.find([Request(prompt) for prompt in sorted(prompts)])
        journal.spent(128)
    if any(completion.text != plain_answer(request.prompt) for request, completion in kept.items()):
        return "other completions"
    return "the same scores" if len(kept) == len(prompts) else "the rest is kept"
