"""What the page's explorer reads: every question and every answer, packed so that 50,000 of them open at
once.

The index (small columns, one character per judged answer) is read when the page opens. Texts and graphs lie
in blocks that are unpacked when one of their questions is shown or searched. Both are JSON, deflated, in
base64, which can hold no markup.
"""

import base64
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any

from data_builders.example import Example
from eval.analysis.runs import Dataset, Report, Row
from eval.escape import visible
from eval.prediction import OUTCOMES
from eval.report.highlights import HIGHLIGHTS, highlighted
from eval.report.reasons import ending, reason

BLOCK = 200  # questions unpacked together
LONGEST = 6000  # characters of a prompt or an output that are shown
MOST_NODES = 60  # of a larger graph only a part is drawn: nobody could read more
MARKS = {"correct": "✓", "wrong": "✗", "unparsed": "?", "truncated": "…", "refused": "∅", "error": "!"}
_CODE = {outcome: str(i) for i, outcome in enumerate(OUTCOMES)}
_COLUMNS = ("dataset", "task", "generator", "encoder", "answer", "nodes", "edges")


def pack(value: Any) -> str:
    """JSON -> deflate -> base64; the page's `unpack` is its inverse."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def explorer_data(report: Report) -> tuple[str, list[str], dict[int, str]]:
    """The packed index and the packed blocks of a report; and where prompts hold more than the question, by
    block, these.
    """
    words: dict[str, dict[str, int]] = {column: {} for column in _COLUMNS[1:5]}
    columns: dict[str, list[int]] = {column: [] for column in _COLUMNS}
    runs, outcomes, blocks, prompts, start = [], [], [], [], 0
    asked = [ordered(dataset) for dataset in report.datasets]
    total = sum(map(len, asked))
    for d, (dataset, examples) in enumerate(zip(report.datasets, asked, strict=True)):
        for e in examples:
            said = (e.task, e.generator, e.encoder, clipped(e.answer.strip(), 60))
            coded = [
                known.setdefault(visible(text), len(known))
                for known, text in zip(words.values(), said, strict=True)
            ]
            for column, number in zip(_COLUMNS, (d, *coded, e.num_nodes, e.num_edges), strict=True):
                columns[column].append(number)
        for row in dataset.rows:
            runs.append({"label": visible(row.label), "dataset": d, "colour": row.colour})
            codes = "".join(_outcome(row, e) for e in examples)
            outcomes.append("." * start + codes + "." * (total - start - len(codes)))
        start += len(examples)
        cut = [examples[i : i + BLOCK] for i in range(0, len(examples), BLOCK)]
        blocks += [[_shown(dataset, e) for e in some] for some in cut]
        prompts += [[_prompts(dataset.rows, e) for e in some] for some in cut]
    index = {
        "outcomes": [[outcome, MARKS[outcome]] for outcome in OUTCOMES],
        "datasets": [visible(f"{dataset.name}, {dataset.split}") for dataset in report.datasets],
        "runs": runs,
        "words": {column: list(known) for column, known in words.items()},
        "columns": columns,
        "judged": outcomes,
        "blocks": list(chain.from_iterable([i] * len(block) for i, block in enumerate(blocks))),
        "highlights": {task: known.text for task, known in HIGHLIGHTS.items() if task in words["task"]},
    }
    return (
        pack(index),
        [pack(block) for block in blocks],
        {i: pack(block) for i, block in enumerate(prompts) if any(map(any, block))},
    )


def ordered(dataset: Dataset) -> list[Example]:
    """Every example that some run answered, once: the questions about one graph together, graphs in file
    order.
    """
    asked = {e.id: e for sample in dataset.samples for examples in sample.examples.values() for e in examples}
    graphs: dict[str, list[Example]] = {}
    for e in asked.values():
        graphs.setdefault(e.graph_id, []).append(e)
    return list(chain.from_iterable(graphs.values()))


def clipped(text: str, longest: int = LONGEST) -> str:
    """A text without its middle where it is too long, since questions and final answers stand at the end.

    >>> clipped("Node 0 is connected to nodes 1, 2, 3 and 4. Q: Is there a cycle?", 30)
    'Node 0 is connected …(34 more characters)…e a cycle?'
    """
    if len(text) <= longest:
        return text
    head, tail = text[: longest * 2 // 3], text[-(longest // 3) :]
    return f"{head}…({len(text) - len(head) - len(tail):,} more characters)…{tail}"


def _outcome(row: Row, e: Example) -> str:
    score = row.run.scores.get(e.id) if row.run else None
    return _CODE[score.outcome] if score else "."


def _shown(dataset: Dataset, e: Example) -> list[Any]:
    """One question as the page shows it; the page's `showExample` takes it apart in this order."""
    nodes, edges = highlighted(e)
    graph = json.loads(e.graph)
    wanted = dict.fromkeys([*e.query, *chain.from_iterable(edges), *nodes])
    kept = nearest(len(graph["nodes"]), graph["edges"], list(wanted))
    place = {node: i for i, node in enumerate(kept)}
    asked, marked = [place[u] for u in e.query if u in place], [place[u] for u in nodes if u in place]
    drawn = [(place[u], place[v]) for u, v in edges if u in place and v in place]
    return [
        *map(_text, (e.id, e.question, e.answer.strip())),
        _graph(graph, place),
        asked,
        marked,
        drawn,
        list(_answers(dataset.rows, e)),
    ]


