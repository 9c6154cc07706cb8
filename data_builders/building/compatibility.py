"""Which tasks can ask about a graph, and why the others cannot."""

from random import Random

from data_builders.building.config import BuildConfig
from data_builders.building.rows import Files, against_weights, graph_source
from data_builders.tasks import GRAPH_TRANSFORMS, GRAPHQA, TASKS, Task
from data_builders.text.encoders import get_encoder


def compatibility(config: BuildConfig, files: Files) -> dict[str, str | None]:
    """Every task, with None where it can ask about the smallest and the largest graph of every source, else
    the reason why it cannot.

    >>> compatibility(BuildConfig(min_nodes=1, max_nodes=1), {})["reachability"]
    'needs a graph of at least 2 nodes; this one has 1'
    """
    graphs = []
    for source in config.sources:
        rng, _, draw = graph_source(config, files, source)
        graphs += [draw(rng, n)[0] for n in sorted({config.smallest, config.largest})]
    out = {}
    for task in TASKS.values():
        reasons = (
            [task.fits(GRAPH_TRANSFORMS[task.transform](graph, Random(0))) for graph in graphs]
            if task.generator is None
            else []
        )
        reasons = [*(against_weights(task, file) for file in files.values()), *reasons]
        out[task.name] = _why_not(config, task, files) or next(
            (reason for reason in reasons if reason is not None), None
        )
    return out


def _why_not(config: BuildConfig, task: Task, files: Files) -> str | None:
    """What keeps a task from asking, whatever the graph is like."""
    if task.generator is not None and not config.families:
        return f"asks about graphs of the generator {task.generator} only"
    if task.generator is not None and config.directed:
        return f"asks about undirected graphs of the generator {task.generator} only"
    plain = [
        name
        for name in config.encoders
        if not get_encoder(name).directed or not get_encoder(name).says_direction
    ]
    if task.direction == "directed" and plain:
        return f"asks about directed graphs, which encoder {plain[0]} does not tell from others"
    return None


def with_compatible_tasks(config: BuildConfig, files: Files) -> tuple[BuildConfig, dict[str, str]]:
    """The config with those of GraphQA's tasks that fit, where it has graph files and names no tasks; and the
    reasons for the others.
    """
    if not config.graphs or "tasks" in config.model_fields_set:
        return config, {}
    reasons = compatibility(config, files)
    left_out = {task: reason for task in GRAPHQA if (reason := reasons[task]) is not None}
    fitting = tuple(task for task in GRAPHQA if task not in left_out)
    return config.model_copy(update={"tasks": fitting}), left_out
