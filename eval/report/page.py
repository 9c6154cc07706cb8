"""report.html: one page that needs no network, and no trust in what a model wrote."""

import base64
import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from data_builders.tasks.shortcuts import RULES
from eval.analysis.comparisons import Pair, packed, pairs
from eval.analysis.curves import DRAWN, Curves, by_distance, by_size
from eval.analysis.findings import findings
from eval.analysis.runs import Dataset, Report, Row
from eval.escape import for_html
from eval.report import plots
from eval.report.explorer import clipped, explorer_data, pack
from eval.report.page_calibration import calibration_section
from eval.report.page_slices import invariance_table, slice_tables
from eval.report.page_tables import (
    comparison,
    confusions,
    cost_table,
    data_tables,
    outcome_table,
    score_table,
)
from eval.report.tables import FLOOR_TEXT

SCRIPTS = ("explorer.js", "graph_view.js", "example_view.js", "compare.js")

HEAD = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src '{hash}'">
<title>graphtalk report</title>
<style>
"""

METHOD = """<details><summary>How to read this page</summary><div class="inside">
<p>Every number is a percentage of correct answers with its 95% interval and the number of questions n. A task's interval is Wilson's.
The macro mean weighs every task alike; its interval is stratified over the tasks (MOVER). Where questions share
graphs, both are widened by as much as answers about one graph are alike (design effect).
&ldquo;Above&rdquo; and &ldquo;below&rdquo; are said only
where two 95% intervals do not touch. Among many comparisons, a few may still be due to chance.</p>
<p>Floors answer the very questions that the runs above them answered, and are judged by the same scorer. <em>Majority</em> always gives
the most frequent answer of the train split, <em>random</em> one drawn from it. <em>Shortcut</em> follows one simple rule per task that
does not solve it; <em>trees</em> are boosted trees trained on a few counts around the asked nodes, which run no algorithm either. Where a
task has no rule or no trees, they give the majority answer. A score that is not above them does not show that the task was solved; a
cell's last line is its distance to the highest of them. Plots leave the random floor out. Outputs from which no answer
can be read (unparsed, truncated, refused, or error: no completion at all) stay in n and count as not correct.</p></div></details>"""

EXPLORER = """<section id="explorer"><h2>Questions and answers</h2>
<p class="hint" id="x-note">The explorer of single questions needs a script; everything else on this page does not.</p>
<div id="x-all" hidden><form id="x-filters" class="filters" role="search" aria-label="Filter the questions">
<label>dataset <select id="x-dataset"></select></label><label>task <select id="x-task"></select></label>
<label>run <select id="x-run"></select></label><label>outcome <select id="x-outcome"></select></label>
<label>graphs <select id="x-generator"></select></label><label>text <select id="x-encoder"></select></label>
<label class="wide">search <input id="x-search" type="search" autocomplete="off" placeholder="in questions, answers, outputs"></label>
<label class="tick"><input id="x-disagree" type="checkbox"> runs disagree (some right, some not)</label>
<button id="x-only" type="button" hidden></button><button id="x-clear" type="button">Clear</button></form>
<p class="hint"><output id="x-count" aria-live="polite">&hellip;</output> &middot; <kbd>j</kbd> <kbd>k</kbd> or arrows: next, previous;
<kbd>Enter</kbd>: read it; <kbd>Esc</kbd>: back to the list; <kbd>/</kbd>: search</p>
<div class="x"><div id="x-list" role="listbox" tabindex="0" aria-label="Questions"><div id="x-space" role="presentation"></div></div>
<div id="x-shown" role="region" tabindex="-1" aria-label="The chosen question"></div></div></div></section>"""


def _pre(text: str) -> str:
    return f"<pre>{for_html(clipped(text))}</pre>" if text else '<pre class="soft">(empty)</pre>'


def _beside(name: str) -> str:
    return (Path(__file__).parent / "assets" / name).read_text(encoding="utf-8")


def page(report: Report) -> str:
    """The whole page as text; the same report gives the same page."""
    script = "\n".join(map(_beside, SCRIPTS))
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    compared = [list(pairs(dataset)) for dataset in report.datasets]
    rows = [row for dataset in report.datasets for row in dataset.rows]
    judged = sum(sum(row.outcomes.values()) for row in rows)
    links = "".join(f'<a href="#d{i}">{for_html(_title(d))}</a>' for i, d in enumerate(report.datasets))
    parts = [
        HEAD.replace("{hash}", f"sha256-{digest}"),
        _beside("report.css"),
        "</style>\n</head>\n<body>\n<header><h1>Can it reason about graphs?</h1>",
        f'<p class="soft">{_count(len(rows), "run")} on {_count(len(report.datasets), "dataset")}, {judged:,} answers judged. ',
        "Each score stands beside what simple answering without understanding reaches on the same questions.</p>",
        f'<nav>{links}<a href="#explorer">Questions and answers</a><a href="#runs">Runs and environment</a></nav></header>\n<main>',
        _left_out(report),
        METHOD,
        *[
            _dataset(dataset, i, found)
            for i, (dataset, found) in enumerate(zip(report.datasets, compared, strict=True))
        ],
        EXPLORER,
        _runs(rows),
        "</main>\n<footer>",
        for_html(f"graphtalk {_version()}, Python {platform.python_version()}. This page needs no network."),
        f"</footer>\n{_blocks(report, compared)}<script>{script}</script>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _blocks(report: Report, compared: Sequence[Sequence[Pair]]) -> str:
    """The script's data. The type is none that a browser runs, and base64 cannot close the element."""
    index, blocks, prompts = explorer_data(report)
    named = [
        ("index", index),
        ("comparisons", pack([[packed(pair) for pair in found] for found in compared])),
        *((f"block-{i}", block) for i, block in enumerate(blocks)),
        *((f"prompts-{i}", block) for i, block in prompts.items()),
    ]
    return "".join(
        f'<script type="application/octet-stream" id="{name}">{data}</script>\n' for name, data in named
    )


