"""The algorithm of each task in words, for the method `algorithm`: it is stated, then the question
follows.
"""

ALGORITHMS: dict[str, str] = {
    "edge_existence": (
        "To decide whether two nodes are connected, go through the edges one by one and look for one that "
        "joins both of them."
    ),
    "node_degree": (
        "To find the degree of a node, go through the edges one by one and count those that have the node "
        "at one end."
    ),
    "node_count": "To count the nodes, go through the list of nodes and count each once.",
    "edge_count": (
        "To count the edges, go through them one by one and count each once, in whichever direction it is "
        "written."
    ),
    "connected_nodes": (
        "To find the nodes connected to a node, go through the edges one by one and write down the other "
        "end of each that has it."
    ),
    "disconnected_nodes": (
        "To find the nodes not connected to a node, write down its neighbors, then list every other node "
        "but itself."
    ),
    "cycle_check": (
        "To look for a cycle, put every node into a group of its own. Go through the edges one by one: "
        "where both ends are in the same group already, there is a cycle; else join their groups. Where no "
        "edge finds its ends in one group, there is none."
    ),
    "reachability": (
        "To decide whether there is a path, search in breadth: begin with the source, add all nodes "
        "connected to it, then all that are connected to those, until nothing is new. There is a path if "
        "the target was added."
    ),
    "node_classification": (
        "To guess what a node likes, look at its neighbors whose likes are given, and take what most of "
        "them like."
    ),
    "shortest_path": (
        "To find the length of a shortest path, search in breadth: the source has distance 0, its "
        "neighbors 1, their new neighbors 2, and so on, until the target gets its distance. Where nothing "
        "is new before that, there is no path."
    ),
    "maximum_flow": (
        "To find the maximum flow, begin with no flow. Look for a path from source to target along which "
        "every edge has capacity left, send as much as its smallest rest, and allow as much back. Repeat "
        "until there is no such path, and add up what was sent."
    ),
    "triangle_counting": (
        "To count triangles, take each edge and count the nodes that are connected to both of its ends; "
        "add up and divide by 3."
    ),
    "connectivity": (
        "To decide whether the graph is connected, search in breadth from any node; it is if every node "
        "was reached."
    ),
    "component_count": (
        "To count the connected components, search in breadth from a node, mark all that is reached, count "
        "one, and begin again from a node that is not marked, until all are."
    ),
    "bipartite_check": (
        "To decide whether the graph is bipartite, color a node, give its neighbors the other color, "
        "theirs the first again, and so on in each component. It is bipartite if no edge joins two nodes "
        "of one color."
    ),
    "tree_check": (
        "To decide whether the graph is a tree, count its nodes and edges: a tree has one edge fewer than "
        "nodes, and a search from any node reaches all others."
    ),
    "euler_circuit_check": (
        "To decide whether there is an Euler circuit, find the degree of every node: all must be even, and "
        "all edges must lie in one connected component."
    ),
    "minimum_spanning_tree_weight": (
        "To find the weight of a minimum spanning tree, go through the edges from the lightest to the "
        "heaviest and take each that joins two groups of nodes that are not joined yet; add up the weights "
        "taken."
    ),
    "shortest_path_nodes": (
        "To find a shortest path, search in breadth from the source and remember from which node each was "
        "reached first; then go back from the target to the source and turn the list round."
    ),
    "weighted_shortest_path": (
        "To find the least weight of a path, use Dijkstra's algorithm: the source has distance 0. Settle "
        "the unsettled node of the least distance, and lower its neighbors' distances where the way "
        "through it is shorter, until the target is settled."
    ),
    "diameter": (
        "To find the diameter, search in breadth from every node and note the largest distance found; it "
        "is the largest of all."
    ),
    "radius": (
        "To find the radius, search in breadth from every node and note its largest distance; the radius "
        "is the smallest of these."
    ),
    "bfs_order": (
        "To find a breadth-first order, begin with the source, then write down its neighbors, then the new "
        "neighbors of the first of them, then of the second, and so on, each node once."
    ),
    "topological_order": (
        "To find a topological order, write down a node into which no edge leads, take it out with its "
        "edges, and repeat until no node is left."
    ),
    "directed_cycle_check": (
        "To look for a directed cycle, take out nodes into which no edge leads, with their edges, again "
        "and again. There is a cycle if nodes are left that cannot be taken out."
    ),
    "strongly_connected_components": (
        "To count the strongly connected components, group the nodes that can reach one another in both "
        "directions along the edges, and count the groups."
    ),
    "hamiltonian_path": (
        "To find a Hamiltonian path, begin with a node and go on to a connected node that was not visited, "
        "as long as there is one; where there is none, go back one step and try another, until all nodes "
        "are visited once."
    ),
    "planarity_check": (
        "To decide whether the graph is planar, look for five nodes that are all joined to one another, or "
        "two times three nodes each joined to all three on the other side, where a path may stand for an "
        "edge. It is planar if there are none; more than 3n - 6 edges are too many."
    ),
    "maximum_matching_size": (
        "To find a maximum matching, begin with no edge. Look for a path between two unmatched nodes whose "
        "edges are by turns outside and inside the matching, and swap them along it. Repeat until there is "
        "no such path, and count the edges."
    ),
    "core_number": (
        "To find the core number of a node, take out nodes of the least degree again and again, with their "
        "edges, and remember the largest degree that a node had when it was taken out; for the asked node "
        "this is its core number."
    ),
}
"""Task -> what to do, in two or three sentences; written for this project after the textbook algorithms."""
