"""Balance: every answer equally often, and test questions that the known rules of thumb do not answer.

Tasks with few answers (yes or no; the length of a shortest path) can be asked so that each answer is as frequent as any
other: the question `index` is to have the answer `index mod answers`, and candidates (a graph and a query) are drawn until
one has it. `rules` asks the same of questions that look alike to a rule of thumb, so that the rule is right by chance only:

    cycle_check     |E| >= |V|                                       here always |E| < |V|
    reachability    both ends have neighbours; or one is two steps   here both have neighbours, and the target is neither
                    from the other                                   next to the source nor two steps away
    shortest_path   1 if there is an edge, none if an end has no     here no edge, and both ends have neighbours
                    neighbours, else 2
"""

from collections.abc import Callable, Sequence

from data_builders.graph import Graph
from data_builders.rules import RULES

CANDIDATES = 300  # then the first is taken, whatever its answer: a family may not have the answer at all
YES_NO = ("yes", "no")
DISTANCES = ("no path", "1", "2", "3", "4 or more")


def answer_of(solution: object) -> str:
    """The answer, as it is counted here: long paths together.

    >>> answer_of(True), answer_of(None), answer_of(7)
    ('yes', 'no path', '4 or more')
    """
    if isinstance(solution, bool):
        return "yes" if solution else "no"
    if isinstance(solution, int):
        return str(solution) if solution < 4 else DISTANCES[-1]
    return DISTANCES[0]


def answers(task: str, answer_kind: str, balance: str) -> tuple[str, ...]:
    """The answers among which a task is balanced; none where it is not.

    >>> answers("reachability", "yes_no", "answers"), answers("edge_count", "integer", "answers")
    (('yes', 'no'), ())
    """
    if balance == "none":
        return ()
    if task == "shortest_path":
        return DISTANCES if balance == "answers" else tuple(answer for answer in DISTANCES if answer != "1")
    return YES_NO if answer_kind == "yes_no" else ()


def _says(task: str, graph: Graph, nodes: Sequence[int]) -> str:
    return RULES[task].answer(graph, nodes, {})


def _near(graph: Graph, nodes: Sequence[int]) -> bool:
    """Whether the target is one or two steps from the source."""
    source, target = nodes
    return target in graph.adjacency[source] or any(target in graph.adjacency[v] for v in graph.adjacency[source])


ALIKE: dict[str, Callable[[Graph, Sequence[int]], bool]] = {
    "cycle_check": lambda graph, nodes: _says("cycle_check", graph, nodes).startswith("No"),
    "reachability": lambda graph, nodes: _says("reachability", graph, nodes) == "Yes." and not _near(graph, nodes),
    "shortest_path": lambda graph, nodes: _says("shortest_path", graph, nodes) == "2.",
}


def wanted(task: str, balance: str, among: Sequence[str], index: int, graph: Graph, nodes: Sequence[int], solution: object) -> bool:
    """Whether a candidate is what question `index` of a balanced task is to be."""
    if answer_of(solution) != among[index % len(among)]:
        return False
    return balance != "rules" or task not in ALIKE or ALIKE[task](graph, nodes)