def _version() -> str:
    try:
        return metadata.version("graphtalk")
    except metadata.PackageNotFoundError:
        return "from a clone"


def _count(n: int, what: str) -> str:
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def _title(dataset: Dataset) -> str:
    return dataset.name if dataset.split == "test" else f"{dataset.name} ({dataset.split})"


def _left_out(report: Report) -> str:
    if not report.left_out:
        return ""
    lines = "".join(f"<p>{for_html(line)}</p>" for line in report.left_out)
    return f'<div class="left-out"><p><b>Not in this report</b></p>{lines}</div>'


def _dataset(dataset: Dataset, index: int, found: Sequence[Pair]) -> str:
    asked = [e for sample in dataset.samples for examples in sample.examples.values() for e in examples]
    sizes = [e.num_nodes for e in asked]
    about = f"{dataset.split} split; graphs: {_few({e.generator for e in asked})}; text: {_few({e.encoder for e in asked})}; "
    about += f"{min(sizes)} to {max(sizes)} nodes"
    return "".join(
        [
            f'<section id="d{index}"><h2>{for_html(dataset.name)}</h2><p class="soft">{for_html(about)}</p>',
            "<h3>Accuracy</h3>",
            score_table(dataset),
            "<h3>What this shows</h3>",
            _findings(dataset),
            "<h3>Accuracy by task</h3>",
            f'<p class="legend">{_floor_keys(dataset)}</p><div class="panels">{plots.task_panels(dataset)}</div>',
            _panels(dataset, "Accuracy by number of nodes", "nodes", by_size(dataset)),
            _panels(
                dataset, "Accuracy by distance between the asked nodes", "edges apart", by_distance(dataset)
            ),
            slice_tables(dataset),
            invariance_table(dataset),
            comparison(dataset, index, found),
            confusions(dataset),
            "<h3>What the outputs were</h3>",
            plots.outcome_bars(dataset),
            outcome_table(dataset),
            "<h3>What it took</h3>",
            cost_table(dataset.rows),
            calibration_section(dataset),
            "<h3>The data</h3>",
            _data(dataset),
            "</section>",
        ]
    )


def _few(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _floor_keys(dataset: Dataset) -> str:
    def key(kind: str) -> str:
        mark = f'<svg viewBox="0 0 26 12" aria-hidden="true"><line class="key {kind}" x1="0" x2="26" y1="6" y2="6"/></svg>'
        return f"<span>{mark}{FLOOR_TEXT[kind]}</span>"

    whisker = '<svg viewBox="0 0 26 12" aria-hidden="true"><path class="whisker" fill="none" d="M2 6H24M2 2V10M24 2V10"/></svg>'
    drawn = [kind for kind in DRAWN if any(sample.floor(kind) for sample in dataset.samples)]
    return f"<span>{whisker}95% interval</span>{''.join(map(key, drawn))}"


def _panels(dataset: Dataset, title: str, unit: str, panels: Sequence[Curves]) -> str:
    if not panels:
        return ""
    largest = (
        f'<p class="hint">Floors on {for_html(dataset.samples[0].text)}.</p>'
        if len(dataset.samples) > 1
        else ""
    )
    legend = f'<p class="legend">{plots.legend(dataset.rows)}{_floor_keys(dataset)}</p>{largest}'
    return f'<h3>{title}</h3>{legend}<div class="panels">{"".join(plots.lines(one, unit) for one in panels)}</div>'


def _findings(dataset: Dataset) -> str:
    lines = ""
    for about, said in findings(dataset):
        lines += f"<li><b>{for_html(about or 'All runs')}</b>{''.join(f'<p>{for_html(text)}</p>' for text in said)}</li>"
    rules = "; ".join(
        f"{task.replace('_', ' ')}: {RULES[task].text}" for task in dataset.tasks if task in RULES
    )
    return f'<ul class="findings">{lines}</ul>' + (
        f'<p class="hint">Shortcuts. {for_html(rules)}.</p>' if rules else ""
    )


def _data(dataset: Dataset) -> str:
    config = dataset.lock.get("config")
    built = f"<h4>Build config</h4>{_pre(_yaml(config))}" if config else ""
    return f'<details><summary>Source, answer counts, leakage</summary><div class="inside">{data_tables(dataset)}{built}</div></details>'


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _runs(rows: list[Row]) -> str:
    out = ['<section id="runs"><h2>Runs and environment</h2>']
    for row in rows:
        assert row.run is not None
        environment = row.run.folder / "environment.json"
        machine = (
            _pre(environment.read_text(encoding="utf-8")) if environment.is_file() else "<p>not recorded</p>"
        )
        out.append(
            f"<details><summary>{for_html(row.label)} <small>{for_html(str(row.run.folder))}</small></summary>"
            f'<div class="inside"><h4>Config</h4>{_pre(_yaml(row.run.config))}<h4>Environment</h4>{machine}</div></details>'
        )
    return "".join(out) + "</section>"
