"""Graph neural networks: GCN, GIN, MPNN, GAT and GPS, in one frame.

Every graph of a batch has one question, whose nodes are marked: the labelling trick of Zhang et al. 2021
(arXiv 2010.16103), without which two nodes of one orbit cannot be asked about.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graph_models.config import AttentionGnnConfig, GnnConfig
from graph_models.data import Batch


class Inputs(NamedTuple):
    """What the data decide about a model: whether graphs are directed, weighted or labelled with words, and
    how many nodes the largest may have.
    """

    directed: bool = False
    weighted: bool = False
    words: bool = False
    max_nodes: int = 0


class SparseSum(torch.autograd.Function):
    """A product with a CSR matrix, whose gradient is the product with the transpose.

    PyTorch's own gradient of a CSR product takes four times as long.
    """

    @staticmethod
    def forward(context: Any, matrix: Tensor, transposed: Tensor, states: Tensor) -> Tensor:
        context.transposed = transposed
        return matrix @ states

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, context.transposed @ gradients[0].contiguous()


class Arcs:
    """The arcs of a batch, along which layers send messages; flipped: against their directions."""

    def __init__(self, batch: Batch, flipped: bool = False) -> None:
        ends = batch.sources, batch.targets
        self.sources, self.targets = ends[::-1] if flipped else ends
        self.weights, self.node_graphs, self.directed = batch.weights, batch.node_graphs, batch.directed

    @cached_property
    def index(self) -> Tensor:
        """(2, E) sources and targets, as torch_geometric wants them."""
        return torch.stack([self.sources, self.targets])

    @cached_property
    def _matrices(self) -> tuple[Tensor, Tensor]:
        """The (N, N) adjacency matrix whose row u sums over the arcs that end in u, and its transpose."""
        arriving = self._matrix(self.targets, self.sources)
        return arriving, self._matrix(self.sources, self.targets) if self.directed else arriving

    def _matrix(self, rows: Tensor, columns: Tensor) -> Tensor:
        count = len(self.node_graphs)
        if self.directed:
            order = torch.argsort(rows, stable=True)
            rows, columns = rows[order], columns[order]
        ends = F.pad(torch.bincount(rows, minlength=count).cumsum(0), (1, 0))
        ones = torch.ones(len(rows), device=rows.device)
        # a product takes a third less time with numbers of 32 bits, as MKL has them
        return torch.sparse_csr_tensor(
            ends.int(), columns.int(), ones, (count, count), check_invariants=False
        )

    def sum(self, states: Tensor) -> Tensor:
        """(N, width) -> (N, width): at each node the sum of the states from which an arc comes."""
        out: Tensor = SparseSum.apply(*self._matrices, states)  # type: ignore[no-untyped-call]
        return out

    def collect(self, messages: Tensor) -> Tensor:
        """(E, width) -> (N, width): at each node the sum of the messages of the arcs that end there."""
        out = messages.new_zeros(len(self.node_graphs), messages.shape[1])
        return out.index_add(0, self.targets, messages)


def perceptron(inputs: int, width: int) -> nn.Sequential:
    """Two linear layers with a rectifier between them."""
    return nn.Sequential(nn.Linear(inputs, width), nn.ReLU(), nn.Linear(width, width))


class Gin(nn.Module):
    """h_u <- MLP((1 + e) h_u + sum of h_v over neighbours v), Xu et al. 2019 (arXiv 1810.00826).

    Where edges have weights, the sum is of relu(h_v + W weight), as in GINE (Hu et al. 2020, arXiv
    1905.12265).
    """

    def __init__(self, config: GnnConfig, inputs: Inputs) -> None:
        super().__init__()
        self.mlp = perceptron(config.width, config.width)
        self.own = nn.Parameter(torch.zeros(()))
        self.weight = nn.Linear(1, config.width) if inputs.weighted else None

    def forward(self, states: Tensor, arcs: Arcs) -> Tensor:
        if self.weight is None:
            total = arcs.sum(states)
        else:
            total = arcs.collect(F.relu(states[arcs.sources] + self.weight(arcs.weights[:, None])))
        out: Tensor = self.mlp((1 + self.own) * states + total)
        return out


class Mpnn(nn.Module):
    """h_u <- MLP(h_u, sum of MLP(h_v, h_u, weight) over neighbours v), Gilmer et al. 2017
    (arXiv 1704.01212).
    """

    def __init__(self, config: GnnConfig, inputs: Inputs) -> None:
        super().__init__()
        self.source = nn.Linear(config.width, config.width)
        self.target = nn.Linear(config.width, config.width, bias=False)
        self.weight = nn.Linear(1, config.width, bias=False) if inputs.weighted else None
        self.message = nn.Linear(config.width, config.width)
        self.mlp = perceptron(2 * config.width, config.width)

    def forward(self, states: Tensor, arcs: Arcs) -> Tensor:
        hidden = self.source(states)[arcs.sources] + self.target(states)[arcs.targets]
        if self.weight is not None:
            hidden = hidden + self.weight(arcs.weights[:, None])
        total = arcs.collect(self.message(F.relu(hidden)))
        out: Tensor = self.mlp(torch.cat([states, total], 1))
        return out


class Geometric(nn.Module):
    """A convolution of torch_geometric, with a rectifier after it."""

    def __init__(self, convolution: nn.Module, arguments: Callable[[Arcs], dict[str, Tensor]]) -> None:
        super().__init__()
        self.convolution, self.arguments = convolution, arguments

    def forward(self, states: Tensor, arcs: Arcs) -> Tensor:
        return F.relu(self.convolution(states, arcs.index, **self.arguments(arcs)))


# torch_geometric is imported where it is used: that takes seconds, which GIN need not wait for.


def gcn(config: GnnConfig, inputs: Inputs) -> nn.Module:
    """Kipf and Welling 2017 (arXiv 1609.02907): means by degree, with a loop at each node."""
    from torch_geometric.nn import GCNConv

    convolution = GCNConv(config.width, config.width)
    return Geometric(convolution, lambda arcs: {"edge_weight": arcs.weights} if inputs.weighted else {})


def gat(config: AttentionGnnConfig, inputs: Inputs) -> nn.Module:
    """GATv2, Brody et al. 2022 (arXiv 2105.14491): each node weighs its neighbours by attention."""
    from torch_geometric.nn import GATv2Conv

    width, heads = config.width, config.heads
    edges = 1 if inputs.weighted else None
    convolution = GATv2Conv(width, width // heads, heads, edge_dim=edges, dropout=config.dropout)
    return Geometric(convolution, lambda arcs: {"edge_attr": arcs.weights[:, None]} if edges else {})


def gps(config: AttentionGnnConfig, inputs: Inputs) -> nn.Module:
    """Rampášek et al. 2022 (arXiv 2205.12454): GIN and attention over all nodes, side by side."""
    from torch_geometric.nn import GINConv, GINEConv, GPSConv

    width = config.width
    mlp = perceptron(width, width)
    local = GINEConv(mlp, edge_dim=1) if inputs.weighted else GINConv(mlp)
    convolution = GPSConv(
        width, local, config.heads, config.dropout, norm="layer_norm", norm_kwargs={"mode": "node"}
    )

    def arguments(arcs: Arcs) -> dict[str, Tensor]:
        weights = {"edge_attr": arcs.weights[:, None]} if inputs.weighted else {}
        return {"batch": arcs.node_graphs, **weights}

    return Geometric(convolution, arguments)


LAYERS: dict[str, Callable[[Any, Inputs], nn.Module]] = {
    "gcn": gcn,
    "gin": Gin,
    "mpnn": Mpnn,
    "gat": gat,
    "gps": gps,
}


class Gnn(nn.Module):
    """Node features, message passing, and one vector for the question of each graph.

    Invariant: the answer does not change where nodes are numbered otherwise, unless `identity` is set.
    """

    copies = True  # of a graph, one for each of its questions
    random_labels, relabellings, bf16 = False, 1, False

    def __init__(self, config: GnnConfig, inputs: Inputs, tasks: int) -> None:
        super().__init__()
        self.config, self.inputs = config, inputs
        width = config.width
        features = 1 + 2 * config.mark_queries + 2 * inputs.words + config.laplacian
        self.features = nn.Linear(features, width, bias=False)
        self.identity = nn.Embedding(inputs.max_nodes, width) if config.identity else None
        layer = LAYERS[config.model]
        self.layers = nn.ModuleList(layer(config, inputs) for _ in range(config.depth))
        # Directed graphs are read along their arcs and against them: the answer may depend on both.
        self.back = nn.ModuleList(layer(config, inputs) for _ in range(config.depth * inputs.directed))
        norm = {"layer": nn.LayerNorm, "batch": nn.BatchNorm1d, "none": nn.Identity}[config.norm]
        self.norms = nn.ModuleList(norm(width) for _ in range(config.depth))
        read = width * (3 if config.query_readout else 1)
        self.readout = nn.Sequential(nn.Linear(read, width), nn.ReLU(), nn.Linear(width, width))
        self.direct = nn.Linear(read, width, bias=False)  # lets counts grow with the sum, as a count does

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors of the questions (Q, width), and of the nodes that a set may hold (P, width)."""
        arcs = Arcs(batch)
        back = Arcs(batch, flipped=True)
        states = self._features(batch)
        for number, (layer, norm) in enumerate(zip(self.layers, self.norms, strict=True)):
            update = layer(states, arcs)
            if self.back:
                update = update + self.back[number](states, back)
            update = F.dropout(norm(update), self.config.dropout, self.training)
            states = states + update if self.config.residual else update
        read = [self._pool(states, batch)]
        if self.config.query_readout:
            padded = F.pad(states, (0, 0, 0, 1))  # the row -1 of zeros is for questions of fewer nodes
            read += [padded[batch.query[:, 0]], padded[batch.query[:, 1]]]
        together = torch.cat(read, 1)
        return self.readout(together) + self.direct(together), states[batch.set_nodes]

    def _features(self, batch: Batch) -> Tensor:
        count = len(batch.node_graphs)
        columns = [torch.ones(count, 1, device=batch.sizes.device)]
        if self.config.mark_queries:
            marks = torch.zeros(count + 1, 2, device=batch.sizes.device)
            marks[batch.query, torch.arange(2, device=batch.sizes.device)] = 1
            columns.append(marks[:-1])
        if self.inputs.words:
            columns.append((batch.words[:, None] == torch.arange(2, device=batch.sizes.device)).float())
        if self.config.laplacian:
            columns.append(batch.laplacian)
        states: Tensor = self.features(torch.cat(columns, 1))
        if self.identity is not None:
            states = states + self.identity(batch.labels)
        return states

    def _pool(self, states: Tensor, batch: Batch) -> Tensor:
        out = states.new_zeros(len(batch.sizes), states.shape[1])
        if self.config.pooling == "max":
            index = batch.node_graphs[:, None].expand_as(states)
            return out.scatter_reduce(0, index, states, "amax", include_self=False)
        total = out.index_add(0, batch.node_graphs, states)
        return total / batch.sizes[:, None] if self.config.pooling == "mean" else total