def nearest(n: int, edges: Sequence[Sequence[int]], wanted: Sequence[int]) -> list[int]:
    """The nodes that are drawn, in order: all, or of a large graph the wanted ones (else node 0) and those
    nearest to them.

    >>> nearest(500, [(i, i + 1) for i in range(499)], [250])[::59]
    [220, 279]
    """
    if n <= MOST_NODES:
        return list(range(n))
    beside: dict[int, list[int]] = {}
    for u, v, *_ in edges:
        beside.setdefault(u, []).append(v)
        beside.setdefault(v, []).append(u)
    queue = list(wanted[:MOST_NODES]) or [0]
    kept = set(queue)
    for u in queue:
        for v in beside.get(u, []):
            if v not in kept and len(kept) < MOST_NODES:
                kept.add(v)
                queue.append(v)
    return sorted(kept)


def _graph(record: Mapping[str, Any], place: Mapping[int, int]) -> dict[str, Any]:
    """The part of a graph that is drawn, its nodes called by their place; n and m count the whole."""
    names, edges = record["nodes"], record["edges"]
    labels = {
        place[int(node)]: visible(str(word))
        for node, word in record.get("labels", {}).items()
        if int(node) in place
    }
    return {
        "directed": record["directed"],
        "n": len(names),
        "m": len(edges),
        "nodes": [visible(str(names[u])) for u in place],
        "edges": [[place[u], place[v], *weight] for u, v, *weight in edges if u in place and v in place],
        **({"labels": labels} if labels else {}),
    }


def _answers(rows: Iterable[Row], e: Example) -> Iterable[list[str | int] | None]:
    for row in rows:
        if row.run is None or e.id not in row.run.scores:
            yield None
            continue
        said, score = row.run.predictions[e.id], row.run.scores[e.id]
        yield [
            _text(said.output),
            _text(score.parsed),
            _text(reason(e, said, score)),
            _text(ending(said)),
            int(bool(said.prompt)),
        ]


def _prompts(rows: Iterable[Row], e: Example) -> list[str]:
    """The whole prompt of each run; '' where it is the question itself, or is not known."""
    said = (row.run.predictions.get(e.id) if row.run else None for row in rows)
    return [_text(prediction.prompt) if prediction else "" for prediction in said]


def _text(text: str) -> str:
    return visible(clipped(text))
