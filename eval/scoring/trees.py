"""Learned floors: boosted trees on a few counts of the graph, which never run an algorithm either."""

from collections import Counter
from collections.abc import Callable, Sequence

from data_builders.example import Example, solution_key
from data_builders.graphs.graph import Graph, graph_from_json

ROWS = 2000  # of the train split
CLASSES = 12  # the most frequent answers; no tree gives another
KINDS = ("yes_no", "integer", "distance")
Features = Callable[[Graph, Sequence[int]], list[float]]


def size_features(graph: Graph, query: Sequence[int]) -> list[float]:
    """Nodes, edges, density, total weight."""
    possible = graph.n * (graph.n - 1) / (1 if graph.directed else 2)
    return [
        graph.n,
        graph.m,
        graph.m / max(1.0, possible),
        sum(graph.weights.values()) if graph.weights else 0,
    ]


def degree_features(graph: Graph, query: Sequence[int]) -> list[float]:
    """Sizes; the query nodes' out-degrees, in-degrees and weights; how many nodes have no edge, one edge, an
    odd number of edges; the largest and the smallest degree.
    """
    before = Counter(v for ends in graph.adjacency.values() for v in ends)
    degrees = [len(ends) for ends in graph.adjacency.values()]
    own: list[float] = []
    for u in query[:2]:
        own += [
            len(graph.adjacency[u]),
            before[u],
            sum(graph.weight(u, v) for v in graph.adjacency[u]) if graph.weights else 0,
        ]
    own += [0.0] * (6 - len(own))
    alone = sum(not degree and not before[u] for u, degree in enumerate(degrees))
    return [
        *size_features(graph, query),
        *own,
        alone,
        degrees.count(1),
        sum(d % 2 for d in degrees),
        max(degrees),
        min(degrees),
    ]


def two_hop_features(graph: Graph, query: Sequence[int]) -> list[float]:
    """Degrees; whether the query nodes are joined, how many neighbours they share, how many nodes lie within
    two steps of each.
    """
    near = [set(graph.adjacency[u]) for u in query[:2]]
    far = [ends.union(*(graph.adjacency[v] for v in ends)) for ends in near]
    out: list[float] = [
        size for reach in far for size in (len(reach), sum(len(graph.adjacency[v]) for v in reach))
    ]
    if len(near) == 2:
        source, target = query[:2]
        back = {u for u, ends in graph.adjacency.items() if target in ends} if graph.directed else near[1]
        out += [
            target in near[0],
            source in near[1],
            len(near[0] & back),
            len(far[0] & back),
            target in far[0],
            len(far[0] & far[1]),
        ]
    return [*degree_features(graph, query), *out]


FEATURES: dict[str, Features] = {
    "trees_size": size_features,
    "trees_degree": degree_features,
    "trees_two_hop": two_hop_features,
}
"""floor -> the features of its trees; each has those of the one before it, and more."""

GIVEN_AWAY = {
    "node_count": tuple(FEATURES),
    "edge_count": tuple(FEATURES),
    "node_degree": ("trees_degree", "trees_two_hop"),
    "edge_existence": ("trees_two_hop",),
}
"""task -> the floors that it does not have, since the features of their trees hold the answer itself."""


def tree_answers(train: Sequence[Example], examples: Sequence[Example]) -> dict[str, list[str]]:
    """Floor -> its answer to each example, as JSON, from trees that were trained on examples of the same
    task; the same on every call.

    Empty for kinds of answers that are no few classes, and where the train split has fewer than two answers
    or twenty examples.
    """
    usable = {
        name: look
        for name, look in FEATURES.items()
        if examples and name not in GIVEN_AWAY.get(examples[0].task, ())
    }
    if not usable or examples[0].answer_kind not in KINDS:
        return {}
    answers = [solution_key(e) for e in train]
    common = [
        answer
        for answer, _ in sorted(Counter(answers).items(), key=lambda item: (-item[1], item[0]))[:CLASSES]
    ]
    usable_rows = [(e, answer) for e, answer in zip(train, answers, strict=True) if answer in common]
    if len(common) < 2 or len(usable_rows) < 20:
        return {}
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    train_graphs, graphs = (
        [graph_from_json(e.graph)[0] for e in rows] for rows in ([e for e, _ in usable_rows], examples)
    )
    predicted = {}
    for name, features in usable.items():
        # Without the penalty a leaf divides by nearly nothing for an answer of a handful of examples, such as
        # a distance of 6; its scores then grow without end, and trees that know more answers know less.
        trees = HistGradientBoostingClassifier(
            max_iter=40,
            learning_rate=0.2,
            max_leaf_nodes=15,
            l2_regularization=1.0,
            early_stopping=False,
            random_state=0,
        )
        train_features = [features(g, e.query) for g, (e, _) in zip(train_graphs, usable_rows, strict=True)]
        test_features = [features(g, e.query) for g, e in zip(graphs, examples, strict=True)]
        with threadpool_limits(1):  # beside another job several threads wait for each other: 20 times slower
            trees.fit(train_features, [answer for _, answer in usable_rows])
            predicted[name] = [str(answer) for answer in trees.predict(test_features)]
    return predicted
