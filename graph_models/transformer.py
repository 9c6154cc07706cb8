"""A transformer over graph tokens: encoder, causal decoder, or encoder-decoder.

All questions about a graph are answered in one pass. The graph's tokens see no question, and each question
sees the graph and itself alone, so that it is answered as if it were the only one.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from graph_models.config import TransformerConfig
from graph_models.data import Batch
from graph_models.gnn import Inputs
from graph_models.tokens import WAYS, GraphTokens, padded, positions, touching


class Block(nn.Module):
    """Attention and a feed-forward layer, each after a norm and added to the states."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        width, hidden = config.width, config.width * config.expansion
        self.heads, self.dropout, self.glu = config.heads, config.dropout, config.glu
        self.norms = nn.ModuleList(nn.LayerNorm(width) for _ in range(2))
        self.query = nn.Linear(width, width)
        self.key_value = nn.Linear(width, 2 * width, bias=False)  # a key's bias would cancel out
        self.out = nn.Linear(width, width)
        self.bias = nn.Parameter(torch.randn(WAYS, config.heads) * 0.5) if config.edge_bias else None
        self.into = nn.Linear(width, hidden * (2 if config.glu else 1))
        self.back = nn.Linear(hidden, width)

    def forward(
        self, states: Tensor, mask: Tensor, ways: Tensor | None, memory: Tensor | None = None
    ) -> Tensor:
        """states (G, T, width); mask (G, 1, T, S), which of the S keys each sees; ways (G, T, S, WAYS), how
        they touch.

        The keys are the states, with the memory (G, M, width) before them where there is one.
        """
        if self.bias is not None and ways is not None:
            bias = (ways @ (4 * self.bias)).permute(0, 3, 1, 2)
            mask = bias.masked_fill(~mask, -torch.inf)
        normed = self.norms[0](states)
        keys = normed if memory is None else torch.cat([memory, normed], 1)
        query, key, value = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in (self.query(normed), *self.key_value(keys).chunk(2, -1))
        )
        mixed = F.scaled_dot_product_attention(
            query, key, value, mask, self.dropout if self.training else 0.0
        )
        states = states + self._drop(self.out(mixed.transpose(1, 2).flatten(2)))
        hidden = self.into(self.norms[1](states))
        if self.glu:
            gate, hidden = hidden.chunk(2, -1)
            hidden = F.silu(gate) * hidden
        else:
            hidden = F.gelu(hidden)
        return states + self._drop(self.back(hidden))

    def _drop(self, states: Tensor) -> Tensor:
        return F.dropout(states, self.dropout, self.training)


class Transformer(nn.Module):
    """Graph tokens and questions in, one vector for each question out.

    A question is one token (its task, and the labels of its nodes under maps of their own) and `pause` empty
    ones behind it; the answer is read at the last (Goyal et al. 2024, arXiv 2310.02226).
    """

    copies = False
    bf16 = True

    def __init__(self, config: TransformerConfig, inputs: Inputs, tasks: int) -> None:
        super().__init__()
        self.config = config
        self.random_labels, self.relabellings = config.random_labels, config.relabellings
        width = config.width
        self.tokens = GraphTokens(config, inputs)
        self.task = nn.Embedding(tasks, width)
        self.source, self.target, self.member = (nn.Linear(width, width, bias=False) for _ in range(3))
        self.pauses = nn.Parameter(torch.randn(config.pause, width) * 0.02)
        self.blocks = nn.ModuleList(Block(config) for _ in range(config.depth))
        decoder = config.depth if config.architecture == "encoder_decoder" else 0
        self.decoder = nn.ModuleList(Block(config) for _ in range(decoder))
        self.norm = nn.LayerNorm(width)
        self.total = nn.Linear(width, width, bias=False) if config.sum_readout else None

    def forward(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Vectors of the questions (Q, width), and of the nodes that a set may hold (P, width)."""
        tokens, inside = self.tokens(batch)
        graph = tokens.vectors
        if self.config.positions:
            graph = graph + positions(graph)
        questions, asked = self._questions(batch)
        causal = self.config.architecture == "decoder"
        of_graph = inside[:, None].expand(-1, graph.shape[1], -1)
        if causal:
            of_graph = of_graph.tril()
        own = self._blocks(questions.shape[1], causal).to(graph.device).expand(len(graph), -1, -1)
        seen = torch.cat([inside[:, None].expand(-1, questions.shape[1], -1), own], 2)
        size = graph.shape[1]
        ways = touching(batch, tokens, questions.shape[1]) if self.config.edge_bias else None
        if self.decoder:
            graph = self._read(
                self.blocks, graph, of_graph[:, None], None if ways is None else ways[:, :size, :size]
            )
            ways = None if ways is None else ways[:, size:]
            states = self._read(self.decoder, questions, seen[:, None], ways, self.norm(graph))
        else:
            unseen = of_graph.new_zeros(*of_graph.shape[:2], questions.shape[1])
            mask = torch.cat([torch.cat([of_graph, unseen], 2), seen], 1)[:, None]
            both = self._read(self.blocks, torch.cat([graph, questions], 1), mask, ways)
            graph, states = both[:, :size], both[:, size:]
        length = 1 + self.config.pause
        out = self.norm(states[:, length - 1 :: length][asked])
        if self.total is not None:
            out = out + self.total((graph * inside[..., None]).sum(1) / 16)[batch.graphs]
        members = self.member(self.tokens.nodes(batch)[batch.set_nodes])
        return out, out[batch.set_questions] * members

    def _read(
        self,
        blocks: nn.ModuleList,
        states: Tensor,
        mask: Tensor,
        ways: Tensor | None,
        memory: Tensor | None = None,
    ) -> Tensor:
        for _ in range(self.config.loops):
            for block in blocks:
                states = block(states, mask, ways, memory)
        return states

    def _questions(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """(G, K (1 + pause), width) tokens of the at most K questions a graph, (G, K) which are there."""
        nodes = F.pad(self.tokens.nodes(batch), (0, 0, 0, 1))  # the row -1 of zeros: no such node
        question = self.task(batch.tasks) + self.source(nodes[batch.query[:, 0]])
        question = question + self.target(nodes[batch.query[:, 1]])
        states, asked = padded(question, torch.bincount(batch.graphs, minlength=len(batch.sizes)))
        pauses = self.pauses.expand(*states.shape[:2], -1, -1)
        return torch.cat([states[:, :, None], pauses], 2).flatten(1, 2), asked

    def _blocks(self, length: int, causal: bool) -> Tensor:
        """(length, length): each question's tokens see each other, in a decoder those before them."""
        number = torch.arange(length) // (1 + self.config.pause)
        same = number[:, None] == number
        return same.tril() if causal else same
