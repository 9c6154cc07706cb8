"""PPGN: a network over pairs of nodes, which can count triangles where message passing cannot.

Provably powerful graph network (Maron et al. 2019, arXiv 1905.11136): each layer multiplies two maps of the
pairs' states as matrices, which is as strong as the 2-FWL test. The product is gated by the pair's own state,
as in the triangle multiplication of AlphaFold 2 (Jumper et al. 2021), and nothing is squashed: an arc times
the number of two-step paths between its ends is the number of triangles on it, a polynomial that one layer
can hold exactly and a rectifier could only approximate.
"""

import torch
from torch import Tensor, nn

from graph_models.config import PpgnConfig
from graph_models.data import Batch
from graph_models.gnn import Inputs, perceptron

SCALE = 0.25  # of a product, so that states of graphs of a dozen nodes stay of one size


class Layer(nn.Module):
    """X <- X + W ((L X) (R X) * (G X)): the product sums over the node between, the star is by entry."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.left, self.right, self.gate, self.mix = (nn.Linear(width, width, bias=False) for _ in range(4))

    def forward(self, states: Tensor) -> Tensor:
        """(G, n, n, width) -> the same."""
        left, right = (linear(states).permute(0, 3, 1, 2) for linear in (self.left, self.right))
        product = (left @ right).permute(0, 2, 3, 1) * SCALE
        out: Tensor = states + SCALE * self.mix(product * self.gate(states))
        return out


class Ppgn(nn.Module):
    """States of pairs of nodes, sums over them, and one vector for the question of each graph.

    Takes n x n x width numbers and n^3 steps for a graph of n nodes. Invariant under renumbering.
    """

    copies = True  # of a graph, one for each of its questions
    random_labels, relabellings, bf16 = False, 1, False

    def __init__(self, config: PpgnConfig, inputs: Inputs) -> None:
        super().__init__()
        self.inputs = inputs
        width = config.width
        self.features = nn.Linear(5 + inputs.directed + inputs.weighted + 2 * inputs.words, width)
        self.layers = nn.ModuleList(Layer(width) for _ in range(config.depth))
        self.direct = nn.Linear(5 * width, width, bias=False)
        self.readout = nn.Sequential(nn.LayerNorm(5 * width), perceptron(5 * width, width))
        self.node = nn.Linear(3 * width, width)

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors of the questions (Q, width), and of the nodes that a set may hold (P, width)."""
        inside = torch.arange(int(batch.sizes.max()), device=batch.sizes.device) < batch.sizes[:, None]
        pairs = (inside[:, :, None] & inside[:, None]).float()[..., None]
        states = self.features(self._features(batch, pairs)) * pairs
        for layer in self.layers:
            states = layer(states) * pairs
        diagonal = states.diagonal(dim1=1, dim2=2).mT  # (G, n, width)
        source, target, asked = self._query(batch)
        graph = torch.arange(len(source), device=source.device)
        read = [
            diagonal.sum(1),
            states.sum((1, 2)),
            diagonal[graph, source] * asked[:, :1],
            diagonal[graph, target] * asked[:, 1:],
            states[graph, source, target] * asked[:, 1:],
        ]
        together = torch.cat(read, 1) * 0.1
        place = batch.set_questions
        node = batch.set_nodes - batch.starts[place]
        ends = states[place, source[place], node], states[place, node, source[place]], diagonal[place, node]
        return self.direct(together) + self.readout(together), self.node(torch.cat(ends, 1))

    def _features(self, batch: Batch, pairs: Tensor) -> Tensor:
        """(G, n, n, features): arcs, the diagonal, all pairs, the marks of the asked nodes, and what else the
        dataset has.
        """
        count, n = pairs.shape[:2]
        graph = batch.node_graphs[batch.targets]
        where = graph, batch.targets - batch.starts[graph], batch.sources - batch.starts[graph]
        arcs, weights, marks = torch.zeros(3, count, n, n, device=pairs.device)
        arcs[where], weights[where] = 1, batch.weights
        diagonal = torch.eye(n, device=pairs.device) * pairs[..., 0]
        source, target, asked = self._query(batch)
        rows = torch.arange(count, device=pairs.device)
        other = torch.zeros_like(marks)
        marks[rows, source, source] = asked[:, 0]
        other[rows, target, target] = asked[:, 1]
        columns = [arcs, diagonal, pairs[..., 0], marks, other]
        if self.inputs.directed:
            columns.append(arcs.mT)
        if self.inputs.weighted:
            columns.append(weights)
        if self.inputs.words:
            local = torch.arange(len(batch.words), device=pairs.device) - batch.starts[batch.node_graphs]
            for word in (0, 1):
                labelled = torch.zeros_like(arcs)
                labelled[batch.node_graphs, local, local] = (batch.words == word).float()
                columns.append(labelled)
        return torch.stack(columns, -1)

    def _query(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """The asked nodes' numbers within their graphs, and whether there are any: (G,), (G,), (G, 2)."""
        asked = batch.query >= 0
        local = (batch.query - batch.starts[:, None]).where(asked, 0)
        return local[:, 0], local[:, 1], asked.float()
