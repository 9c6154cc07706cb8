"""What the page's explorer reads: every question and answer, packed so that 50,000 of them open at once.

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
from eval.report.highlights import HIGHLIGHTS, highlight
from eval.report.reasons import ending, reason

BLOCK = 200  # questions that are unpacked together
MAX_CHARACTERS = 6000  # of a prompt or an output; the middle of a longer one is left out
MAX_NODES = 60  # Of a larger graph only a part is drawn, since nobody could read more.
MARKS = {"correct": "✓", "wrong": "✗", "unparsed": "?", "truncated": "…", "refused": "∅", "error": "!"}
_CODES = {outcome: str(i) for i, outcome in enumerate(OUTCOMES)}
_COLUMNS = ("dataset", "task", "generator", "encoder", "answer", "nodes", "edges")


def pack(value: Any) -> str:
    """JSON -> deflate -> base64; the page's `unpack` is its inverse."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return base64.b64encode(zlib.compress(text.encode("utf-8"), 9)).decode("ascii")


def explorer_data(report: Report) -> tuple[str, list[str], dict[int, str]]:
    """The packed index, the packed blocks, and by block the prompts, where these hold more than the
    question.
    """
    words: dict[str, dict[str, int]] = {column: {} for column in _COLUMNS[1:5]}
    columns: dict[str, list[int]] = {column: [] for column in _COLUMNS}
    runs, outcomes, blocks, prompts, start = [], [], [], [], 0
    questions = [unique_examples(dataset) for dataset in report.datasets]
    total = sum(map(len, questions))
    for d, (dataset, examples) in enumerate(zip(report.datasets, questions, strict=True)):
        for e in examples:
            texts = (e.task, e.generator, e.encoder, clip(e.answer.strip(), 60))
            numbers = [
                w.setdefault(visible(text), len(w)) for w, text in zip(words.values(), texts, strict=True)
            ]
            for column, number in zip(_COLUMNS, (d, *numbers, e.num_nodes, e.num_edges), strict=True):
                columns[column].append(number)
        for row in dataset.rows:
            runs.append({"label": visible(row.label), "dataset": d, "colour": row.colour})
            codes = "".join(_outcome(row, e) for e in examples)
            outcomes.append("." * start + codes + "." * (total - start - len(codes)))
        start += len(examples)
        groups = [examples[i : i + BLOCK] for i in range(0, len(examples), BLOCK)]
        blocks += [[_question(dataset, e) for e in group] for group in groups]
        prompts += [[_prompts(dataset.rows, e) for e in group] for group in groups]
    index = {
        "outcomes": [[outcome, MARKS[outcome]] for outcome in OUTCOMES],
        "datasets": [visible(f"{dataset.name}, {dataset.split}") for dataset in report.datasets],
        "runs": runs,
        "words": {column: list(texts_of) for column, texts_of in words.items()},
        "columns": columns,
        "codes": outcomes,
        "blocks": list(chain.from_iterable([i] * len(block) for i, block in enumerate(blocks))),
        "highlights": {task: h.text for task, h in HIGHLIGHTS.items() if task in words["task"]},
    }
    return (
        pack(index),
        [pack(block) for block in blocks],
        {i: pack(block) for i, block in enumerate(prompts) if any(map(any, block))},
    )


def unique_examples(dataset: Dataset) -> list[Example]:
    """Every example that some run answered, once; those about one graph together, graphs in file order."""
    graphs: dict[str, list[Example]] = {}
    for e in {e.id: e for e in dataset.examples}.values():
        graphs.setdefault(e.graph_id, []).append(e)
    return list(chain.from_iterable(graphs.values()))


def clip(text: str, limit: int = MAX_CHARACTERS) -> str:
    """A text without its middle where it is too long, since questions and final answers stand at the end.

    >>> clip("Node 0 is connected to nodes 1, 2, 3 and 4. Q: Is there a cycle?", 30)
    'Node 0 is connected …(34 more characters)…e a cycle?'
    """
    if len(text) <= limit:
        return text
    head, tail = text[: limit * 2 // 3], text[-(limit // 3) :]
    return f"{head}…({len(text) - len(head) - len(tail):,} more characters)…{tail}"


def _outcome(row: Row, e: Example) -> str:
    score = row.run.scores.get(e.id) if row.run else None
    return _CODES[score.outcome] if score else "."


def _question(dataset: Dataset, e: Example) -> list[Any]:
    """One question as example_view.js reads it: `showExample` takes it apart in this order."""
    nodes, edges = highlight(e)
    graph = json.loads(e.graph)
    required = dict.fromkeys([*e.query, *chain.from_iterable(edges), *nodes])
    chosen = nearest(len(graph["nodes"]), graph["edges"], list(required))
    place = {node: i for i, node in enumerate(chosen)}
    query, gold_nodes = ([place[u] for u in ids if u in place] for ids in (e.query, nodes))
    gold_edges = [(place[u], place[v]) for u, v in edges if u in place and v in place]
    texts = [_text(text) for text in (e.id, e.question, e.answer.strip())]
    return [*texts, _graph(graph, place), query, gold_nodes, gold_edges, list(_answers(dataset.rows, e))]


def nearest(n: int, edges: Sequence[Sequence[int]], required: Sequence[int]) -> list[int]:
    """The nodes to draw, in order: of a large graph the required ones (else node 0), and the nearest to them.

    >>> nearest(500, [(i, i + 1) for i in range(499)], [250])[::59]
    [220, 279]
    """
    if n <= MAX_NODES:
        return list(range(n))
    neighbours: dict[int, list[int]] = {}
    for u, v, *_ in edges:
        neighbours.setdefault(u, []).append(v)
        neighbours.setdefault(v, []).append(u)
    queue = list(required[:MAX_NODES]) or [0]
    chosen = set(queue)
    for u in queue:
        for v in neighbours.get(u, []):
            if v not in chosen and len(chosen) < MAX_NODES:
                chosen.add(v)
                queue.append(v)
    return sorted(chosen)


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
        p, score = row.run.predictions[e.id], row.run.scores[e.id]
        texts = (p.output, score.parsed, reason(e, p, score), ending(p))
        yield [*map(_text, texts), int(bool(p.prompt))]


def _prompts(rows: Iterable[Row], e: Example) -> list[str]:
    """The whole prompt of each run; '' where it is the question itself, or is not known."""
    predictions = (row.run.predictions.get(e.id) if row.run else None for row in rows)
    return [_text(p.prompt) if p else "" for p in predictions]


def _text(text: str) -> str:
    return visible(clip(text))
