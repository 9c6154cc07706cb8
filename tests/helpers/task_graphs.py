"""Graphs that the tests of the tasks share."""

import random
from typing import Any

import networkx as nx
from hypothesis import strategies as st

from data_builders.graphs.graph import Graph, from_edges, from_networkx, to_networkx
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS, Query

NxGraph = Any
ONE_NODE = from_edges(1, [])
LOOP = from_edges(1, [(0, 0, 5)])
EDGELESS = from_edges(4, [])
LOOPS = from_edges(3, [(0, 1, 2), (1, 1, 3), (2, 2, 4)])
OPPOSITE = from_edges(3, [(0, 1, 2), (1, 0, 3), (1, 2, 4)], directed=True)
# The shortest path 0 1 2 5 is taken first, and must give way to 0 1 4 6 5 and 0 3 7 2 5.
TAKEN_BACK_PATHS = [(0, 1), (1, 2), (2, 5), (1, 4), (4, 6), (6, 5), (0, 3), (3, 7), (7, 2)]
TAKEN_BACK = from_edges(8, [(u, v, 1) for u, v in TAKEN_BACK_PATHS], directed=True)


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    """Any weighted simple graph: directed or not, self loops, isolated nodes, nodes and neighbours in any
    order, sparse to dense.
    """
    n = draw(st.integers(1, 14))
    graph: NxGraph = nx.DiGraph() if draw(st.booleans()) else nx.Graph()
    graph.add_nodes_from(draw(st.permutations(range(n))))
    node = st.integers(0, n - 1)
    for u, v, c in draw(
        st.lists(st.tuples(node, node, st.integers(1, 20)), max_size=draw(st.sampled_from([n, 4 * n])))
    ):
        graph.add_edge(u, v, weight=c)
    return from_networkx(graph, "weight")


def prepared(task: str, graph: Graph, seed: int) -> Graph:
    """The graph in the form that a task asks about; without directions where the task takes none."""
    if TASKS[task].direction == "undirected" and graph.directed:
        graph = from_networkx(to_networkx(graph).to_undirected(), "weight")
    return GRAPH_TRANSFORMS[TASKS[task].transform](graph, random.Random(f"form/{seed}"))


def drawn(task: str, graph: Graph, seed: int) -> Query | None:
    """A query, or None where the graph cannot carry one."""
    return None if TASKS[task].fits(graph) else TASKS[task].draw(graph, random.Random(seed))
