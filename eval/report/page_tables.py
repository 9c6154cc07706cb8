"""The tables of report.html."""

from collections.abc import Mapping, Sequence

from data_builders.building.card import ANSWER_COLUMNS, GRAPH_COLUMNS, answer_rows, graph_rows
from eval.analysis.compare import NOTE
from eval.analysis.comparisons import MOST_RUNS, Pair
from eval.analysis.confusion import Confusion, confusion
from eval.analysis.costs import cost
from eval.analysis.findings import percent
from eval.analysis.runs import Dataset, Row, Sample
from eval.escape import for_html
from eval.prediction import OUTCOMES
from eval.report.plots import COLOURS
from eval.report.tables import FLOOR_TEXT, silent_rate
from eval.statistics.intervals import Estimate


def cell(e: Estimate | None, extra: str = "", margin: str = "") -> str:
    """A `td` with an accuracy, its interval and its n."""
    if e is None:
        return f'<td{extra}><span class="soft">&ndash;</span></td>'
    return (
        f"<td{extra}><b>{percent(e.value)}</b><small>{percent(e.low)}&ndash;{percent(e.high)}</small>"
        f"<small>n&thinsp;=&thinsp;{e.n:,}</small>{margin}</td>"
    )


def score_table(dataset: Dataset) -> str:
    heads = "".join(f"<th>{for_html(task.replace('_', ' '))}</th>" for task in dataset.tasks)
    out = [
        f'<div class="scroll"><table><thead><tr><th>run</th><th>macro mean</th>{heads}<th>no answer</th></tr></thead>'
    ]
    for sample in dataset.samples:
        out.append("<tbody>")
        if len(dataset.samples) > 1:
            out.append(
                f'<tr class="sample"><th colspan="{len(dataset.tasks) + 3}">{for_html(sample.text[0].upper() + sample.text[1:])}</th></tr>'
            )
        out += [_table_row(dataset, sample, row) for row in sample.rows + sample.floors]
        out.append("</tbody>")
    return "".join(out) + "</table></div>"


def points(share: float) -> str:
    """A difference of accuracies in percentage points.

    >>> points(-0.125)
    '−12.5'
    """
    return f"{100 * share:+.1f}".replace("-", "−")


def _margin(value: float, floors: Mapping[str, float]) -> str:
    """How far an accuracy is above or below the highest floor on the same questions."""
    if not floors:
        return ""
    name = max(floors, key=floors.__getitem__)  # of equals the first, the majority
    called = {"rule": "shortcut"}.get(name, name.split("_")[0])
    return f'<small class="margin">{points(value - floors[name])} vs {called}</small>'


def _margins(sample: Sample, row: Row) -> dict[str | None, str]:
    """By task, and for the macro mean under None."""
    if row.run is None or row.macro is None:
        return {}
    together = {floor.label: floor.macro.value for floor in sample.floors if floor.macro is not None}
    judged = row.run.metrics["tasks"]
    return {
        None: _margin(row.macro.value, together),
        **{task: _margin(t["accuracy"], t["floors"]) for task, t in judged.items()},
    }


def _table_row(dataset: Dataset, sample: Sample, row: Row) -> str:
    margins = _margins(sample, row)
    cells = cell(row.macro, ' class="macro"', margins.get(None, ""))
    cells += "".join(cell(row.cells.get(task), "", margins.get(task, "")) for task in dataset.tasks)
    if row.run is None:
        return f'<tr class="floor"><th>{FLOOR_TEXT[row.label]}</th>{cells}<td></td></tr>'
    rates = silent_rate(row)
    parts = "".join(f"<small>{outcome} {percent(rate)}</small>" for outcome, rate in rates.items() if rate)
    name = f'<i class="swatch c{row.colour % COLOURS}"></i>{for_html(row.label)}'
    return f"<tr><th>{name}</th>{cells}<td><b>{percent(sum(rates.values()))}</b>{parts}</td></tr>"


def outcome_table(dataset: Dataset) -> str:
    body = []
    for row in dataset.rows:
        assert row.run is not None
        for task, t in row.run.metrics["tasks"].items():
            counts = "".join(f"<td>{t['outcomes'][outcome]:,}</td>" for outcome in OUTCOMES)
            body.append(
                f"<tr><th>{for_html(row.label)}</th><td>{for_html(task.replace('_', ' '))}</td><td>{t['n']:,}</td>{counts}</tr>"
            )
    heads = "".join(f"<th>{outcome}</th>" for outcome in OUTCOMES)
    table = f"<table><thead><tr><th>run</th><th>task</th><th>n</th>{heads}</tr></thead><tbody>{''.join(body)}</tbody></table>"
    return f'<details><summary>Counts per task</summary><div class="inside"><div class="scroll">{table}</div></div></details>'


