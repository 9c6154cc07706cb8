"""What a built dataset says about itself: the report in its lock, and the README.md that the Hub shows as its
card.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import yaml

from data_builders.building.config import TEST_KEYS, BuildConfig
from data_builders.example import SPLITS
from data_builders.readers.graph_files import GraphFile
from data_builders.tasks.shortcuts import RULES

LABELS_SHOWN = 6  # labels per row of the card
ANSWER_COLUMNS = ("task", "split", "n", "majority", "answers")
TOKEN_COLUMNS = ("task", "split", "examples", "mean tokens", "95% below", "most")
FLOOR_COLUMNS = ("task", "split", "questions", "majority of train", "rule", "what the rule says")
GRAPH_COLUMNS = ("source", "split", "graphs", "classes")


INTRODUCTION = """\
{rows:,} questions about graphs, written as text, with their answers; made by graphtalk. One config per task:
`question` is the whole prompt, `answer` the target, `solution` the same as a JSON value in node ids,
`rationale` the reason for a chain-of-thought exemplar, and `graph` the graph itself as JSON. Examples with
one `graph_id` ask about the same graph.
"""
IMPORTED = """\
{rows:,} questions about graphs, imported from {files}. `question` is their text as it was, `answer` and
`solution` were computed anew from the graph that the text shows (`graph`).
"""
STATEMENT = """\
The split of a graph is a function of the graph, the same in every dataset that graphtalk builds: a digest of
an isomorphism invariant sends six eighths of all graphs to train and one eighth each to validation and test.
So no graph of train is isomorphic to one of validation or test, in this dataset or in any other, whatever its
seed, sizes and tasks; who trains on a train split has seen no graph of any test split. `graphtalk verify`
checks the side of every row, and tests the splits against each other for isomorphism with another library.
`classes` counts graphs that differ by more than the numbering of their nodes (those that share the invariant
count once).
"""


WHOLE_STATEMENT = """\
One question set: the graphs are asked about as they are, all of them in test. Whether a model has seen them
in training is not known here.
"""


def label(solution: bool | int | str | Sequence[int] | None) -> str:
    """The class of a solution, for counting: lists of nodes count by their length.

    >>> label(False), label(7), label(None), label([1, 4]), label("golf")
    ('no', '7', 'no path', '2 nodes', 'golf')
    """
    if isinstance(solution, bool):
        return "yes" if solution else "no"
    if solution is None:
        return "no path"
    return str(solution) if isinstance(solution, int | str) else f"{len(solution)} nodes"


def report(
    config: BuildConfig, files: Mapping[str, GraphFile], records: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Counts of a dataset.

    tasks: task -> split -> n, labels (most frequent first), majority (share of the first).
    graphs: source -> split -> graphs, and classes (of graphs that share an invariant, see `graphs.splits`).
    files: source -> nodes, edges, notes.
    """
    splits = [split for split in SPLITS if config.size(split)]
    counts: dict[str, dict[str, Counter[str]]] = {
        task: {split: Counter() for split in splits} for task in config.tasks
    }
    for record in records:
        for task, labels in record["labels"].items():
            counts[task][record["split"]].update(labels)
    invariants: dict[str, dict[str, list[list[int]]]] = {}
    for record in sorted(records, key=lambda record: SPLITS.index(record["split"])):
        for source, of_shard in record["graphs"].items():
            invariants.setdefault(source, {}).setdefault(record["split"], []).append(of_shard)
    graphs = {
        source: {split: _graph_counts(of_split) for split, of_split in by_split.items()}
        for source, by_split in invariants.items()
    }
    return {
        "tasks": {
            task: {split: balance(counted) for split, counted in by_split.items()}
            for task, by_split in counts.items()
        },
        "graphs": graphs,
        "files": {
            name: {"nodes": file.graph.n, "edges": file.graph.m, "notes": file.notes}
            for name, file in files.items()
        },
    }


def _graph_counts(shards: Sequence[Sequence[int]]) -> dict[str, int]:
    """Of lists of invariants. Arrays, since sets of the invariants of millions of graphs are large."""
    invariants = np.concatenate([np.array(shard, np.uint64) for shard in shards])
    return {"graphs": len(invariants), "classes": len(np.unique(invariants))}


