"""Balance: every answer equally often, and test questions that the known rules of thumb do not answer.

Tasks with few answers (yes or no; the length of a shortest path) can be asked so that each answer is as
frequent as any
other: the question `index` is to have the answer `index mod answers`, and candidates (a graph and a query)
are drawn until one has it. `rules` asks the same of questions that look alike to a rule of thumb, so that the
rule is right by chance only:

    cycle_check     |E| >= |V|                                       here always |E| = |V| - 2: two trees, or
    three parts with a cycle reachability    both ends have neighbours; or what is within     here |E| = |V| -
    2, the target is not within four steps of the
                    two steps of one meets that of the other         source, and the ways from both ends go on
                    for five
    shortest_path   1 if there is an edge, none if an end has no     here no edge, and both ends have
    neighbours
                    neighbours, else 2

Candidates for one question have the same number of nodes then. A question that meets all this needs a family
that has it often, as disconnected_blocks does.
"""

from collections.abc import Callable, Sequence

from data_builders.graphs.graph import Graph
from data_builders.tasks.shortcuts import RULES

# Graphs tried for a question. Then the first of the split is taken, whatever its answer: a family may not
# have the answer at all. Without balance only a task's form has to fit, which takes eight graphs on average.
CANDIDATES = {"none": 300, "answers": 300, "rules": 2000}
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


def _levels(graph: Graph, source: int) -> list[set[int]]:
    """The nodes at 0, 1, .. 5 steps from the source."""
    levels, seen = [{source}], {source}
    for _ in range(5):
        levels.append({v for u in levels[-1] for v in graph.adjacency[u]} - seen)
        seen |= levels[-1]
    return levels


def _far(graph: Graph, nodes: Sequence[int]) -> bool:
    """Whether the target is not within four steps of the source, and the ways from both go on for five."""
    (*near, on), other = _levels(graph, nodes[0]), _levels(graph, nodes[1])
    return bool(on and other[-1]) and not any(nodes[1] in level for level in near)


ALIKE: dict[str, Callable[[Graph, Sequence[int]], bool]] = {
    "cycle_check": lambda graph, nodes: graph.m == graph.n - 2,
    "reachability": lambda graph, nodes: graph.m == graph.n - 2 and _far(graph, nodes),
    "shortest_path": lambda graph, nodes: RULES["shortest_path"].answer(graph, nodes, {}) == 2,
}


def is_wanted(
    task: str,
    balance: str,
    among: Sequence[str],
    index: int,
    graph: Graph,
    nodes: Sequence[int],
    solution: object,
) -> bool:
    """Whether a candidate is what question `index` of a balanced task is to be."""
    if answer_of(solution) != among[index % len(among)]:
        return False
    return balance != "rules" or task not in ALIKE or ALIKE[task](graph, nodes)
