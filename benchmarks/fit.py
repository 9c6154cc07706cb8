"""How fast models that read graphs learn: `make bench-fit`.

Two pairs, each system in a process of its own with one thread, one after another; seconds are processor time
of training steps, validation is not counted.

- A GIN of 6 layers of 64 on one task: a stock torch_geometric loop (DataLoader of Data, GINConv, Adam)
  against `graphtalk fit gin`, by examples a second. Both have the same layers, marks and readout.
- A transformer on all eight tasks: a stock loop (DataLoader with random batches, tokens of vertices and
  edges, one question a row, nn.TransformerEncoder of the same depth and width, AdamW) against
  `graphtalk fit transformer`, by the time until the validation loss is what the stock loop has at the end.
"""

import argparse
import itertools
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

TASKS = (
    "node_count,edge_count,edge_existence,node_degree,reachability,cycle_check,shortest_path,"
    "triangle_counting"
)
STOCK_GIN, OUR_GIN = "stock torch_geometric loop", "graphtalk fit gin"
STOCK_TRANSFORMER, OUR_TRANSFORMER = "stock nn.TransformerEncoder loop", "graphtalk fit transformer"
WIDTH, DEPTH, HEADS = 128, 4, 4  # of both transformers
Step = Callable[[], int]
"""Take one training step; the number of examples in it."""
Loss = Callable[[], float]
"""The mean loss of the validation questions."""


def stock_gin(train: Sequence[Any], _: Sequence[Any]) -> tuple[Any, Step, Loss]:
    import torch
    from torch import nn
    from torch_geometric.data import Data
    from torch_geometric.loader import DataLoader
    from torch_geometric.nn import GINConv, global_add_pool

    from data_builders.graphs.graph import graph_from_record
    from data_builders.tasks import TASKS as SOLVERS
    from graph_models.data import question_query
    from graph_models.gnn import perceptron

    def record(example: Any) -> Data:
        graph = graph_from_record(json.loads(example.graph))
        marks = torch.zeros(graph.n, 3)
        marks[:, 0] = 1
        marks[example.query, [1, 2]] = 1
        edges = torch.tensor(graph.edges, dtype=torch.long).reshape(-1, 2).T
        distance = SOLVERS[example.task].solve(graph, question_query(example, json.loads(example.graph)))
        return Data(
            x=marks,
            edge_index=torch.cat([edges, edges.flip(0)], 1),
            query_index=torch.tensor(example.query),
            y=torch.tensor([0 if distance is None else distance]),
        )

    class Gin(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = nn.Linear(3, 64)
            self.layers = nn.ModuleList(GINConv(perceptron(64, 64), train_eps=True) for _ in range(6))
            self.norms = nn.ModuleList(nn.LayerNorm(64) for _ in range(6))
            self.readout = nn.Sequential(nn.Linear(192, 64), nn.ReLU(), nn.Linear(64, 20))

        def forward(self, data: Any) -> Any:
            states = self.features(data.x)
            for layer, norm in zip(self.layers, self.norms, strict=True):
                states = states + norm(layer(states, data.edge_index))
            asked = states[data.query_index.reshape(-1, 2)].flatten(1)
            return self.readout(torch.cat([global_add_pool(states, data.batch), asked], 1))

    model = Gin()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    loader = DataLoader([record(e) for e in train], batch_size=32, shuffle=True)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))

    def step() -> int:
        data = next(batches)
        optimizer.zero_grad()
        loss = nn.functional.cross_entropy(model(data), data.y)
        loss.backward()
        optimizer.step()
        return len(data.y)

    return model, step, lambda: 0.0


