"""What a trained model says about itself: the code that uses it, its data, its scores with floors."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from huggingface_hub import EvalResult, ModelCard, ModelCardData

from data_builders.example import Example, load_examples, read_lock
from data_builders.files import read_json, write_text
from data_builders.hub import BEGIN, END
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
LONGEST_ANSWER = 128  # tokens, where the run did not say


@dataclass(frozen=True)
class Names:
    """What the run folder does not know of its model's place in the world; '' for what is not known.

    repo_id: of the model on the Hub. base: OWNER/NAME of the model that it was trained from. dataset: of the
    dataset. license: as the Hub writes it.
    """

    repo_id: str = ""
    base: str = ""
    dataset: str = ""
    license: str = ""


def write_card(run: Path) -> str:
    """run/checkpoint/README.md, as `model_card` writes it; its text comes back.

    Without metrics.json the card has no scores.
    """
    scored = run / "metrics.json"
    metrics = read_json(scored) if scored.is_file() else None
    config = read_config(run)
    text = model_card(run, Path(config["data"]), metrics, Names(base=hub_base(config)))
    write_text(run / "checkpoint" / "README.md", text)
    return text


def model_card(run: Path, data: Path, metrics: Mapping[str, Any] | None, names: Names) -> str:
    """The card of a trained run: how its model is used, base model, data and its digest, arguments, scores
    with intervals and floors.

    The scores are also the card's `model-index`, which the Hub shows beside the model. metrics: what scoring
    wrote; None for a card without scores.
    """
    config = read_config(run)
    lock = read_lock(data)
    header = card_data(run, config, lock, metrics, names).to_yaml()
    text = [BEGIN, card_text(run, config, data, lock, metrics, names), END]
    return str(ModelCard(f"---\n{header}\n---\n" + "\n".join(text) + "\n"))


def card_data(
    run: Path,
    config: Mapping[str, Any],
    lock: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
    names: Names,
) -> ModelCardData:
    """The metadata block."""
    tested: Mapping[str, Any] = metrics or {"tasks": {}}
    results = [
        EvalResult(
            task_type="question-answering",
            task_name=task.replace("_", " "),
            dataset_type=names.dataset or "graphtalk",
            dataset_name=str(lock["name"]),
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
    graph_model = config["kind"] == "graph_model"
    how = [config["method"]] if config.get("method") in ("lora", "grpo") else []
    return ModelCardData(
        model_name=config["label"],
        license=names.license or None,
        language="en",
        base_model=names.base or None,
        datasets=[names.dataset] if names.dataset else None,
        library_name="graphtalk" if graph_model else "peft" if is_adapter(run) else "transformers",
        pipeline_tag=None if graph_model else "text-generation",
        tags=["graphtalk", "graph-reasoning", *how],
        eval_results=results or None,
    )


def card_text(
    run: Path,
    config: Mapping[str, Any],
    data: Path,
    lock: Mapping[str, Any],
    metrics: Mapping[str, Any] | None,
    names: Names,
) -> str:
    """The part for people."""
    digest = config.get("model_fingerprint")
    weights = f" (sha256 of its weights {digest[:16]})" if digest else ""
    base = f"[{names.base}](https://huggingface.co/{names.base})" if names.base else base_name(config)
    dataset = f"[{names.dataset}](https://huggingface.co/datasets/{names.dataset})" if names.dataset else ""
    arguments = config["arguments"]
    split = config["split"] if config["tasks"] else arguments.get("train_split", "train")
    example = load_examples(data, config["tasks"] or None, split, 1)[0]
    if config["kind"] == "graph_model":
        what = f"A model that reads graphs and not text ({config['model']}), trained with graphtalk"
    else:
        what = f"Trained on graph questions with graphtalk: {config['method']} training of {base}{weights},"
    lines = [
        f"# {config['label']}",
        "",
        f"{what} on the dataset {dataset or '`' + str(lock['name']) + '`'} with fingerprint "
        f"`{config['dataset_fingerprint']}`.",
        "",
        "## Use",
        "",
        "```python",
        usage_code(run, config, example, str(lock["name"]), names),
        "```",
        "",
    ]
    if metrics:
        lines += ["## Scores", "", *score_table(metrics), ""]
    environment = json.loads((run / "environment.json").read_text(encoding="utf-8"))
    versions = ", ".join(f"{name} {version}" for name, version in environment["versions"].items())
    count = config.get("world_size", 1)
    return "\n".join(
        [
            *lines,
            "## Arguments",
            "",
            "Those that differ from the defaults:" if config["kind"] == "finetune" else "All of them:",
            "",
            "```json",
            json.dumps(without_paths({k: v for k, v in arguments.items() if k not in PLACES}), indent=2),
            "```",
            "",
            f"{count} process{'es' if count > 1 else ''}; Python {environment['python']}, {versions}.",
        ]
    )


GRAPH_MODEL_CODE = """\
from pathlib import Path

