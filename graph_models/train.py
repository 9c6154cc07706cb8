"""The training loop: AdamW with warm-up and a cosine, validated by the shared evaluator, resumable at any
step, on one process or several.
"""

import io
import json
import math
import time
import zipfile
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import nn

from data_builders.errors import InputError, one_line
from data_builders.files import atomic_file, write_text
from data_builders.readers.source import BROKEN
from eval.scoring.scorer import score
from graph_models.config import FitConfig
from graph_models.data import Ints, Questions, epoch_batches, random_orders
from graph_models.graph_model import GraphModel

STATE = "training.pt"  # of a run that is not finished: weights, optimizer, step, and the best so far

FACTS = "training.json"  # what the training was: sizes, steps, and the processor time of the first process


def train(
    model: GraphModel, questions: Questions, validation: Questions, config: FitConfig, run: Path
) -> None:
    """Train the model in place; it ends with the weights of the best validation.

    Everything random (batches, labels, dropout) depends on the seed and the step alone, so that a run that
    is continued after a kill makes the same steps as one that was not.
    """
    rank = dist.get_rank() if dist.is_initialized() else 0
    optimizer = make_optimizer(model, config)
    state: dict[str, Any] = {
        "step": 0,
        "seconds": 0.0,
        "best": -1.0,
        "best_weights": weights(model),
        "stale": 0,
        "log": [],
    }
    if (run / STATE).is_file():
        state = read_state(run / STATE)
        model.load_state_dict(state.pop("weights"))
        optimizer.load_state_dict(state.pop("optimizer"))
        say(f"continue from step {state['step']}")
    if dist.is_initialized():
        dist.barrier()  # all have read the state before the first one writes it anew
    model.train()
    before = state["seconds"] - time.process_time()
    total, seen = 0.0, 0  # loss and steps since the last validation
    for step, graphs in steps(questions, config, state["step"]):
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * schedule(step, config)
        loss = take_step(model, optimizer, questions, graphs, config, step)
        total, seen = total + loss, seen + 1
        state["step"] = step + 1
        last = step + 1 == config.steps
        if last or (step + 1) % config.evaluate_every == 0:
            accuracy = validate(model, validation)
            improved = accuracy["macro"] > state["best"]
            if accuracy["macro"] >= state["best"]:  # of equals the last, which learned more
                state |= {"best": accuracy["macro"], "best_weights": weights(model)}
            state["stale"] = 0 if improved else state["stale"] + 1
            state["log"].append({"step": step + 1, "loss": total / seen, **accuracy})
            say(f"step {step + 1:6d}  loss {total / seen:.4f}  validation {100 * accuracy['macro']:.2f}")
            total, seen = 0.0, 0
            last = last or state["stale"] == config.patience
        state["seconds"] = before + time.process_time()
        if rank == 0 and (last or (step + 1) % config.save_every == 0):
            everything = {**state, "weights": weights(model), "optimizer": optimizer.state_dict()}
            buffer = io.BytesIO()  # torch reports a full disk as an error of its own
            torch.save(everything, buffer)
            with atomic_file(run / STATE) as file:
                file.write(buffer.getbuffer())
        if last:
            break
    model.load_state_dict(state["best_weights"])
    if rank == 0:
        write_text(run / "log.json", json.dumps(state["log"], indent=1) + "\n")
        facts = {
            "parameters": sum(p.numel() for p in model.parameters()),
            "graphs": len(questions),
            "questions": len(questions.examples),
            "steps": state["step"],
            "device": str(model.device),
            "processor_seconds": round(state["seconds"], 1),
        }
        write_text(run / FACTS, json.dumps(facts, indent=1) + "\n")