def stock_transformer(train: Sequence[Any], validation: Sequence[Any]) -> tuple[Any, Step, Loss]:
    import torch
    from torch import nn
    from torch.nn.utils.rnn import pad_sequence
    from torch.utils.data import DataLoader

    from graph_models.data import Questions
    from graph_models.heads import HEADS as LOSSES
    from graph_models.heads import targets

    tasks = TASKS.split(",")
    goals = targets(Questions(train, tasks), tasks, "regression")
    padding = 20  # the label that stands for no node

    def record(example: Any, answer: float) -> tuple[Any, ...]:
        graph = json.loads(example.graph)
        nodes = [[u, padding] for u in range(len(graph["nodes"]))]
        ends = torch.tensor([*nodes, *graph["edges"]])
        return ends, torch.tensor([*example.query, padding, padding][:2]), tasks.index(example.task), answer

    def records(examples: Sequence[Any]) -> list[tuple[Any, ...]]:
        answers = Questions(examples, tasks).answers.tolist()
        return [record(*both) for both in zip(examples, answers, strict=True)]

    def collate(rows: list[tuple[Any, ...]]) -> tuple[Any, ...]:
        deals = torch.rand(len(rows), padding).argsort(1)
        deals = torch.cat([deals, torch.full((len(rows), 1), padding)], 1)
        ends = [deal[row[0]] for deal, row in zip(deals, rows, strict=True)]
        query = torch.stack([deal[row[1]] for deal, row in zip(deals, rows, strict=True)])
        task, answer = (torch.tensor([row[i] for row in rows]) for i in (2, 3))
        return pad_sequence(ends, batch_first=True, padding_value=padding), query, task, answer

    class Transformer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.label = nn.Embedding(padding + 1, WIDTH, padding_idx=padding)
            self.kind = nn.Embedding(2, WIDTH)
            self.task = nn.Embedding(len(tasks), WIDTH)
            self.source, self.target = nn.Linear(WIDTH, WIDTH), nn.Linear(WIDTH, WIDTH)
            layer = nn.TransformerEncoderLayer(
                WIDTH, HEADS, 3 * WIDTH, dropout=0.0, batch_first=True, norm_first=True
            )
            self.layers = nn.TransformerEncoder(layer, DEPTH, nn.LayerNorm(WIDTH), enable_nested_tensor=False)
            self.heads = nn.ModuleList(nn.Linear(WIDTH, goal.classes) for goal in goals)

        def forward(self, ends: Any, query: Any, task: Any) -> Any:
            graph = self.label(ends).sum(2) + self.kind((ends[..., 1] < padding).long())
            first, second = self.label(query).unbind(1)
            question = self.task(task) + self.source(first) + self.target(second)
            states = torch.cat([question[:, None], graph], 1)
            absent = nn.functional.pad(ends[..., 0] == padding, (1, 0), value=False)
            return self.layers(states, src_key_padding_mask=absent)[:, 0]

    model = Transformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    loader = DataLoader(records(train), batch_size=64, shuffle=True, collate_fn=collate)
    batches = itertools.chain.from_iterable(itertools.repeat(loader))
    held_out = DataLoader(records(validation), batch_size=64, collate_fn=collate)

    def total(rows: tuple[Any, ...]) -> Any:
        ends, query, task, answer = rows
        out, loss = model(ends, query, task), torch.zeros(())
        for number, (goal, head) in enumerate(zip(goals, model.heads, strict=True)):
            which = task == number
            loss = loss + LOSSES[goal.kind].loss(head(out[which]), answer[which], goal).sum()
        return loss

    def step() -> int:
        rows = next(batches)
        optimizer.zero_grad()
        (total(rows) / len(rows[2])).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return len(rows[2])

    def loss() -> float:
        with torch.no_grad():
            return sum(float(total(rows)) for rows in held_out) / len(validation)

    return model, step, loss


def ours(train: Sequence[Any], validation: Sequence[Any], keys: dict[str, Any]) -> tuple[Any, Step, Loss]:
    import numpy as np
    import torch

    from graph_models.config import load_config
    from graph_models.data import Questions
    from graph_models.graph_model import GraphModel, inputs_of
    from graph_models.heads import targets
    from graph_models.train import make_optimizer, steps, take_step

    config = load_config(None, {"dataset": ".", "output_dir": ".", "steps": 10**6, "warmup": 1e-4, **keys})
    tasks = list(dict.fromkeys(e.task for e in train))
    questions, held_out = Questions(train, tasks), Questions(validation, tasks)
    model = GraphModel(config, inputs_of([questions, held_out], 20), targets(questions, tasks, config.counts))
    optimizer = make_optimizer(model, config)
    order = steps(questions, config, 0)

    def step() -> int:
        number, graphs = next(order)
        take_step(model, optimizer, questions, graphs, config, number)
        return questions.count(graphs)

    def loss() -> float:
        with torch.no_grad():
            parts = np.array_split(np.arange(len(held_out)), 8)
            total = sum(float(model.loss(model.batch(held_out, part))) for part in parts)
        return total / len(validation)

    return model, step, loss