def balance(counted: Counter[str]) -> dict[str, Any]:
    """How many questions have which label, the most frequent first."""
    total = counted.total()
    labels = dict(sorted(counted.items(), key=lambda item: (-item[1], item[0])))
    return {
        "n": total,
        "majority": round(max(labels.values(), default=0) / max(total, 1), 4),
        "labels": labels,
    }


def top_labels(labels: Mapping[str, int], limit: int = LABELS_SHOWN) -> str:
    """The most frequent labels and how many more there are.

    >>> top_labels({"yes": 3, "no": 1}), top_labels({"3": 3, "4": 2, "9": 1}, limit=1)
    ('yes 3, no 1', '3 3, 2 more')
    """
    first = [f"{name} {n}" for name, n in list(labels.items())[:limit]]
    return ", ".join(first + ([f"{len(labels) - limit} more"] if len(labels) > limit else []))


def card(lock: Mapping[str, Any]) -> str:
    """README.md of a dataset folder: the YAML header that `datasets` and the Hub read, then tables for
    people.
    """
    config, counts = lock["config"], lock["report"]
    whole = config.get("unit") == "graph"
    direction = "directed" if config["directed"] else "undirected"
    return "\n".join(
        [
            _header(
                lock,
                license="apache-2.0",
                tags=["graphs", "graph-reasoning", "reasoning", "synthetic", "graphqa"],
            ),
            f"# {lock['name']}\n",
            INTRODUCTION.format(rows=_rows(lock)),
            f"- Encoders: {', '.join(config['encoders'])}",
            f"- Graphs: {', '.join(counts['graphs'])}; {_sizes(config)}; {direction}",
            *_test_part(config),
            f"- Seed: {config['seed']}",
            f"- Fingerprint: `{lock['fingerprint']}`\n",
            *_files_part(counts["files"], whole),
            "## Answers\n",
            "Lists of nodes are counted by their length.\n",
            *_table(ANSWER_COLUMNS, answer_rows(counts)),
            "\n## Floors\n",
            "What a score must beat: the share of the first questions that train's commonest answer and",
            "a rule of thumb get right.\n",
            *_table(FLOOR_COLUMNS, floor_rows(counts)),
            *_tokens_part(counts),
            "\n## Splits\n",
            WHOLE_STATEMENT if whole else STATEMENT,
            *_table(GRAPH_COLUMNS, graph_rows(counts)),
            "",
        ]
    )


def imported_card(lock: Mapping[str, Any]) -> str:
    """README.md of a folder of imported questions, whose license is that of their dataset."""
    config, counts = lock["config"], lock["report"]
    return "\n".join(
        [
            _header(lock, tags=["graphs", "graph-reasoning", "reasoning"]),
            f"# {lock['name']}\n",
            IMPORTED.format(
                rows=_rows(lock), files=", ".join(f"`{graph['file']}`" for graph in config["graphs"].values())
            ),
            f"- Fingerprint: `{lock['fingerprint']}`\n",
            "## Answers\n",
            *_table(ANSWER_COLUMNS, answer_rows(counts)),
            "\n## Floors\n",
            *_table(FLOOR_COLUMNS, floor_rows(counts)),
            "",
        ]
    )


def _rows(lock: Mapping[str, Any]) -> int:
    return sum(by_split["n"] for task in lock["report"]["tasks"].values() for by_split in task.values())


def _header(lock: Mapping[str, Any], **more: Any) -> str:
    """The YAML that `datasets` and the Hub read: one config per task, and one of all."""
    splits = [split for split in SPLITS if lock["config"][split]]
    header = {
        "pretty_name": lock["name"],
        **more,
        "language": ["en"],
        "task_categories": ["question-answering", "text-generation"],
        "size_categories": [_size_category(_rows(lock))],
        "configs": [
            {
                "config_name": name,
                **({"default": True} if name == "all" else {}),
                "version": config_version(lock),
                "data_files": [{"split": split, "path": f"{place}/{split}-*.parquet"} for split in splits],
            }
            for name, place in [("all", "*"), *((task, task) for task in lock["report"]["tasks"])]
        ],
    }
    return f"---\n{yaml.safe_dump(header, sort_keys=False, allow_unicode=True)}---"


