"""How the tests read a reason back: into edges, paths and sets of node ids."""

import random
import re
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import networkx as nx

from data_builders.graphs.graph import Graph, to_networkx
from data_builders.graphs.names import node_names
from data_builders.tasks import TASKS, Query
from tests.helpers.task_graphs import NxGraph

Ids = Callable[[str], list[int]]
"""`a, b, c` -> ids."""
Judge = Callable[[str, NxGraph, Ids, Query, Any], None]
"""(reason, graph, ids, query, solution): AssertionError where the reason is not true of the graph."""

STEP = r"there is an edge (?:of weight \d+ )?from node (\w+) to node (\w+)"


def said(pattern: str, reason: str) -> re.Match[str]:
    found = re.fullmatch(pattern, reason, re.DOTALL)
    assert found, reason
    return found


def edges_of(text: str, ids: Ids) -> list[tuple[int, int]]:
    return [(ids(a)[0], ids(b)[0]) for a, b in re.findall(r"\((\w+), (\w+)\)", text)]


def simple(g: NxGraph) -> NxGraph:
    out: NxGraph = nx.Graph(g)
    out.remove_edges_from(list(nx.selfloop_edges(out)))
    return out


def cycle(nodes: list[int], g: NxGraph) -> bool:
    return len(set(nodes)) == len(nodes) and all(
        g.has_edge(u, v) for u, v in zip(nodes, nodes[1:] + nodes[:1], strict=True)
    )


def path_of(text: str, pattern: str, ids: Ids) -> list[int]:
    steps = [(ids(a)[0], ids(b)[0]) for a, b in re.findall(pattern, text)]
    assert all(one[1] == other[0] for one, other in pairwise(steps))
    return [steps[0][0], *(v for _, v in steps)] if steps else []


def check(true: Judge, task: str, graph: Graph, query: Query, scheme: str) -> None:
    names = node_names(scheme, graph.n, random.Random(0))
    place = {name: u for u, name in enumerate(names)}
    solution = TASKS[task].solve(graph, query)
    reason = TASKS[task].explain(graph, names, query, solution)
    true(reason, to_networkx(graph), lambda text: [place[name] for name in text.split(", ")], query, solution)