SYSTEMS: dict[str, Callable[[Sequence[Any], Sequence[Any]], tuple[Any, Step, Loss]]] = {
    STOCK_GIN: stock_gin,
    OUR_GIN: lambda train, check: ours(train, check, {"model": "gin", "depth": 6, "batch_size": 32}),
    STOCK_TRANSFORMER: stock_transformer,
    OUR_TRANSFORMER: lambda train, check: ours(
        train,
        check,
        {
            "model": "transformer",
            "tokens": "rows",
            "width": WIDTH,
            "depth": DEPTH,
            "heads": HEADS,
            "batch_size": 16,
        },
    ),
}


def measure(name: str, folder: Path, seconds: float, every: float, target: float | None) -> dict[str, Any]:
    """Train for some seconds, or until the validation loss is the target's: examples a second, and the loss
    at each time.
    """
    import torch

    from data_builders.example import load_examples

    torch.set_num_threads(1)
    torch.manual_seed(0)
    tasks = ["shortest_path"] if name in (STOCK_GIN, OUR_GIN) else None
    train, check = (load_examples(folder, tasks, split) for split in ("train", "validation"))
    model, step, loss = SYSTEMS[name](train, check)
    for _ in range(3):  # the first steps allocate
        step()
    spent, examples, curve = 0.0, 0, [(0.0, loss())]
    while spent < seconds and (target is None or curve[-1][1] > target):
        begin = time.process_time()
        examples += step()
        spent += time.process_time() - begin
        if spent >= min(curve[-1][0] + every, seconds):
            curve.append((spent, loss()))
    size = sum(p.numel() for p in model.parameters())
    return {"rate": examples / spent, "curve": curve[1:], "parameters": size}


def results(folder: Path, graphs: int, seconds: float) -> Iterator[tuple[str, dict[str, Any]]]:
    """The measurements of each system, in the order of SYSTEMS."""
    from data_builders.building.build import build
    from data_builders.building.config import load_config

    sizes = {"train": graphs, "validation": 100, "test": 0}
    build(load_config(None, {"tasks": TASKS, "generators": "er", **sizes}), folder)
    target = None
    for name in SYSTEMS:
        every = seconds / (30 if name == OUR_TRANSFORMER else 2)
        wanted = json.dumps(target if name == OUR_TRANSFORMER else None)
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.fit", "--seconds", str(seconds), "--every", str(every),
             "--one", name, str(folder), wanted],
            capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"}, check=False,
        )  # fmt: skip
        if run.returncode:
            sys.exit(run.stderr[-3000:])
        found = json.loads(run.stdout.splitlines()[-1])
        target = found["curve"][-1][1] if name == STOCK_TRANSFORMER else target
        yield name, found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, help="processor time of each; ours gets no more"
    )
    parser.add_argument("--graphs", type=int, default=5000, help="graphs to train on")
    parser.add_argument("--every", type=float, help=argparse.SUPPRESS)
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)  # name, dataset, target: one system
    given = parser.parse_args()
    if given.one:
        name, folder, target = given.one
        print(json.dumps(measure(name, Path(folder), given.seconds, given.every, json.loads(target))))
        return
    names = ("torch", "torch_geometric")
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in names)
    load = os.getloadavg()[0]
    print(f"{platform.machine()}, {os.cpu_count()} cores, load {load:.1f}, {versions}; one thread")
    print(f"{'':34} {'parameters':>10} {'examples/s':>10} {'of':>5} {'loss':>7} {'to equal':>9} {'of':>5}")
    rate, slowest = 0.0, 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, found in results(Path(folder) / "d", given.graphs, given.seconds):
            seconds, loss = found["curve"][-1]
            if name in (STOCK_GIN, STOCK_TRANSFORMER):
                rate, slowest, target = found["rate"], seconds, loss
            row = f"{name:34} {found['parameters']:10,} {found['rate']:10.0f} {found['rate'] / rate:5.1f}"
            if name in (STOCK_TRANSFORMER, OUR_TRANSFORMER):
                reached = f"{seconds:8.1f}s {slowest / seconds:5.1f}" if loss <= target else "not in time"
                row += f" {loss:7.4f} {reached}"
            print(row, flush=True)


if __name__ == "__main__":
    main()