def config_version(lock: Mapping[str, Any]) -> str:
    """The version of a card's configs: another one for other files, so that `datasets`, whose cache goes by
    it, never gives the rows of an earlier build.

    >>> config_version({"fingerprint": "00000a00000bff"})
    '1.10.11'
    """
    fingerprint = lock["fingerprint"]
    return f"1.{int(fingerprint[:6], 16)}.{int(fingerprint[6:12], 16)}"


def answer_rows(counts: Mapping[str, Any], limit: int = LABELS_SHOWN) -> list[list[str]]:
    """One row per task and split of a report, in the order of ANSWER_COLUMNS."""
    return [
        [task, split, f"{b['n']:,}", f"{b['majority']:.1%}", top_labels(b["labels"], limit)]
        for task, by_split in counts["tasks"].items()
        for split, b in by_split.items()
    ]


def token_rows(counts: Mapping[str, Any]) -> list[list[str]]:
    """One row per task and split of a report that counts tokens, in the order of TOKEN_COLUMNS."""
    return [
        [task, split, f"{c['n']:,}", f"{c['mean']:,.1f}", f"{c['p95']:,}", f"{c['max']:,}"]
        for task, by_split in counts.get("tokens", {}).get("tasks", {}).items()
        for split, c in by_split.items()
    ]


def floor_rows(counts: Mapping[str, Any]) -> list[list[str]]:
    """One row per task of a report, in the order of FLOOR_COLUMNS."""
    return [
        [
            task,
            f["split"],
            f"{f['n']:,}",
            _percent(f["majority"]),
            _percent(f["rule"]),
            RULES[task].text if task in RULES else "",
        ]
        for task, f in counts.get("floors", {}).items()
    ]


def _percent(share: float | None) -> str:
    return "-" if share is None else f"{share:.1%}"


def _tokens_part(counts: Mapping[str, Any]) -> list[str]:
    if "tokens" not in counts:
        return []
    return [
        "\n## Tokens\n",
        f"Question and answer, by `{counts['tokens']['tokenizer']}`.\n",
        *_table(TOKEN_COLUMNS, token_rows(counts)),
    ]


def graph_rows(counts: Mapping[str, Any]) -> list[list[str]]:
    """One row per source and split of a report, in the order of GRAPH_COLUMNS."""
    keys = ("graphs", "classes")  # an older dataset counted no classes of train
    return [
        [source, split, *("-" if g[key] is None else f"{g[key]:,}" for key in keys)]
        for source, by_split in counts["graphs"].items()
        for split, g in by_split.items()
    ]


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (columns, ["---"] * len(columns), *rows)]


def _files_part(files: Mapping[str, Mapping[str, Any]], whole: bool) -> list[str]:
    lines = []
    for name, file in files.items():
        notes = "".join(f"; {note}" for note in file["notes"])
        what = "is a graph" if whole else "samples subgraphs of a graph"
        lines.append(f"`{name}` {what} of {file['nodes']:,} nodes and {file['edges']:,} edges{notes}.\n")
    return lines


def _sizes(config: Mapping[str, Any]) -> str:
    if config.get("unit") == "graph":
        return "each as it is"
    if config["min_nodes"] is None and config["max_nodes"] is None:
        return "sizes 5-9, 10-14 or 15-19 nodes"
    return f"sizes {config['min_nodes'] or 5}-{config['max_nodes'] or 19} nodes"


def _test_part(config: Mapping[str, Any]) -> list[str]:
    own = {key.removeprefix("test_"): config[key] for key in TEST_KEYS if config.get(key) is not None}
    changes = [
        f"{key} {', '.join(map(str, value)) if isinstance(value, list) else value}"
        for key, value in own.items()
    ]
    return [f"- The test split is drawn otherwise: {'; '.join(changes)}"] if changes else []


def _size_category(rows: int) -> str:
    """The Hub's name for a number of rows.

    >>> _size_category(24_000)
    '10K<n<100K'
    """
    bounds = (
        (1_000, "n<1K"),
        (10_000, "1K<n<10K"),
        (100_000, "10K<n<100K"),
        (1_000_000, "100K<n<1M"),
        (10_000_000, "1M<n<10M"),
    )
    return next((name for bound, name in bounds if rows < bound), "10M<n<100M")
