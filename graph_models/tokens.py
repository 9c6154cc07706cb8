"""How a graph becomes tokens: a registry of its own, since it decides more than the model that reads them.

Nodes are known by labels: rows of one embedding, dealt out at random in training, so that a label means
nothing but itself. Tokens carry no order unless the model adds positions.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graph_models.config import TransformerConfig
from graph_models.data import Batch
from graph_models.gnn import Inputs


class Tokens(NamedTuple):
    """Tokens of the graphs of a batch, of one kind or, padded, of all.

    vectors: (k, width), or (G, T, width) with zeros behind each graph's last. graphs: (k,) the graph of each.
    nodes: (k,) or (G, T) the node that a token stands for, -1 for none. ends: (k, 2) or (G, T, 2) the ends of
    the edge that it stands for, -1 for none.
    """

    vectors: Tensor
    graphs: Tensor
    nodes: Tensor
    ends: Tensor


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

    def forward(self, batch: Batch) -> tuple[Tokens, Tensor]:
        """The tokens of all kinds, padded, and (G, T) which of them are there."""
        vectors, graphs, nodes, ends = (
            torch.cat(parts) for parts in zip(*self.tokens(self, batch), strict=True)
        )
        order = torch.argsort(graphs, stable=True)
        lengths = torch.bincount(graphs, minlength=len(batch.sizes))
        out, inside = padded(vectors[order], lengths)
        numbers = padded(torch.cat([nodes[:, None], ends], 1)[order] + 1, lengths)[0] - 1
        return Tokens(out, graphs[order], numbers[..., 0], numbers[..., 1:]), inside

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


Parts = list[Tokens]


def of_nodes(vectors: Tensor, nodes: Tensor, batch: Batch) -> Tokens:
    """Tokens that stand for nodes."""
    return Tokens(vectors, batch.node_graphs[nodes], nodes, torch.full((len(nodes), 2), -1).to(nodes))


def vertices(model: GraphTokens, batch: Batch) -> Parts:
    """One token for each node: its label."""
    nodes = model.nodes(batch)
    return [of_nodes(nodes + model.kind[0], torch.arange(len(nodes), device=nodes.device), batch)]


def edge_tokens(model: GraphTokens, batch: Batch) -> Parts:
    """One token for each edge: the sum of its ends."""
    arcs = model.edges(batch)
    nodes = model.nodes(batch)
    target = nodes if model.leaving is None else model.leaving(nodes)
    ends = torch.stack([batch.sources[arcs], batch.targets[arcs]], 1)
    sums = nodes[ends[:, 0]] + target[ends[:, 1]] + model.weights(batch, arcs)
    none = torch.full_like(arcs, -1)
    return [Tokens(sums + model.kind[1], batch.node_graphs[ends[:, 0]], none, ends)]


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
    return [of_nodes(out, torch.arange(len(nodes), device=nodes.device), batch)]


def pairs(model: GraphTokens, batch: Batch) -> Parts:
    """Two tokens for each edge, its ends, one edge after the other: which two belong together is known only
    with positions, and a node without edges has no token.
    """
    arcs = model.edges(batch)
    ends = torch.stack([batch.sources[arcs], batch.targets[arcs]], 1).reshape(-1)
    weights = model.weights(batch, arcs.repeat_interleave(2))
    return [of_nodes(model.nodes(batch)[ends] + weights + model.kind[1], ends, batch)]


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


WAYS = 8  # of touching


def touching(batch: Batch, tokens: Tokens, length: int) -> Tensor:
    """(G, T + Q, T + Q, WAYS) 0 or 1, how the T tokens of a graph and those of its questions touch.

    A way each: nodes, the first of which an arc reaches from the second; the same against the arc; a node and
    the first end of an edge; a node and its second end, which in a graph without directions is the first way
    again; a question and what has the first node that it names; the same with the second node; a question and
    the nodes to which an arc leads from the first; and those from which one leads to the second.

    length: Q, tokens of the questions of each graph, of which there are as many for each question.
    """
    graphs, count = len(batch.sizes), int(batch.sizes.max())
    local = torch.arange(len(batch.node_graphs), device=batch.sizes.device) - batch.starts[batch.node_graphs]
    local = F.pad(local, (0, 1), value=count)  # the number -1 of no node is read as one beyond all nodes

    def marks(nodes: Tensor) -> Tensor:
        """(G, k) numbers of nodes -> (G, k, count) one-hot, zeros for -1."""
        return F.one_hot(local[nodes], count + 1)[..., :-1].float()

    adjacency = torch.zeros(graphs, count, count, device=local.device)
    adjacency[batch.node_graphs[batch.targets], local[batch.targets], local[batch.sources]] = 1
    node, first, second = marks(tokens.nodes), marks(tokens.ends[..., 0]), marks(tokens.ends[..., 1])
    if not batch.directed:
        first = second = first + second
    reached = node @ adjacency @ node.mT
    ways = [reached, reached.mT, *(node @ end.mT + end @ node.mT for end in (first, second))]
    size = tokens.nodes.shape[1]
    out = torch.zeros(graphs, size + length, size + length, WAYS, device=local.device)
    out[:, :size, :size, :4] = torch.stack(ways, -1)
    query = padded(batch.query + 1, torch.bincount(batch.graphs, minlength=graphs))[0] - 1
    query = query.repeat_interleave(length // query.shape[1], 1)
    has = node + first + (second if batch.directed else 0)
    for way, arcs in enumerate((adjacency.mT, adjacency)):
        named = marks(query[..., way])
        out[:, size:, :size, 4 + way] = named @ has.mT
        out[:, size:, :size, 6 + way] = named @ arcs @ node.mT
    return out
