"""What a trained model says about itself, and how it gets to the Hugging Face Hub."""

import json
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, HfApi, ModelCard, ModelCardData
from huggingface_hub.errors import HfHubHTTPError
from huggingface_hub.utils.tqdm import disable_progress_bars

from data_builders.errors import InputError
from data_builders.example import read_lock
from data_builders.files import write_text
from eval.prediction import read_config

PLACES = {
    "dataset",
    "output_dir",
    "model_name_or_path",
    "tokenizer_datasets",
    "deepspeed",
    "resume_from_checkpoint",
    "hub_model_id",
}


def write_card(run: Path) -> str:
    """run/checkpoint/README.md: base model, data and its digest, arguments, scores with intervals and floors;
    its text comes back.

    The scores are also the card's `model-index`, which the Hub shows beside the model. Without metrics.json
    the card has no scores.
    """
    config = read_config(run)
    scored = run / "metrics.json"
    metrics = json.loads(scored.read_text(encoding="utf-8")) if scored.is_file() else None
    text = str(
        ModelCard(
            f"---\n{card_data(run, config, metrics).to_yaml()}\n---\n\n{card_text(run, config, metrics)}"
        )
    )
    write_text(run / "checkpoint" / "README.md", text)
    return text


def card_data(run: Path, config: dict[str, Any], metrics: dict[str, Any] | None) -> ModelCardData:
    """The metadata block."""
    adapter = (run / "checkpoint" / "adapter_config.json").is_file()
    data = read_lock(Path(config["data"]))
    tested = metrics or {"tasks": {}}
    results = [
        EvalResult(
            task_type="question-answering",
            task_name=task.replace("_", " "),
            dataset_type="graphtalk",
            dataset_name=str(data["name"]),
            dataset_config=task,
            dataset_split=tested["split"],
            dataset_args={"fingerprint": tested["dataset_fingerprint"]},
            metric_type="accuracy",
            metric_value=row["accuracy"],
            metric_args={
                "n": row["n"],
                "low": row["low"],
                "high": row["high"],
                "floors": row.get("floors", {}),
            },
        )
        for task, row in tested["tasks"].items()
    ]
    base = str(config["model"])
    return ModelCardData(
        model_name=config["label"],
        base_model=base if is_hub_id(base) else None,
        library_name="peft" if adapter else "transformers",
        tags=["graphtalk", "graph-reasoning", config["method"]],
        eval_results=results or None,
    )


def card_text(run: Path, config: dict[str, Any], metrics: dict[str, Any] | None) -> str:
    """The part for people."""
    data = read_lock(Path(config["data"]))
    digest = config.get("model_fingerprint")
    weights = f" (sha256 of its weights {digest[:16]})" if digest else ""
    lines = [
        f"# {config['label']}",
        "",
        f"Trained on graph questions with graphtalk: {config['method']} training of "
        f"{base_name(config['model'])}{weights}, on the dataset `{data['name']}` with fingerprint `{config['dataset_fingerprint']}`.",
        "",
    ]
    if metrics:
        lines += ["## Scores", "", *score_table(metrics), ""]
    arguments = {k: v for k, v in config["arguments"].items() if k not in PLACES}
    lines += [
        "## Arguments",
        "",
        "Those that differ from the defaults:",
        "",
        "```json",
        json.dumps(arguments, indent=2),
        "```",
        "",
    ]
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    return "\n".join(
        [*lines, f"{config['world_size']} processes; Python {environment['python']}, {versions}.", ""]
    )


def score_table(metrics: dict[str, Any]) -> list[str]:
    """Percent correct with 95% intervals, and beside them what answers without understanding reach on the
    same questions.
    """
    floors = list(dict.fromkeys(name for row in metrics["tasks"].values() for name in row.get("floors", {})))
    lines = [
        f"Percent correct on the {metrics['split']} split, with 95% intervals; floors need no understanding of the graph.",
        "",
    ]
    lines += [
        f"| task | n | accuracy |{''.join(f' {name} |' for name in floors)}",
        f"|---|---:|---:|{'---:|' * len(floors)}",
    ]
    for task, row in metrics["tasks"].items():
        beside = [row.get("floors", {}).get(name) for name in floors]
        lines.append(
            f"| {task} | {row['n']} | {interval(row)} |{''.join(' |' if f is None else f' {100 * f:.1f} |' for f in beside)}"
        )
    return [
        *lines,
        f"| macro | {metrics['macro']['n']} | **{interval(metrics['macro'])}** |{' |' * len(floors)}",
    ]


def interval(row: dict[str, float]) -> str:
    """
    >>> interval({"accuracy": 0.5, "low": 0.25, "high": 0.751})
    '50.0 [25.0, 75.1]'
    """
    return f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def is_hub_id(model: str) -> bool:
    """Whether a name is `owner/name`, and no folder here."""
    return (
        model.count("/") == 1
        and not model.startswith((".", "/", "~"))
        and not Path(model).exists()
        and "{" not in model
    )


def base_name(model: Any) -> str:
    """A base model as the card names it: paths of this machine are nobody's business."""
    if not isinstance(model, str) or model.startswith("{") or not ("/" in model or Path(model).exists()):
        return f"random weights ({model})"
    if is_hub_id(model):
        return f"[{model}](https://huggingface.co/{model})"
    path = Path(model).resolve()
    return f"`{path.parent.name if path.name == 'checkpoint' else path.name}`, a local model"


def open_repository(repo_id: str, private: bool | None) -> str:
    """The repository on the Hub, made where it is not there; its whole id comes back. InputError where the
    Hub will not have it.

    The token is HF_TOKEN in the environment, or that of `hf auth login`.
    """
    try:
        return str(HfApi().create_repo(repo_id, private=private, exist_ok=True).repo_id)
    except (HfHubHTTPError, ValueError, OSError) as error:
        raise InputError(f"push_to_hub: {repo_id}: {' '.join(str(error).split())[:300]}") from None


def push(run: Path, repo_id: str) -> str:
    """Upload run/checkpoint with its card; the address of the commit comes back."""
    disable_progress_bars()
    try:
        done = HfApi().upload_folder(
            repo_id=repo_id,
            folder_path=run / "checkpoint",
            commit_message=f"{read_config(run)['label']}, trained with graphtalk",
        )
    except (HfHubHTTPError, ValueError, OSError) as error:
        raise InputError(
            f"push_to_hub: {repo_id}: {' '.join(str(error).split())[:300]}; start the same command again"
        ) from None
    return str(done.commit_url)
