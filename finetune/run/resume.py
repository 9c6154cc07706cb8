"""Where a run stands: what it was asked to do, and the last checkpoint that was written to its end."""

import json
import re
import shutil
import zipfile
from pathlib import Path
from typing import Any

from accelerate import PartialState
from safetensors import SafetensorError, safe_open
from transformers import TrainerCallback

from data_builders.files import file_sha256, inside, write_text
from eval.prediction import read_config
from eval.rerun import changed_settings, check_rerun, lower_limit

PREDICTIONS = "predictions.parquet"
SUMS = "SHA256SUMS"
# settings that change neither the model nor its answers
FREE = {
    "resume_from_checkpoint",
    "label",
    "logging_steps",
    "logging_strategy",
    "logging_first_step",
    "disable_tqdm",
    "report_to",
    "log_level",
    "run_name",
    "push_to_hub",
    "hub_model_id",
    "hub_private_repo",
    "overwrite",
    "limit",  # see `lower_limit`
}


def check_same_run(run: Path, config: dict[str, Any], forced: bool, overwrite: bool = False) -> bool:
    """Whether the folder holds an earlier start of this very run, of which a higher limit is one, too.

    forced: `--resume_from_checkpoint` names a checkpoint, so that a difference is meant.
    Raises InputError where it holds results of another run, or more of them than are asked for now, unless
    overwrite says to replace them.
    """
    names = (p.name for p in (run.iterdir() if run.is_dir() else ()))
    results = sorted(n for n in names if n in ("checkpoint", PREDICTIONS) or n.startswith("checkpoint-"))
    if not (run / "config.yaml").is_file() or not results:
        return False
    before = read_config(run)
    changed = differences(before, config)
    cut = lower_limit(before, config) if PREDICTIONS in results else []
    check_rerun(run, results, changed + cut, overwrite or forced)
    return not changed


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What makes two runs different, as `key: old -> new`.

    >>> before, now = {"arguments": {"seed": 1}}, {"arguments": {"seed": 2, "label": "x"}}
    >>> differences(before, now)
    ['seed: 1 -> 2']
    """
    keys = ("dataset_fingerprint", "model_fingerprint", "world_size")
    old, new = ({**{k: run.get(k) for k in keys}, **run.get("arguments", {})} for run in (before, now))
    return changed_settings(old, new, sorted({*old, *new} - FREE))


class Checksums(TrainerCallback):
    """Adds the sha256 of every file to a checkpoint once it is written, in the format of `sha256sum`."""

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        PartialState().wait_for_everyone()  # every rank writes files of its own
        if args.should_save:
            write_checksums(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def write_checksums(folder: Path) -> None:
    """Write SHA256SUMS, which names every file of a folder with the sha256 of its content; not the card,
    which is written anew with each score.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.name not in (SUMS, "README.md"))
    lines = (f"{file_sha256(p)}  {p.relative_to(folder).as_posix()}\n" for p in files)
    write_text(folder / SUMS, "".join(lines))


def damaged_file(folder: Path) -> str | None:
    """The first file of a folder that is not the one of its SHA256SUMS; None without one, as in folders that
    earlier versions wrote.
    """
    if not (folder / SUMS).is_file():
        return None
    for line in (folder / SUMS).read_text(encoding="utf-8", errors="replace").splitlines():
        sha256, _, name = line.partition("  ")
        if not (name and inside(folder, name).is_file() and file_sha256(folder / name) == sha256):
            return name or SUMS
    return None


def last_checkpoint(run: Path, ranks: int) -> Path | None:
    """The newest whole checkpoint-N of a run folder. A process killed while saving leaves a broken one: that
    is passed over.
    """
    checkpoints = sorted(
        (int(m[1]), p) for p in run.glob("checkpoint-*") if (m := re.fullmatch(r"checkpoint-(\d+)", p.name))
    )
    return next((p for step, p in reversed(checkpoints) if is_whole(p, step, ranks)), None)


def is_whole(checkpoint: Path, step: int, ranks: int) -> bool:
    """Whether every file of a checkpoint was written to its end (Trainer writes trainer_state.json last,
    archives end with their index) and is still what was written.
    """
    try:
        if damaged_file(checkpoint) is not None:
            return False
        if json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))["global_step"] != step:
            return False
        random_states = (
            ["rng_state.pth"] if ranks == 1 else [f"rng_state_{rank}.pth" for rank in range(ranks)]
        )
        if not all((checkpoint / name).is_file() for name in random_states):
            return False
        for shares in checkpoint.glob(
            "global_step*"
        ):  # DeepSpeed's: one file of optimizer state per rank, then `latest`
            if len(list(shares.glob("*optim_states.pt"))) != ranks or not (checkpoint / "latest").is_file():
                return False
        for path in checkpoint.rglob("*.safetensors"):
            with safe_open(path, "pt"):
                pass
    except (OSError, ValueError, KeyError, SafetensorError):
        return False
    return all(zipfile.is_zipfile(p) for p in checkpoint.rglob("*.pt*") if p.suffix in {".pt", ".pth"})


def drop_broken(run: Path, whole: Path | None) -> list[str]:
    """Delete checkpoints newer than the last whole one, so that they cannot be counted or mistaken for it
    later.
    """
    first = 0 if whole is None else int(whole.name.split("-")[1]) + 1
    broken = [
        p
        for p in run.glob("checkpoint-*")
        if p.name.split("-")[1].isdigit() and int(p.name.split("-")[1]) >= first
    ]
    for path in broken:
        shutil.rmtree(path)
    return sorted(p.name for p in broken)
