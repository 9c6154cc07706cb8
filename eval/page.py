"""report.html: one page that needs no network, and no trust in what a model wrote."""

import base64
import hashlib
import platform
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

import yaml

from data_builders.card import ANSWER_COLUMNS, GRAPH_COLUMNS, answer_rows, graph_rows
from eval import plots
from eval.explorer import clipped, explorer_data
from eval.findings import findings, percent
from eval.floors import RULES
from eval.prediction import OUTCOMES
from eval.rows import MAJORITY, SHORTCUT, Dataset, Report, Row
from eval.shown import for_html
from eval.statistics import Estimate
from eval.tables import FLOOR_TEXT, silent_rate

SCRIPTS = ("explorer.js", "graph_view.js", "example_view.js")

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
the most frequent answer of the train split. <em>Shortcut</em> follows one simple rule per task that does not solve it, and gives the
majority answer where no rule is known; a score that is not above it does not show that the task was solved. Outputs from which no answer
can be read (unparsed, truncated, refused, or error: no completion at all) stay in n and count as not correct.</p></div></details>"""


EXPLORER = """<section id="explorer"><h2>Questions and answers</h2>
<noscript><p class="hint">The explorer of single questions needs a script; everything else on this page does not.</p></noscript>
<form id="x-filters" class="filters" role="search" aria-label="Filter the questions">
<label>dataset <select id="x-dataset"></select></label><label>task <select id="x-task"></select></label>
<label>run <select id="x-run"></select></label><label>outcome <select id="x-outcome"></select></label>
<label>graphs <select id="x-generator"></select></label><label>text <select id="x-encoder"></select></label>
<label class="wide">search <input id="x-search" type="search" autocomplete="off" placeholder="in questions, answers, outputs"></label>
<label class="tick"><input id="x-disagree" type="checkbox"> runs disagree (some right, some not)</label>
<button id="x-clear" type="button">Clear</button></form>
<p class="hint"><output id="x-count" aria-live="polite">&hellip;</output> &middot; <kbd>j</kbd> <kbd>k</kbd> or arrows: next, previous;
<kbd>Enter</kbd>: read it; <kbd>Esc</kbd>: back to the list; <kbd>/</kbd>: search</p>
<div class="x"><div id="x-list" role="listbox" tabindex="0" aria-label="Questions"><div id="x-space" role="presentation"></div></div>
<div id="x-shown" role="region" tabindex="-1" aria-label="The chosen question"></div></div></section>"""


def _pre(text: str) -> str:
    return f"<pre>{for_html(clipped(text))}</pre>" if text else '<pre class="soft">(empty)</pre>'


def _beside(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def page(report: Report) -> str:
    """The whole page as text; the same report gives the same page."""
    script = "\n".join([*map(_beside, SCRIPTS), "startExplorer();\n"])
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
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
        *[_dataset(dataset, i) for i, dataset in enumerate(report.datasets)],
        EXPLORER,
        _runs(rows),
        "</main>\n<footer>",
        for_html(f"graphtalk {_version()}, Python {platform.python_version()}. This page needs no network."),
        f"</footer>\n{_blocks(report)}<script>{script}</script>\n</body>\n</html>\n",
    ]
    return "".join(parts)


def _blocks(report: Report) -> str:
    """The explorer's data. The type is none that a browser runs, and base64 cannot close the element."""
    index, blocks = explorer_data(report)
    named = [("index", index), *((f"block-{i}", block) for i, block in enumerate(blocks))]
    return "".join(f'<script type="application/octet-stream" id="{name}">{data}</script>\n' for name, data in named)


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


def _dataset(dataset: Dataset, index: int) -> str:
    asked = [e for sample in dataset.samples for examples in sample.examples.values() for e in examples]
    sizes = [e.num_nodes for e in asked]
    about = f"{dataset.split} split; graphs: {_few({e.generator for e in asked})}; text: {_few({e.encoder for e in asked})}; "
    about += f"{min(sizes)} to {max(sizes)} nodes"
    by_size = plots.size_panels(dataset)
    return "".join(
        [
            f'<section id="d{index}"><h2>{for_html(dataset.name)}</h2><p class="soft">{for_html(about)}</p>',
            "<h3>Accuracy</h3>",
            _table(dataset),
            "<h3>What this shows</h3>",
            _findings(dataset),
            "<h3>Accuracy by task</h3>",
            f'<p class="legend">{_floor_keys()}</p><div class="panels">{plots.task_panels(dataset)}</div>',
            f"<h3>Accuracy by number of nodes</h3>{_size_legend(dataset)}" if by_size else "",
            f'<div class="panels">{by_size}</div>' if by_size else "",
            "<h3>What the outputs were</h3>",
            plots.outcome_bars(dataset),
            _outcome_table(dataset),
            "<h3>The data</h3>",
            _data(dataset),
            "</section>",
        ]
    )


def _few(names: set[str]) -> str:
    return ", ".join(sorted(names))


def _floor_keys() -> str:
    def key(kind: str) -> str:
        mark = f'<svg viewBox="0 0 26 12" aria-hidden="true"><line class="key {kind}" x1="0" x2="26" y1="6" y2="6"/></svg>'
        return f"<span>{mark}{FLOOR_TEXT[kind]}</span>"

    whisker = '<svg viewBox="0 0 26 12" aria-hidden="true"><path class="whisker" fill="none" d="M2 6H24M2 2V10M24 2V10"/></svg>'
    return f"<span>{whisker}95% interval</span>{key(MAJORITY)}{key(SHORTCUT)}"


