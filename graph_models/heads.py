"""From answer kinds to the outputs of a model: what is learned for each kind, and what an output says."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from data_builders.errors import InputError
from data_builders.tasks import TASKS
from graph_models.data import Batch, Questions

Counts = Literal["regression", "classes"]


@dataclass(frozen=True)
class Target:
    """What one task's head learns.

    kind: a key of HEADS. classes: number of outputs; the first stands for `lowest`: -1 (no path) for
    distances, 0 for counts. mean, std: of the training answers, by which a regression is scaled.
    """

    task: str
    kind: str
    classes: int = 1
    lowest: int = 0
    mean: float = 0.0
    std: float = 1.0


@dataclass(frozen=True)
class Head:
    """loss: outputs (k, classes), answers (k,) -> (k,). read: outputs -> solutions, and probabilities, which
    are None where the head states none.
    """

    loss: Callable[[Tensor, Tensor, Target], Tensor]
    read: Callable[[Tensor, Target], tuple[list[Any], list[float | None]]]


def _binary_loss(outputs: Tensor, answers: Tensor, target: Target) -> Tensor:
    return F.binary_cross_entropy_with_logits(outputs[:, 0], answers, reduction="none")


def _read_binary(outputs: Tensor, target: Target) -> tuple[list[Any], list[float | None]]:
    chance = outputs[:, 0].sigmoid()
    return (chance >= 0.5).tolist(), torch.maximum(chance, 1 - chance).tolist()


def _class_loss(outputs: Tensor, answers: Tensor, target: Target) -> Tensor:
    """An answer beyond the last class is taken for the last."""
    classes = (answers.long() - target.lowest).clamp(max=target.classes - 1)
    return F.cross_entropy(outputs, classes, reduction="none")


def _read_class(outputs: Tensor, target: Target) -> tuple[list[Any], list[float | None]]:
    chance, best = outputs.softmax(1).max(1)
    numbers = [index + target.lowest for index in best.tolist()]
    return [None if number < 0 else number for number in numbers], chance.tolist()


def _number_loss(outputs: Tensor, answers: Tensor, target: Target) -> Tensor:
    """The error in units of the count, less weight for large counts, which are few and vary most; half a
    unit, up to which rounding is right, is where the loss turns from a square to a line.
    """
    error = outputs[:, 0] * target.std + target.mean - answers
    loss = F.smooth_l1_loss(error, torch.zeros_like(error), reduction="none", beta=0.5)
    return loss / ((1 + answers) * target.std).sqrt()


def _read_number(outputs: Tensor, target: Target) -> tuple[list[Any], list[float | None]]:
    numbers = (outputs[:, 0].double() * target.std + target.mean).round().clamp(min=0)
    return [int(number) for number in numbers.tolist()], [None] * len(numbers)


HEADS = {
    "binary": Head(_binary_loss, _read_binary),
    "classes": Head(_class_loss, _read_class),
    "number": Head(_number_loss, _read_number),
    "nodes": Head(_binary_loss, _read_binary),
}
KINDS = {
    "yes_no": "binary",
    "label": "binary",
    "distance": "classes",
    "integer": "number",
    "node_set": "nodes",
}
"""Answer kind -> kind of head."""


def targets(questions: Questions, tasks: Sequence[str], counts: Counts) -> list[Target]:
    """A Target for each task, by the answers of the training questions.

    counts: numbers by regression, which goes on beyond the training answers, or each a class of its own.
    """
    out = []
    numbers: dict[str, list[float]] = {task: [] for task in tasks}
    for example, answer in zip(questions.examples, questions.answers.tolist(), strict=True):
        numbers[example.task].append(answer)
    for task, values in numbers.items():
        answer_kind = TASKS[task].answer_kind
        if answer_kind not in KINDS:
            able = ", ".join(t.name for t in TASKS.values() if t.answer_kind in KINDS)
            raise InputError(
                f"task {task}: graph models give no answers of kind {answer_kind}; choose from {able}"
            )
        kind = KINDS[answer_kind]
        if kind == "number" and counts == "regression":
            out.append(Target(task, kind, mean=float(np.mean(values)), std=max(float(np.std(values)), 1.0)))
        elif kind in ("number", "classes"):
            lowest = -1 if answer_kind == "distance" else 0
            out.append(Target(task, "classes", int(max(values)) - lowest + 1, lowest))
        else:
            out.append(Target(task, kind))
    return out


class Outputs(NamedTuple):
    """What the head of one task gives: for which questions (for sets: entries of batch.set_questions), and
    the values, (k, classes).
    """

    entries: Tensor
    values: Tensor


class Heads(nn.Module):
    """One linear layer for each task, from the question's vector or, for a set, from each node's.

    width: of these vectors.
    """

    def __init__(self, width: int, targets: Sequence[Target]) -> None:
        super().__init__()
        self.targets = list(targets)
        self.linear = nn.ModuleList(nn.Linear(width, target.classes) for target in targets)

    def forward(self, questions: Tensor, nodes: Tensor, batch: Batch) -> list[Outputs]:
        """The outputs of each task.

        questions: (Q, width). nodes: (P, width), one for each entry of batch.set_questions.
        """
        out = []
        for number, (target, linear) in enumerate(zip(self.targets, self.linear, strict=True)):
            of_sets = target.kind == "nodes"
            tasks = batch.tasks[batch.set_questions] if of_sets else batch.tasks
            entries = (tasks == number).nonzero()[:, 0]
            out.append(Outputs(entries, linear((nodes if of_sets else questions)[entries]).float()))
        return out

    def loss(self, outputs: Sequence[Outputs], batch: Batch) -> Tensor:
        """The sum of the losses of all questions; that of a set is the mean over the graph's nodes."""
        total = torch.zeros((), device=batch.sizes.device)
        for target, (entries, values) in zip(self.targets, outputs, strict=True):
            if target.kind == "nodes":
                sizes = batch.sizes[batch.graphs[batch.set_questions[entries]]]
                losses = HEADS["nodes"].loss(values, batch.set_answers[entries], target) / sizes
            else:
                losses = HEADS[target.kind].loss(values, batch.answers[entries], target)
            total = total + losses.sum()
        return total

    def read(self, outputs: Sequence[Outputs], batch: Batch) -> tuple[list[Any], list[float | None]]:
        """The solution of each question, and the probability that the model gives it, if any."""
        solutions: list[Any] = [None] * len(batch.rows)
        chances: list[float | None] = [None] * len(batch.rows)
        for target, (entries, values) in zip(self.targets, outputs, strict=True):
            read, known = HEADS[target.kind].read(values, target)
            if target.kind != "nodes":
                for question, value, chance in zip(entries.tolist(), read, known, strict=True):
                    solutions[question], chances[question] = value, chance
                continue
            questions = batch.set_questions[entries]
            nodes = batch.set_nodes[entries] - batch.starts[batch.graphs[questions]]
            members: dict[int, list[int]] = {question: [] for question in questions.tolist()}
            certain = dict.fromkeys(members, 1.0)
            for question, node, member, chance in zip(
                questions.tolist(), nodes.tolist(), read, known, strict=True
            ):
                certain[question] *= chance or 0.0
                if member:
                    members[question].append(node)
            for question, solution in members.items():
                solutions[question], chances[question] = solution, certain[question]
        return solutions, chances
