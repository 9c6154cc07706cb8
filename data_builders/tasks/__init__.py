"""Every task, by the class of the paper's hierarchy; the twelve of GraphQA first."""

from data_builders.tasks.counting import COUNTING
from data_builders.tasks.orders import ORDERS
from data_builders.tasks.parallelizable import COMPONENTS, PARALLELIZABLE
from data_builders.tasks.retrieval import RETRIEVAL
from data_builders.tasks.search import DISTANCES, SEARCH
from data_builders.tasks.structure import STRUCTURE
from data_builders.tasks.task import Query, Task
from data_builders.tasks.transforms import EDGE_CHANGING, GRAPH_TRANSFORMS

__all__ = ["EDGE_CHANGING", "GRAPHQA", "GRAPH_TRANSFORMS", "TASKS", "Query", "Task", "exemplar_answer"]

_GRAPHQA = (*RETRIEVAL, *PARALLELIZABLE, *SEARCH, *COUNTING)

GRAPHQA = tuple(task.name for task in _GRAPHQA)
"""Names of the twelve tasks of GraphQA."""

TASKS: dict[str, Task] = {
    task.name: task
    for task in (
        *_GRAPHQA,
        *COMPONENTS,
        *DISTANCES,
        *ORDERS,
        *STRUCTURE,
    )
}
"""Every task by name; docs/add_a_task.md says how to add one.

>>> from data_builders.graphs.graph import from_edges
>>> task, graph, query = TASKS["shortest_path"], from_edges(3, [(0, 1), (1, 2)]), Query((0, 2))
>>> task.say(task.solve(graph, query), "ABC", query), task.explain(graph, "ABC", query, 2)
('2.', ' Because, there is an edge from node A to node B, and there is an edge from node B to node C .')
"""


def exemplar_answer(task: str, answer: str) -> str:
    """The answer as a few-shot exemplar prints it: without the leading space that some zero-shot answers
    have.

    GraphQA ends the exemplar of a found cycle with a space, where chain of thought goes on.

    >>> exemplar_answer("node_count", " 7."), exemplar_answer("cycle_check", "Yes, there is a cycle.")
    ('7.', 'Yes, there is a cycle. ')
    """
    answer = answer.lstrip()
    return f"{answer} " if task == "cycle_check" and answer.startswith("Yes") else answer