def _size_legend(dataset: Dataset) -> str:
    largest = f'<p class="hint">Floors on {for_html(dataset.samples[0].text)}.</p>' if len(dataset.samples) > 1 else ""
    return f'<p class="legend">{plots.legend(dataset.rows)}{_floor_keys()}</p>{largest}'


def _cell(e: Estimate | None, extra: str = "") -> str:
    if e is None:
        return f'<td{extra}><span class="soft">&ndash;</span></td>'
    return (
        f"<td{extra}><b>{percent(e.value)}</b><small>{percent(e.low)}&ndash;{percent(e.high)}</small>"
        f"<small>n&thinsp;=&thinsp;{e.n:,}</small></td>"
    )


def _table(dataset: Dataset) -> str:
    heads = "".join(f"<th>{for_html(task.replace('_', ' '))}</th>" for task in dataset.tasks)
    out = [f'<div class="scroll"><table><thead><tr><th>run</th><th>macro mean</th>{heads}<th>no answer</th></tr></thead>']
    for sample in dataset.samples:
        out.append("<tbody>")
        if len(dataset.samples) > 1:
            out.append(
                f'<tr class="sample"><th colspan="{len(dataset.tasks) + 3}">{for_html(sample.text[0].upper() + sample.text[1:])}</th></tr>'
            )
        out += [_table_row(dataset, row) for row in sample.rows + sample.floors]
        out.append("</tbody>")
    return "".join(out) + "</table></div>"


def _table_row(dataset: Dataset, row: Row) -> str:
    cells = _cell(row.macro, ' class="macro"') + "".join(_cell(row.cells.get(task)) for task in dataset.tasks)
    if row.run is None:
        return f'<tr class="floor"><th>{FLOOR_TEXT[row.label]}</th>{cells}<td></td></tr>'
    rates = silent_rate(row)
    parts = "".join(f"<small>{outcome} {percent(rate)}</small>" for outcome, rate in rates.items() if rate)
    name = f'<i class="swatch c{row.colour % plots.COLOURS}"></i>{for_html(row.label)}'
    return f"<tr><th>{name}</th>{cells}<td><b>{percent(sum(rates.values()))}</b>{parts}</td></tr>"


def _findings(dataset: Dataset) -> str:
    lines = ""
    for about, said in findings(dataset):
        lines += f"<li><b>{for_html(about or 'All runs')}</b>{''.join(f'<p>{for_html(text)}</p>' for text in said)}</li>"
    rules = "; ".join(f"{task.replace('_', ' ')}: {RULES[task].text}" for task in dataset.tasks if task in RULES)
    return f'<ul class="findings">{lines}</ul>' + (f'<p class="hint">Shortcuts. {for_html(rules)}.</p>' if rules else "")


def _outcome_table(dataset: Dataset) -> str:
    body = []
    for row in dataset.rows:
        assert row.run is not None
        for task, t in row.run.metrics["tasks"].items():
            counts = "".join(f"<td>{t['outcomes'][outcome]:,}</td>" for outcome in OUTCOMES)
            body.append(f"<tr><th>{for_html(row.label)}</th><td>{for_html(task.replace('_', ' '))}</td><td>{t['n']:,}</td>{counts}</tr>")
    heads = "".join(f"<th>{outcome}</th>" for outcome in OUTCOMES)
    table = f"<table><thead><tr><th>run</th><th>task</th><th>n</th>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'<details><summary>Counts per task</summary><div class="inside"><div class="scroll">{table}</div></div></details>'


def _data(dataset: Dataset) -> str:
    lock, parts = dataset.lock, []
    facts = {"folder": dataset.path, "fingerprint": lock.get("fingerprint")}
    versions = lock.get("versions")
    if isinstance(versions, dict):
        facts |= versions
    parts.append(_rows_table((), [[str(key), str(value)] for key, value in facts.items()]))
    found = lock.get("report")
    if found:
        parts.append("<h4>Answers; lists of nodes are counted by their length</h4>" + _rows_table(ANSWER_COLUMNS, answer_rows(found)))
        parts.append("<h4>Graphs, and how many of them are isomorphic to one in another split</h4>")
        parts.append(_rows_table(GRAPH_COLUMNS, graph_rows(found)))
    if lock.get("config"):
        parts.append(f"<h4>Build config</h4>{_pre(_yaml(lock['config']))}")
    return f'<details><summary>Source, answer counts, leakage</summary><div class="inside">{"".join(parts)}</div></details>'


def _yaml(value: Any) -> str:
    return yaml.safe_dump(value, sort_keys=False, allow_unicode=True)


def _rows_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{for_html(c)}</th>" for c in columns)
    body = "".join(f"<tr><th>{for_html(row[0])}</th>{''.join(f'<td>{for_html(cell)}</td>' for cell in row[1:])}</tr>" for row in rows)
    return f'<div class="scroll"><table class="facts"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _runs(rows: list[Row]) -> str:
    out = ['<section id="runs"><h2>Runs and environment</h2>']
    for row in rows:
        assert row.run is not None
        environment = row.run.folder / "environment.json"
        machine = _pre(environment.read_text(encoding="utf-8")) if environment.is_file() else "<p>not recorded</p>"
        out.append(
            f"<details><summary>{for_html(row.label)} <small>{for_html(str(row.run.folder))}</small></summary>"
            f'<div class="inside"><h4>Config</h4>{_pre(_yaml(row.run.config))}<h4>Environment</h4>{machine}</div></details>'
        )
    return "".join(out) + "</section>"