import graphtalk  # a clone of it, installed with its extra graph_models
from graph_models.graph_model import load
from huggingface_hub import snapshot_download

model = load(Path(snapshot_download("{name}")))
examples = graphtalk.load_examples(Path("data/{dataset}"), None, "{split}")
print(model.answer(examples[:1])[0].output)"""
GRAPH_ALONE_CODE = """\
from language_models.decode import Decoding, generate  # of a clone of graphtalk
from language_models.load import load_model
from language_models.shared_graphs import encode_questions

model, tokenizer = load_model("{name}")  # reads the graph by itself; plain transformers would mix the two
question = {question}
rows, graphs = encode_questions([question], tokenizer)
print(generate(model, tokenizer, rows, Decoding({tokens}), prefix_lengths=graphs)[0].text)"""


def usage_code(run: Path, config: Mapping[str, Any], example: Example, dataset: str, names: Names) -> str:
    """Python that asks the model the first question of the test split, and prints its answer."""
    name = names.repo_id or "."  # a card that lies beside its weights
    if config["kind"] == "graph_model":
        return GRAPH_MODEL_CODE.format(name=name, dataset=dataset, split=config["split"])
    arguments = config["arguments"]
    tokens = arguments.get("generation_max_length") or LONGEST_ANSWER
    question = _literal(example.question)
    checkpoint = run / "checkpoint"
    adapter = read_json(checkpoint / "adapter_config.json") if is_adapter(run) else {}
    folder = Path(str(adapter["base_model_name_or_path"])) if adapter else checkpoint
    model = read_json(folder / "config.json") if (folder / "config.json").is_file() else {}
    if model.get("share_graphs") or arguments.get("share_graphs"):
        return GRAPH_ALONE_CODE.format(name=name, question=question, tokens=tokens)
    base = names.base or Path(str(config["model"])).name
    seq2seq = bool(model.get("is_encoder_decoder")) or adapter.get("task_type") == "SEQ_2_SEQ_LM"
    auto = "AutoModelForSeq2SeqLM" if seq2seq else "AutoModelForCausalLM"
    lines = ["from peft import PeftModel"] if adapter else []
    lines += [
        f"from transformers import {auto}, AutoTokenizer",
        "",
        f'tokenizer = AutoTokenizer.from_pretrained("{name}")',
        f'model = {auto}.from_pretrained("{base if adapter else name}")',
    ]
    if adapter.get("trainable_token_indices"):
        lines.append(
            "model.resize_token_embeddings(max(len(tokenizer), model.get_input_embeddings().num_embeddings))"
        )
    if adapter:
        lines.append(f'model = PeftModel.from_pretrained(model, "{name}")')
    chat = arguments.get("chat") is not False and has_chat(checkpoint)
    lines.append(f"question = {question if seq2seq or chat else _literal(example.question.rstrip(' '))}")
    if chat and not seq2seq:
        lines += [
            'turns = [{"role": "user", "content": question}]',
            "text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)",
            'inputs = tokenizer(text, return_tensors="pt", add_special_tokens=False)',
        ]
    else:
        lines.append('inputs = tokenizer(question, return_tensors="pt")')
    start = "" if seq2seq else '[inputs["input_ids"].shape[1] :]'
    return "\n".join(
        [
            *lines,
            f"output = model.generate(**inputs, max_new_tokens={tokens}, do_sample=False)[0]",
            f"print(tokenizer.decode(output{start}, skip_special_tokens=True))",
        ]
    )


def _literal(text: str) -> str:
    """A text as Python in lines that people read; quotes and backslashes come back as they were.

    >>> print(_literal('G has "a".\\nA: '))
    (
        'G has "a".\\n'
        'A: '
    )
    """
    lines = text.splitlines(keepends=True)
    return repr(text) if len(lines) == 1 else "\n".join(["(", *(f"    {line!r}" for line in lines), ")"])


def is_adapter(run: Path) -> bool:
    """Whether a run's checkpoint holds adapters, and its base model lies elsewhere."""
    return (run / "checkpoint" / "adapter_config.json").is_file()


