"""Graphs that are in memory already: of networkx, igraph, rustworkx and torch_geometric.

None of these libraries is imported here: a graph is known by the names that its class has.
"""

from collections.abc import Mapping
from typing import Any

from data_builders.errors import InputError
from data_builders.readers.source import Listing


def list_graph(graph: Any, listing: Listing) -> None:
    """Put the nodes and edges of `graph` into `listing`; InputError for an object of another kind."""
    if hasattr(graph, "edge_index"):
        _list_data(graph, listing)
    elif hasattr(graph, "adj") and hasattr(graph, "is_directed"):
        _list_networkx(graph, listing)
    elif hasattr(graph, "vs") and hasattr(graph, "es"):
        _list_igraph(graph, listing)
    elif hasattr(graph, "node_indices") and hasattr(graph, "edge_index_map"):
        _list_rustworkx(graph, listing)
    else:
        raise InputError(
            "expected a path, a graph of networkx, igraph or rustworkx, or a torch_geometric Data, not "
            f"{type(graph).__name__}"
        )
    listing.check_ends()


def _by_text(attributes: Mapping[Any, Any]) -> dict[str, Any]:
    return {str(key): value for key, value in attributes.items()}


def _list_networkx(graph: Any, listing: Listing) -> None:
    listing.directed = bool(graph.is_directed())
    for node, attributes in graph.nodes(data=True):
        listing.add_node(node, _by_text(attributes))
    for u, v, attributes in graph.edges(data=True):
        listing.add_edge(u, v, _by_text(attributes))


def _list_igraph(graph: Any, listing: Listing) -> None:
    listing.directed = bool(graph.is_directed())
    for node in graph.vs:
        listing.add_node(node.index, node.attributes())
    for edge in graph.es:
        listing.add_edge(edge.source, edge.target, edge.attributes())


def _list_rustworkx(graph: Any, listing: Listing) -> None:
    """A node's data is its name where it is text or a number; an edge's data is its weight."""
    listing.directed = hasattr(graph, "successors")
    for node in graph.node_indices():
        data = graph[node]
        listing.add_node(node, _by_text(data) if isinstance(data, Mapping) else {"label": data})
    for u, v, data in graph.edge_index_map().values():
        listing.add_edge(u, v, _by_text(data) if isinstance(data, Mapping) else {"weight": data})


def _list_data(data: Any, listing: Listing) -> None:
    """torch_geometric: directed unless each edge is there both ways, with the same weight."""
    sources, targets = data.edge_index.tolist()
    names = ("edge_weight", "edge_attr")
    weights = next((value for name in names if (value := getattr(data, name, None)) is not None), None)
    values: list[Any] = [None] * len(sources)
    if weights is not None and weights.numel() == len(sources):
        values = weights.flatten().tolist()
    elif weights is not None:
        listing.note("edge attributes of more than one number are left out")
    edges = set(zip(sources, targets, values, strict=True))
    listing.directed = any((v, u, value) not in edges for u, v, value in edges)
    n = data.num_nodes if data.num_nodes is not None else max([*sources, *targets], default=-1) + 1
    listing.numbered(n, first=0)
    for u, v, value in zip(sources, targets, values, strict=True):
        if listing.directed or u <= v:
            listing.add_edge(u, v, {"weight": value})
