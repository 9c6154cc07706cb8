"""GraphModel: what reads the graphs, and the heads that answer; how it answers, and how it lies on disk."""

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from data_builders.errors import InputError, one_line
from data_builders.example import Example
from data_builders.files import atomic_file, check_links, write_text
from data_builders.tasks import TASKS
from eval.prediction import Prediction
from graph_models.config import CONFIGS, FitConfig
from graph_models.data import Batch, Ints, Questions, question_query, random_orders
from graph_models.gnn import LAYERS, Gnn, Inputs
from graph_models.heads import Heads, Outputs, Target
from graph_models.ppgn import Ppgn
from graph_models.transformer import Transformer

GRAPHS = 128  # answered at once
BODIES: dict[str, Any] = {**dict.fromkeys(LAYERS, Gnn), "ppgn": Ppgn, "transformer": Transformer}
"""Kind of model -> body(config, inputs, number of tasks)(batch) -> vectors of questions and nodes."""


class GraphModel(nn.Module):
    """A body, which reads a batch of graphs with their questions, and one head for each task."""

    def __init__(self, config: Any, inputs: Inputs, targets: Sequence[Target]) -> None:
        super().__init__()
        self.config, self.inputs, self.targets = config, inputs, list(targets)
        self.body = BODIES[config.model](config, inputs, len(self.targets))
        self.heads = Heads(config.width, targets)

    @property
    def tasks(self) -> list[str]:
        return [target.task for target in self.targets]

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    def questions(self, examples: Sequence[Example]) -> Questions:
        """The examples as this model reads them; InputError where it was not made for them."""
        for example in examples:
            if example.task not in self.tasks:
                raise InputError(
                    f"{example.id}: the model was not trained on task {example.task}; "
                    f"it knows {', '.join(self.tasks)}"
                )
        questions = Questions(examples, self.tasks, getattr(self.config, "laplacian", 0))
        made_for, needed = self.inputs, inputs_of([questions])
        for name in ("directed", "weighted", "words"):
            if getattr(needed, name) > getattr(made_for, name):
                raise InputError(f"the model was trained on graphs that are not {name}, and these are")
        knows_labels = self.config.model == "transformer" or getattr(self.config, "identity", False)
        if knows_labels and needed.max_nodes > made_for.max_nodes:
            raise InputError(
                f"a graph has {needed.max_nodes} nodes, and the model has numbers for {made_for.max_nodes}; "
                "train on larger graphs, or a transformer with a larger --max_nodes"
            )
        return questions

    def batch(self, questions: Questions, graphs: Ints, orders: Ints | None = None) -> Batch:
        return questions.batch(graphs, self.body.copies, orders).to(self.device)

    def forward(self, batch: Batch) -> list[Outputs]:
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.body.bf16 and self.device.type == "cuda"
        ):
            vectors, nodes = self.body(batch)
        return self.heads(vectors.float(), nodes.float(), batch)  # type: ignore[no-any-return]

    def loss(self, batch: Batch) -> Tensor:
        """The sum over all questions."""
        return self.heads.loss(self(batch), batch)

    def answer(self, examples: Sequence[Example]) -> list[Prediction]:
        """Answers in GraphQA's words, one for each example, in their order."""
        return self.predict(self.questions(examples))

    @torch.no_grad()
    def predict(self, questions: Questions) -> list[Prediction]:
        """The answers to all questions, in the order of their examples."""
        training = self.training
        self.eval()
        out: dict[int, Prediction] = {}
        order = np.argsort(-questions.lengths(), kind="stable")
        for start in range(0, len(order), GRAPHS):
            begin = time.perf_counter()
            graphs = order[start : start + GRAPHS]
            views = []
            for view in range(self.body.relabellings):
                orders = random_orders(len(graphs), self.inputs.max_nodes, view) if view else None
                batch = self.batch(questions, graphs, orders)
                views.append(self(batch))
            solutions, chances = self.heads.read(_mean(views), batch)
            seconds = (time.perf_counter() - begin) / len(solutions)
            for row, solution, chance in zip(batch.rows.tolist(), solutions, chances, strict=True):
                example = questions.examples[row]
                text = solution_text(example, solution)
                out[row] = Prediction(example.id, text, seconds=seconds, confidence=chance)
        self.train(training)
        return [out[row] for row in range(len(questions.examples))]

    def save(self, folder: Path) -> None:
        """Write `model.safetensors` and, last, `config.json`: what `load` needs to make this model again."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {name: value.contiguous() for name, value in self.state_dict().items()}
        with atomic_file(folder / "model.safetensors") as file:
            file.write(save(tensors))
        record = {
            "config": self.config.model_dump(mode="json", exclude={"dataset", "output_dir"}),
            "inputs": self.inputs._asdict(),
            "targets": [asdict(target) for target in self.targets],
        }
        write_text(folder / "config.json", json.dumps(record, indent=2) + "\n")


def load(folder: Path) -> GraphModel:
    """The model that `GraphModel.save` wrote."""
    check_links(folder)
    try:
        record = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        keys = {**record["config"], "dataset": "", "output_dir": ""}
        config: FitConfig = CONFIGS[keys["model"]].model_validate(keys)
        targets = [Target(**target) for target in record["targets"]]
        model = GraphModel(config, Inputs(**record["inputs"]), targets)
        model.load_state_dict(load_file(folder / "model.safetensors"))
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError) as error:
        reason = one_line(error, 200)
        raise InputError(f"{folder}: not a checkpoint that graphtalk fit wrote ({reason})") from None
    return model


def inputs_of(parts: Sequence[Questions], max_nodes: int | None = None) -> Inputs:
    """What a model must be able to read to answer these questions."""
    return Inputs(
        directed=any(q.directed for q in parts),
        weighted=any(q.weighted for q in parts),
        words=any(q.words for q in parts),
        max_nodes=max_nodes or max(int(q.sizes.max(initial=1)) for q in parts),
    )


def solution_text(example: Example, solution: Any) -> str:
    """A solution in the words of the example's task, as its answer would state it."""
    record = json.loads(example.graph)
    query = question_query(example, record)
    if example.answer_kind == "label":
        solution = query.classes[int(solution)]
    return TASKS[example.task].say(solution, record["nodes"], query)


def _mean(views: Sequence[Sequence[Outputs]]) -> list[Outputs]:
    """The outputs averaged over several readings of the same batch."""
    return [
        Outputs(task[0].entries, torch.stack([output.values for output in task]).mean(0))
        for task in zip(*views, strict=True)
    ]