def has_chat(checkpoint: Path) -> bool:
    """Whether the checkpoint's tokenizer comes with a chat template."""
    stored = checkpoint / "tokenizer_config.json"
    return (checkpoint / "chat_template.jinja").is_file() or (
        stored.is_file() and bool(read_json(stored).get("chat_template"))
    )


def score_table(metrics: Mapping[str, Any]) -> list[str]:
    """Percent correct with 95% intervals, and beside them what answers without understanding reach on the
    same questions.
    """
    floors = list(dict.fromkeys(name for row in metrics["tasks"].values() for name in row.get("floors", {})))
    lines = [
        f"Percent correct on the {metrics['split']} split, with 95% intervals; floors need no "
        "understanding of the graph.",
        "",
    ]
    lines += [
        f"| task | n | accuracy |{''.join(f' {name} |' for name in floors)}",
        f"|---|---:|---:|{'---:|' * len(floors)}",
    ]
    for task, row in metrics["tasks"].items():
        beside = [row.get("floors", {}).get(name) for name in floors]
        lines.append(
            f"| {task} | {row['n']} | {interval(row)} "
            f"|{''.join(' |' if f is None else f' {100 * f:.1f} |' for f in beside)}"
        )
    return [
        *lines,
        f"| macro | {metrics['macro']['n']} | **{interval(metrics['macro'])}** |{' |' * len(floors)}",
    ]


def interval(row: Mapping[str, float]) -> str:
    """
    >>> interval({"accuracy": 0.5, "low": 0.25, "high": 0.751})
    '50.0 [25.0, 75.1]'
    """
    return f"{100 * row['accuracy']:.1f} [{100 * row['low']:.1f}, {100 * row['high']:.1f}]"


def is_hub_id(model: str) -> bool:
    """Whether a name is `owner/name`, or one of the Hub's first models without an owner, and no folder here.

    >>> is_hub_id("google/flan-t5-base"), is_hub_id("gpt2"), is_hub_id("/home/me/t5"), is_hub_id("runs/a/b")
    (True, True, False, False)
    """
    return (
        model.count("/") <= 1
        and not model.startswith((".", "/", "~"))
        and not Path(model).exists()
        and "{" not in model
    )


def trained_from_scratch(config: Mapping[str, Any]) -> bool:
    """Whether a run's weights began as random numbers, and not as another model."""
    return config["kind"] == "graph_model" or not config["arguments"].get("model_name_or_path")


def hub_base(config: Mapping[str, Any]) -> str:
    """The id of the model that a run was trained from; '' for random weights and for a local model."""
    own = str(config["model"])
    return own if is_hub_id(own) and not trained_from_scratch(config) else ""


def base_name(config: Mapping[str, Any]) -> str:
    """A base model as the card names it: paths of this machine are nobody's business."""
    model = config["model"]
    if trained_from_scratch(config):
        return f"random weights ({without_paths(model)})"
    path = Path(model).resolve()
    return f"`{path.parent.name if path.name == 'checkpoint' else path.name}`, a local model"


def without_paths(value: Any) -> Any:
    """Settings in which each path is the last name of it alone; ids of the Hub stay.

    >>> without_paths({"dataset": "/home/me/data/er", "model": "google/flan-t5-base", "steps": 2})
    {'dataset': 'er', 'model': 'google/flan-t5-base', 'steps': 2}
    """
    if isinstance(value, Mapping):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str) and "/" in value and not value.startswith("{") and not is_hub_id(value):
        return Path(value).name
    return value
