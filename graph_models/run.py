"""One run: a model is trained on a dataset, or loaded; it answers the test split and is scored."""

import os
import time
import warnings
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist

from data_builders.errors import InputError
from data_builders.example import Example, dataset_tasks, load_examples, read_lock
from data_builders.files import check_links
from data_builders.locks import exclusive
from eval.prediction import (
    Prediction,
    read_config,
    read_predictions,
    write_config,
    write_environment,
)
from eval.rerun import answer_new, changed_settings, check_rerun, drop_results, lower_limit
from eval.scoring.run import print_scores, score_run
from graph_models.config import CONFIGS, FitConfig
from graph_models.data import Questions
from graph_models.graph_model import GraphModel, inputs_of, load
from graph_models.heads import targets
from graph_models.train import STATE, say, train

warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")

SHIPPED = Path(__file__).parents[1] / "data" / "models"  # trained models that come with the repository
PREDICTIONS = "predictions.parquet"
NO_SETTINGS = {"label", "dataset", "output_dir", "save_every", "overwrite"}
RESULTS = ("checkpoint", PREDICTIONS, STATE)
LARGEST = 20  # nodes of a graph that they were made for


def main(config: FitConfig) -> None:
    """Train and answer; the same command again continues where it was stopped."""
    join_processes()
    first = not dist.is_initialized() or dist.get_rank() == 0
    with exclusive(config.output_dir) if first else nullcontext():
        work(config, first)


def work(config: FitConfig, first: bool) -> None:
    """What is left of the run, in one process or several, of which the first writes."""
    run = config.output_dir
    record = run_config(config)
    check_links(run)
    same_run = check_same_run(run, record, config.overwrite)
    finished = same_run and (run / "checkpoint" / "config.json").is_file()
    if dist.is_initialized():
        dist.barrier()  # all have read the folder before one writes to it
    if first:
        if not same_run:
            drop_results(run, "checkpoint", STATE)
        write_config(record, run)
        write_environment(run)
    if dist.is_initialized():
        dist.barrier()
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
        kept = read_predictions(run) if (run / PREDICTIONS).is_file() else []
        answer_new(run, test, kept, model.to(device()).answer)
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
        "arguments": config.model_dump(mode="json", exclude=NO_SETTINGS),
    }


def check_same_run(run: Path, record: dict[str, Any], overwrite: bool) -> bool:
    """Whether the folder holds this very run, of which a higher limit is a part, too, finished or not.

    Raises InputError where it holds results of another run, or more of them than are asked for now, unless
    overwrite says to replace them.
    """
    results = [name for name in RESULTS if (run / name).exists()]
    if not results:
        return False
    before = read_config(run)
    old, new = ({**r, **r.get("arguments", {})} for r in (before, record))
    # A model that is being trained has a number for each node of the largest graph that it will be asked.
    free = {"label", "arguments"} if STATE in results else {"label", "arguments", "limit"}
    changed = changed_settings(old, new, (k for k in new if k not in free))
    cut = lower_limit(before, record) if PREDICTIONS in results else []
    check_rerun(run, results, changed + cut, overwrite)
    return not changed


def join_processes() -> None:
    """Meet the other processes that torchrun started, if it did."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        if torch.cuda.is_available():
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
        dist.init_process_group("nccl" if torch.cuda.is_available() else "gloo")


def device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
