"""How a graph becomes tokens: a registry of its own, since it decides more than the model that reads them.

Nodes are known by labels: rows of one embedding, dealt out at random in training, so that a label means
nothing but itself. Tokens carry no order unless the model adds positions.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from graph_models.config import TransformerConfig
from graph_models.data import Batch
from graph_models.gnn import Inputs


class GraphTokens(nn.Module):
    """Vectors of nodes and edges, from which a tokenization takes its tokens.

    embedding: (labels, width), to which questions and answers are tied as well.
    """

    def __init__(self, config: TransformerConfig, inputs: Inputs) -> None:
        super().__init__()
        width = config.width
        self.embedding = nn.Embedding(inputs.max_nodes, width)
        self.word = nn.Embedding(3, width) if inputs.words else None
        self.kind = nn.Parameter(torch.randn(2, width) * 0.02)  # tells tokens of nodes from those of edges
        self.arriving = nn.Linear(width, width, bias=False)
        self.leaving = nn.Linear(width, width, bias=False) if inputs.directed else None
        self.weight = nn.Linear(1, width, bias=False) if inputs.weighted else None
        self.tokens = TOKENS[config.tokens]

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(G, T, width) tokens, padded, and (G, T) which of them are there."""
        parts = self.tokens(self, batch)
        vectors, graphs = torch.cat([v for v, _ in parts]), torch.cat([g for _, g in parts])
        order = torch.argsort(graphs, stable=True)
        return padded(vectors[order], torch.bincount(graphs, minlength=len(batch.sizes)))

    def nodes(self, batch: Batch) -> Tensor:
        """(N, width)."""
        out: Tensor = self.embedding(batch.labels)
        return out if self.word is None else out + self.word(batch.words + 1)

    def weights(self, batch: Batch, arcs: Tensor) -> Tensor | float:
        return 0.0 if self.weight is None else self.weight(batch.weights[arcs, None])

    def edges(self, batch: Batch) -> Tensor:
        """Which arcs stand for edges: every arc of a directed graph, one of the two of an undirected edge."""
        if batch.directed:
            return torch.arange(len(batch.sources), device=batch.sources.device)
        return (batch.sources <= batch.targets).nonzero()[:, 0]


def padded(rows: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Rows of one graph after the other as (G, T, width) with zeros, and (G, T) where there are rows.

    >>> padded(torch.tensor([[5.0], [6.0], [7.0]]), torch.tensor([1, 2]))[0].squeeze(-1).tolist()
    [[5.0, 0.0], [6.0, 7.0]]
    """
    inside = torch.arange(int(lengths.max()), device=rows.device) < lengths[:, None]
    out = rows.new_zeros(*inside.shape, rows.shape[1])
    out[inside] = rows
    return out, inside


Parts = list[tuple[Tensor, Tensor]]
"""Tokens (k, width) and the graph of each, (k,)."""


def vertices(model: GraphTokens, batch: Batch) -> Parts:
    """One token for each node: its label."""
    return [(model.nodes(batch) + model.kind[0], batch.node_graphs)]


def edge_tokens(model: GraphTokens, batch: Batch) -> Parts:
    """One token for each edge: the sum of its ends."""
    arcs = model.edges(batch)
    nodes = model.nodes(batch)
    target = nodes if model.leaving is None else model.leaving(nodes)
    sums = nodes[batch.sources[arcs]] + target[batch.targets[arcs]] + model.weights(batch, arcs)
    return [(sums + model.kind[1], batch.node_graphs[batch.sources[arcs]])]


def rows(model: GraphTokens, batch: Batch) -> Parts:
    """One token for each node, which holds its row of the adjacency matrix: the sum of its neighbours'
    labels under a linear map (Yehudai et al. 2025, arXiv 2503.01805).
    """
    nodes = model.nodes(batch)
    arcs = torch.arange(len(batch.sources), device=nodes.device)
    maps = [(model.arriving, batch.sources, batch.targets)]
    if model.leaving is not None:
        maps.append((model.leaving, batch.targets, batch.sources))
    out = nodes + model.kind[0]
    for linear, start, end in maps:
        messages = linear(nodes)[start] + model.weights(batch, arcs)
        out = out + torch.zeros_like(out).index_add(0, end, messages.to(out.dtype))
    return [(out, batch.node_graphs)]


def pairs(model: GraphTokens, batch: Batch) -> Parts:
    """Two tokens for each edge, its ends, one edge after the other: which two belong together is known only
    with positions, and a node without edges has no token.
    """
    arcs = model.edges(batch)
    ends = torch.stack([batch.sources[arcs], batch.targets[arcs]], 1).reshape(-1)
    weights = model.weights(batch, arcs.repeat_interleave(2))
    return [(model.nodes(batch)[ends] + weights + model.kind[1], batch.node_graphs[ends])]


TOKENS: dict[str, Callable[[GraphTokens, Batch], Parts]] = {
    "edges": lambda model, batch: vertices(model, batch) + edge_tokens(model, batch),
    "rows": rows,
    "rows_and_edges": lambda model, batch: rows(model, batch) + edge_tokens(model, batch),
    "pairs": pairs,
}


def positions(tokens: Tensor) -> Tensor:
    """Sinusoidal positions (Vaswani et al. 2017) for (G, T, width) tokens, of any length."""
    length, width = tokens.shape[1:]
    rates = torch.exp(-torch.arange(0, width, 2, device=tokens.device) / width * 9.2)
    angles = torch.arange(length, device=tokens.device)[:, None] * rates
    return torch.cat([angles.sin(), angles.cos()], 1)[:, :width]
