"""One run: a model is trained on a dataset, or loaded; it answers the test split and is scored."""

import os
import time
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from data_builders.errors import InputError
from data_builders.example import Example, dataset_tasks, load_examples, read_lock
from eval.prediction import Prediction, read_config, write_config, write_environment, write_predictions
from eval.scoring.run import print_scores, score_run
from graph_models.config import CONFIGS, FitConfig
from graph_models.data import Questions
from graph_models.graph_model import GraphModel, inputs_of, load
from graph_models.heads import targets
from graph_models.train import STATE, say, train

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")

SHIPPED = Path(__file__).parents[1] / "data" / "models"  # trained models that come with the repository
LARGEST = 20  # nodes of a graph that they were made for


def main(config: FitConfig) -> None:
    """Train and answer; the same command again continues where it was stopped."""
    join_processes()
    run = config.output_dir
    record = run_config(config)
    finished = check_same_run(run, record)
    first = not dist.is_initialized() or dist.get_rank() == 0
    if dist.is_initialized():
        dist.barrier()  # all have read the folder before one writes to it
    if first:
        write_config(record, run)
        write_environment(run)
    test = load_examples(config.dataset, record["tasks"], config.test_split, config.limit)
    if config.model not in CONFIGS:
        model = load(Path(config.model))
    elif finished:
        say(f"{run}/checkpoint is trained already")
        model = load(run / "checkpoint")
    else:
        learn = load_examples(config.dataset, record["tasks"], config.train_split, config.train_limit)
        check = load_examples(
            config.dataset, record["tasks"], config.validation_split, config.validation_limit
        )
        model = fit(learn, check, config, test)
    if first:
        model.to(device())
        if not (run / "predictions.parquet").is_file():
            write_predictions(model.answer(test), run)
        print_scores(score_run(run), run)


def fit(
    examples: Sequence[Example],
    validation: Sequence[Example],
    config: FitConfig,
    others: Sequence[Example] = (),
) -> GraphModel:
    """A model trained on the examples, which also lies in the run's `checkpoint` folder.

    others: examples that it will be asked later, so that it has numbers for the nodes of their graphs.
    """
    tasks = list(dict.fromkeys(e.task for e in examples))
    laplacian = getattr(config, "laplacian", 0)
    questions, check, later = (Questions(part, tasks, laplacian) for part in (examples, validation, others))
    if not len(questions) or not len(check):
        raise InputError("training takes at least one example to learn from and one to validate with")
    torch.manual_seed(config.seed)  # the weights that training starts from
    goals = targets(questions, tasks, config.counts)
    model = GraphModel(
        config, inputs_of([questions, check, later], getattr(config, "max_nodes", None)), goals
    )
    model.to(device())
    size = sum(p.numel() for p in model.parameters())
    say(
        f"{config.model}: {size:,} parameters, {len(questions):,} graphs, "
        f"{len(examples):,} questions, {device()}"
    )
    begin = time.monotonic()
    train(model, questions, check, config, config.output_dir)
    say(f"trained in {time.monotonic() - begin:.0f} s")
    if not dist.is_initialized() or dist.get_rank() == 0:
        model.save(config.output_dir / "checkpoint")
        (config.output_dir / STATE).unlink()
    return model


def shipped_answer(example: Example) -> tuple[str, Prediction]:
    """The answer of the first model that comes with the repository and can give one, with the model's name.

    Raises InputError, which says why not, where none can.
    """
    if example.num_nodes > LARGEST:
        raise InputError(f"they know graphs of at most {LARGEST} nodes, and this one has {example.num_nodes}")
    reason = "there are none"
    for folder in sorted(path.parent for path in SHIPPED.glob("*/config.json")):
        try:
            return folder.name, load(folder).answer([example])[0]
        except InputError as error:
            reason = str(error)
    raise InputError(reason)


def run_config(config: FitConfig) -> dict[str, Any]:
    """What config.yaml keeps: the keys that scoring and reports read, then every key of the model."""
    lock = read_lock(config.dataset)
    return {
        "label": config.label or config.output_dir.resolve().name,
        "kind": "graph_model",
        "data": str(config.dataset.resolve()),
        "dataset_fingerprint": lock["fingerprint"],
        "split": config.test_split,
        "tasks": list(config.tasks or dataset_tasks(config.dataset)),
        "limit": config.limit,
        "model": config.model,
        "arguments": config.model_dump(mode="json", exclude={"label", "dataset", "output_dir", "save_every"}),
    }


def check_same_run(run: Path, record: dict[str, Any]) -> bool:
    """Whether the folder holds this very run, trained; InputError if it holds results of another."""
    results = [name for name in ("checkpoint", "predictions.parquet", STATE) if (run / name).exists()]
    if not results:
        return False
    before = read_config(run)
    old, new = ({**r, **r.get("arguments", {}), "label": None, "arguments": None} for r in (before, record))
    changed = [f"{k}: {old.get(k)} -> {new.get(k)}" for k in new if old.get(k) != new[k]]
    if changed:
        raise InputError(
            f"{run} holds {', '.join(results)} of another run ({'; '.join(changed[:3])}); "
            "use another --output_dir, or delete that folder"
        )
    return (run / "checkpoint" / "config.json").is_file()


def join_processes() -> None:
    """Meet the other processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
