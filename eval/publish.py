"""graphtalk publish: a trained run on the Hugging Face Hub, with its card, its answers and its report."""

import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import yaml

from data_builders.errors import InputError, one_line
from data_builders.files import inside, read_json
from data_builders.hub import refusals, stage, upload
from eval.analysis.runs import Report, gather
from eval.model_card import (
    Names,
    base_name,
    hub_base,
    is_adapter,
    model_card,
    trained_from_scratch,
    without_paths,
)
from eval.prediction import read_config
from eval.report.write import write_report
from eval.scoring.run import ScoredRun

FOLDER = "evaluation"  # in the repository: the run's answers, scores and report


def publish_run(
    run: Path,
    names: Names,
    data: Path | None = None,
    *,
    private: bool = False,
    revision: str | None = None,
    create_pr: bool = False,
) -> str:
    """Upload a trained run and return the address of the commit.

    The checkpoint, its card, `.eval_results` and the folder `evaluation` (predictions, scores, report) go up,
    nothing else, and no path of this machine. What others wrote on a card that is there stays. names: see
    `known_names`. data: the run's dataset, where it was moved.
    Raises InputError, in one line, for a run that cannot be used by others, and for whatever the Hub refuses.
    """
    return upload(
        stage_run(run, names, data),
        names.repo_id,
        "model",
        f"{read_config(run)['label']}, trained with graphtalk",
        private=private,
        revision=revision,
        create_pr=create_pr,
    )


def gathered(run: Path, data: Path | None) -> tuple[ScoredRun, Report]:
    """A run, judged anew, and its report without a path of this machine."""
    if not (run / "checkpoint").is_dir():
        raise InputError(
            f"{run}: no checkpoint; a run is published with the model that it trained, and this one "
            f"({read_config(run).get('kind')}) has none"
        )
    report = gather([run], [data] if data else [], strict=True)
    (dataset,) = report.datasets
    (sample,) = dataset.samples
    (row,) = sample.rows
    scored = row.run
    assert scored is not None  # the row is a run's
    shown = replace(scored, folder=Path(run.resolve().name), config=without_paths(scored.config))
    clean = replace(
        dataset, path=Path(dataset.name), samples=[replace(sample, rows=[replace(row, run=shown)])]
    )
    return scored, replace(report, datasets=[clean])


def known_names(run: Path, names: Names) -> Names:
    """The names with those that the run itself knows.

    The base is the run's own where that is an id of the Hub; random weights have none, and this project's
    license. Raises InputError where adapters would lie on the Hub over a base that nobody finds, or where a
    license cannot be known.
    """
    config = read_config(run)
    base = names.base or hub_base(config)
    if is_adapter(run) and not base:
        raise InputError(
            f"{run}: adapters over {base_name(config)}; name the id that it has on the Hub with "
            "--base-model, or publish what `graphtalk merge` makes"
        )
    scratch = trained_from_scratch(config)
    if not (names.license or scratch):
        raise InputError(
            f"{run}: trained from {base or base_name(config)}, whose license is not known here; give "
            "--license, such as --license apache-2.0"
        )
    return replace(names, base=base, license=names.license or "apache-2.0")


def stage_run(run: Path, names: Names, data: Path | None = None) -> Path:
    """RUN/.publish: all that goes up. Arguments and errors are those of `publish_run`."""
    scored, report = gathered(run, data)
    names = known_names(run, names)
    files: dict[str, Path | str] = {**_checkpoint_files(run)}
    if is_adapter(run):
        adapter = read_json(run / "checkpoint" / "adapter_config.json")
        files["adapter_config.json"] = _json({**adapter, "base_model_name_or_path": names.base})
    files["README.md"] = model_card(run, scored.data, scored.metrics, names)
    if names.dataset:
        files[".eval_results/graphtalk.yaml"] = eval_results(scored.metrics, names.dataset)
    files |= {
        f"{FOLDER}/{name}": inside(run, name)
        for name in ("predictions.parquet", "scores.parquet", "environment.json")
    }
    metrics = {**scored.metrics, "data": str(scored.lock["name"])}
    files[f"{FOLDER}/metrics.json"] = _json(metrics)
    config = without_paths(scored.config)
    files[f"{FOLDER}/config.yaml"] = yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
    with TemporaryDirectory() as folder:
        write_report(report, Path(folder))
        for name in ("report.html", "report.md"):
            files[f"{FOLDER}/{name}"] = (Path(folder) / name).read_text(encoding="utf-8")
    return stage(run, files)


def eval_results(metrics: Mapping[str, Any], dataset: str) -> str:
    """The scores in the form of `.eval_results/*.yaml`, which the Hub shows on the dataset's page too.

    >>> task = {"n": 8, "accuracy": 0.5, "low": 0.2, "high": 0.8, "floors": {"rule": 0.25}}
    >>> print(eval_results({"split": "test", "tasks": {"cycle_check": task}}, "me/er"), end="")
    - dataset:
        id: me/er
        task_id: cycle_check
      value: 0.5
      notes: test split, 8 questions, 95% interval 0.200 to 0.800, highest floor 0.250 (rule)
    """
    from huggingface_hub import EvalResultEntry, eval_result_entries_to_yaml

    entries = []
    for task, row in metrics["tasks"].items():
        floors = row.get("floors", {})
        floor = max(floors, key=floors.get, default=None)
        notes = (
            f"{metrics['split']} split, {row['n']} questions, 95% interval {row['low']:.3f} to "
            f"{row['high']:.3f}" + (f", highest floor {floors[floor]:.3f} ({floor})" if floor else "")
        )
        entries.append(EvalResultEntry(dataset, task, row["accuracy"], notes=notes))
    return yaml.safe_dump(eval_result_entries_to_yaml(entries), sort_keys=False, width=1000)


def open_repository(repo_id: str, private: bool | None) -> str:
    """The repository on the Hub, made where it is not there; its whole id comes back. InputError where the
    Hub will not have it.

    The token is HF_TOKEN in the environment, or that of `hf auth login`.
    """
    from huggingface_hub import HfApi

    try:
        api = HfApi(endpoint=os.environ.get("HF_ENDPOINT"))
        return str(api.create_repo(repo_id, private=private, exist_ok=True).repo_id)
    except refusals() as error:
        raise InputError(f"push_to_hub: {repo_id}: {one_line(error, 300)}") from None


def push_checkpoint(run: Path, repo_id: str) -> str:
    """Upload run/checkpoint with its card, as `--push_to_hub` does; the address of the commit comes back."""
    message = f"{read_config(run)['label']}, trained with graphtalk"
    return upload(stage(run, _checkpoint_files(run)), repo_id, "model", message)


def _checkpoint_files(run: Path) -> dict[str, Path]:
    folder = run / "checkpoint"
    return {path.name: inside(folder, path.name) for path in sorted(folder.iterdir()) if path.is_file()}


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