def cost_table(rows: Sequence[Row]) -> str:
    """Time, tokens and, where a config names the price, money per run; what no run recorded has no column."""
    heads = [
        "run",
        "answers",
        "seconds",
        "answers per second",
        "prompt tokens",
        "output tokens",
        "output tokens per second",
        "dollars",
    ]
    body: list[list[str]] = []
    for row in rows:
        c = cost(row)
        rate, speed = c.per_second(c.answers), c.per_second(c.output_tokens)
        amounts = [f"{c.seconds:,.1f}" if c.seconds else "", f"{rate:,.1f}" if rate else ""]
        amounts += [f"{tokens:,}" if tokens else "" for tokens in (c.prompt_tokens, c.output_tokens)]
        amounts += [f"{speed:,.0f}" if speed else "", "" if c.dollars is None else f"{c.dollars:,.4f}"]
        body.append([row.label, f"{c.answers:,}", *amounts])
    kept = [k for k in range(len(heads)) if any(line[k] for line in body)]
    if len(kept) <= 2:
        return '<p class="hint">These runs recorded neither time nor tokens.</p>'
    return simple_table([heads[k] for k in kept], [[line[k] or "–" for k in kept] for line in body], "costs")


def comparison(dataset: Dataset, index: int, pairs: Sequence[Pair]) -> str:
    """Two selects, which compare.js reads, and every pair over all questions for who has no script."""
    rows = dataset.rows
    if len(rows) < 2:
        return ""
    kept = sorted({i for pair in pairs for i in (pair.a, pair.b)})
    if not kept:
        return '<h3>Two runs compared</h3><p class="hint">No two runs answered a question in common.</p>'
    selects = ""
    for side, chosen in (("a", kept[0]), ("b", kept[1])):
        options = "".join(
            f'<option value="{i}"{" selected" if i == chosen else ""}>{for_html(rows[i].label)}</option>'
            for i in kept
        )
        selects += f'<label>{side.upper()} <select id="c-{side}-{index}">{options}</select></label>'
    body = []
    for pair in pairs:
        p = pair.found.together
        interval = f"{points(p.difference)} [{points(p.low)}, {points(p.high)}]"
        body.append(
            [
                f"{rows[pair.a].label} − {rows[pair.b].label}",
                f"{p.n:,}",
                interval,
                f"{p.p:.3f}" if p.p >= 0.001 else "< 0.001",
            ]
        )
    few = f" The {MOST_RUNS} best runs are compared." if len(rows) > len(kept) else ""
    return (
        f'<h3>Two runs compared</h3><p class="hint">On the questions that both answered. {NOTE}{few}</p>'
        f'<form id="compare-{index}" class="filters" hidden>{selects}</form><div id="c-table-{index}" aria-live="polite"></div>'
        f'<details><summary>Every pair, over all questions</summary><div class="inside">'
        f"{simple_table(('first − second', 'n', 'points [95%]', 'p'), body)}</div></details>"
    )


def confusions(dataset: Dataset) -> str:
    """Per task a table per run: right answers down, read answers across, cells shaded by their share of the
    row.
    """
    out = []
    for task in dataset.tasks:
        tables = [(row, confusion(row, task)) for row in dataset.rows]
        shown = "".join(_confusion(row, found) for row, found in tables if found is not None)
        if shown:
            name = for_html(task.replace("_", " "))
            out.append(
                f'<details><summary>{name}</summary><div class="inside panels narrow">{shown}</div></details>'
            )
    if not out:
        return ""
    hint = "Right answers down, answers read across; a row's shades add up to all its questions."
    return f'<h3>Which answers are taken for which</h3><p class="hint">{hint}</p>{"".join(out)}'


def _confusion(row: Row, found: Confusion) -> str:
    heads = "".join(f"<th>{for_html(said)}</th>" for said in found.said)
    body = ""
    for gold, counts in zip(found.gold, found.counts, strict=True):
        total = sum(counts)
        cells = "".join(
            f'<td class="h{round(10 * k / total)}{" right" if said == gold else ""}">{k:,}</td>'
            for said, k in zip(found.said, counts, strict=True)
        )
        body += f"<tr><th>{for_html(gold)}</th>{cells}</tr>"
    table = f'<table class="confusion"><thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>'
    return f'<figure><figcaption>{for_html(row.label)}</figcaption><div class="scroll">{table}</div></figure>'


def data_tables(dataset: Dataset) -> str:
    """What the lock says of the dataset: source, answer counts, leakage."""
    lock, parts = dataset.lock, []
    facts = {"folder": dataset.path, "fingerprint": lock.get("fingerprint")}
    versions = lock.get("versions")
    if isinstance(versions, dict):
        facts |= versions
    parts.append(simple_table((), [[str(key), str(value)] for key, value in facts.items()]))
    found = lock.get("report")
    if found:
        parts.append(
            "<h4>Answers; lists of nodes are counted by their length</h4>"
            + simple_table(ANSWER_COLUMNS, answer_rows(found))
        )
        parts.append("<h4>Graphs, and how many of them differ by more than the numbering of their nodes</h4>")
        parts.append(simple_table(GRAPH_COLUMNS, graph_rows(found)))
    return "".join(parts)


def simple_table(columns: Sequence[str], rows: Sequence[Sequence[str]], kind: str = "facts") -> str:
    head = "".join(f"<th>{for_html(c)}</th>" for c in columns)
    body = "".join(
        f"<tr><th>{for_html(row[0])}</th>{''.join(f'<td>{for_html(cell)}</td>' for cell in row[1:])}</tr>"
        for row in rows
    )
    return f'<div class="scroll"><table class="{kind}"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
