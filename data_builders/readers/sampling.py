"""sample: small induced subgraphs of a large graph, with the names of their nodes."""

from collections.abc import Callable, Iterable
from random import Random

from data_builders.graphs.graph import Graph, from_edges
from data_builders.readers.graph_files import GraphFile

# forward burning probability of the forest fire; Leskovec and Faloutsos find 0.7 the best for samples
BURN = 0.7
RESTART = 0.15  # the usual probability of a random walk with restart
# more than the literature's 0.15: there, nearly all pairs of nodes in a small sample stay connected
JUMP = 0.5


def sample(source: GraphFile, rng: Random, n: int, sampling: str = "walk") -> tuple[Graph, list[str]]:
    """An induced subgraph of min(n, all) nodes, and the nodes' names.

    sampling, one of SAMPLINGS:
    walk: the nodes are the first n that a random walk with restart meets, from a uniform start node, on edges
    in either direction; where the walk is stuck in a small component it starts again elsewhere. Such a
    subgraph is mostly connected. jump: every other step goes to a uniform node instead ("random jump" of
    Leskovec and Faloutsos, Sampling from Large Graphs, 2006), which leaves some nodes apart. ego: a node,
    then its neighbours, then theirs.
    fire: forest fire (same paper): each node burns a geometric number of its neighbours. induced: n uniform
    nodes, which in a sparse graph have hardly an edge.
    Ids are a shuffle: they tell neither the order of the walk nor that of the file. Time and memory go with
    what is visited, not with the size of the graph.

    >>> path = GraphFile(from_edges(3, [(0, 1), (1, 2)]), ["a", "b", "c"], [], "", [(1,), (0, 2), (1,)])
    >>> graph, names = sample(path, Random(1), 2)
    >>> graph.n, graph.edges, "b" in names
    (2, ((0, 1),), True)
    """
    order = SAMPLINGS[sampling](source.around, min(n, source.graph.n), rng)
    rng.shuffle(order)
    position = {u: i for i, u in enumerate(order)}
    graph = source.graph
    edges = sorted(
        (i, position[v])
        for i, u in enumerate(order)
        for v in _inside(graph, u, position)
        if graph.directed or position[v] > i
    )
    names = [source.names[u] for u in order]
    if graph.weights is None:
        return from_edges(len(order), edges, graph.directed), names
    return from_edges(
        len(order), [(i, j, graph.weight(order[i], order[j])) for i, j in edges], graph.directed
    ), names


def _walk(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    met: dict[int, None] = {}  # a set that remembers its order
    while len(met) < n:
        start = here = rng.randrange(len(around))
        if start in met:
            continue
        met[start] = None
        idle = 0
        while len(met) < n and idle < 10 * n and around[start]:
            here = start if rng.random() < RESTART else rng.choice(around[here])
            idle = idle + 1 if here in met else 0
            met[here] = None
    return list(met)


def _jump(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    here = rng.randrange(len(around))
    met = {here: None}
    while len(met) < n:
        here = (
            rng.randrange(len(around))
            if rng.random() < JUMP or not around[here]
            else rng.choice(around[here])
        )
        met[here] = None
    return list(met)


def _ego(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    return _burn(around, n, rng, lambda ends: ends)


def _fire(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    def burning(ends: list[int]) -> list[int]:
        count = 0
        while count < len(ends) and rng.random() < BURN:
            count += 1
        return ends[:count]

    return _burn(around, n, rng, burning)


def _burn(
    around: list[tuple[int, ...]], n: int, rng: Random, choose: Callable[[list[int]], list[int]]
) -> list[int]:
    """Breadth first over the chosen among each node's new neighbours, in random order; again from elsewhere
    where it goes out.
    """
    met: dict[int, None] = {}
    while len(met) < n:
        queue = [rng.randrange(len(around))]
        met[queue[0]] = None
        for u in queue:
            if len(met) >= n:
                break
            ends = (
                around[u]
                if len(around[u]) <= 4 * n
                else [around[u][rng.randrange(len(around[u]))] for _ in range(4 * n)]
            )  # a hub
            new = [v for v in dict.fromkeys(ends) if v not in met]
            rng.shuffle(new)
            for v in choose(new)[: n - len(met)]:
                met[v] = None
                queue.append(v)
    return list(met)


def _induced(around: list[tuple[int, ...]], n: int, rng: Random) -> list[int]:
    return rng.sample(range(len(around)), n)


SAMPLINGS: dict[str, Callable[[list[tuple[int, ...]], int, Random], list[int]]] = {
    "walk": _walk,
    "jump": _jump,
    "ego": _ego,
    "fire": _fire,
    "induced": _induced,
}


def _inside(graph: Graph, u: int, position: dict[int, int]) -> Iterable[int]:
    """The neighbours of u that are in the sample; a hub's are found from the other side."""
    ends = graph.adjacency[u]
    if len(ends) <= 50 * len(position):
        return [v for v in ends if v in position]
    return (
        [v for v in position if v in ends]
        if graph.directed
        else [v for v in position if v != u and u in graph.adjacency[v]]
    )