def read_state(path: Path) -> dict[str, Any]:
    """What a run is continued from; InputError where it is not what was written, which torch does not see."""
    try:
        with zipfile.ZipFile(path) as archive:
            damaged = archive.testzip()  # reads all and compares the checksums
        if damaged is None:
            return dict(torch.load(path, map_location="cpu", weights_only=True))
    except BROKEN as error:
        damaged = one_line(error, 200)
    raise InputError(f"{path}: damaged ({damaged}); delete it to train from the start") from None


def make_optimizer(model: GraphModel, config: FitConfig) -> torch.optim.Optimizer:
    """AdamW over one flat tensor, of which the model's weights become views, as their gradients of its one.

    A small model has so many small weights that a call for each of them, to clip, to add up over processes
    and to step, would take a quarter of its time.
    """
    parameters = list(model.parameters())
    flat = nn.Parameter(torch.cat([p.detach().reshape(-1) for p in parameters]))
    flat.grad = torch.zeros_like(flat)
    sizes = [p.numel() for p in parameters]
    values, gradients = torch.split(flat.detach(), sizes), torch.split(flat.grad, sizes)
    for parameter, value, gradient in zip(parameters, values, gradients, strict=True):
        parameter.data, parameter.grad = value.view_as(parameter), gradient.view_as(parameter)
    return torch.optim.AdamW([flat], lr=config.learning_rate, weight_decay=config.weight_decay, fused=True)


def take_step(
    model: GraphModel,
    optimizer: torch.optim.Optimizer,
    questions: Questions,
    graphs: Ints,
    config: FitConfig,
    step: int,
) -> float:
    """One step on the mean loss of all questions about some graphs, which the processes share; that loss."""
    rank, ranks = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)
    torch.manual_seed(hash((config.seed, step, rank)) % 2**63)  # for dropout
    orders = (
        random_orders(len(graphs), model.inputs.max_nodes, config.seed, step)
        if model.body.random_labels
        else None
    )
    asked = questions.count(graphs)
    own = slice(rank, None, ranks)
    (flat,) = optimizer.param_groups[0]["params"]
    flat.grad.zero_()
    loss = torch.zeros((), device=model.device)
    if len(graphs[own]):
        batch = model.batch(questions, graphs[own], None if orders is None else orders[own])
        loss = model.loss(batch) / asked
        torch.autograd.backward(loss)
    if ranks > 1:
        for part in (flat.grad, loss := loss.detach()):
            dist.all_reduce(part)
    flat.grad.mul_((config.clip / (flat.grad.norm() + 1e-6)).clamp(max=1.0))
    optimizer.step()
    return loss.item()


def steps(questions: Questions, config: FitConfig, done: int) -> Iterator[tuple[int, Ints]]:
    """The numbers and graphs of the steps after the first `done`, over as many epochs as it takes."""
    step = 0
    lengths = questions.lengths()
    for epoch in count():
        for graphs in epoch_batches(lengths, config.batch_size, config.seed, epoch):
            if step >= done:
                if step >= config.steps:
                    return
                yield step, graphs
            step += 1


def schedule(step: int, config: FitConfig) -> float:
    """The learning rate of a step (from 0), as a share of the highest."""
    rise = config.warmup * config.steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return 0.5 + 0.5 * math.cos(math.pi * (step - rise) / max(1.0, config.steps - rise))


def validate(model: GraphModel, questions: Questions) -> dict[str, float]:
    """Accuracy of each task as the scorer judges it, and their mean as `macro`; empty without questions."""
    right: dict[str, list[bool]] = {}
    for example, prediction in zip(questions.examples, model.predict(questions), strict=True):
        right.setdefault(example.task, []).append(score(example, prediction).outcome == "correct")
    each = {task: sum(hits) / len(hits) for task, hits in right.items()}
    return {"macro": sum(each.values()) / len(each), **each}


def weights(model: GraphModel) -> dict[str, torch.Tensor]:
    """A copy of the weights on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def say(line: str) -> None:
    """Print a line, once for all processes."""
    if not dist.is_initialized() or dist.get_rank() == 0:
        print(line, flush=True)
