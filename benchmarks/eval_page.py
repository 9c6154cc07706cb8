"""How fast a report of 50,000 predictions in 8 runs is built, and how soon its page can be used: part of
`make bench-eval`.

The answers are made up: right ones, wrong ones, long chains of thought, and ones from which nothing can be
    read.
"""

import argparse
import platform
import random
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.example import Example, dataset_tasks, read_examples, read_lock
from eval.analysis.runs import gather
from eval.prediction import Prediction, write_config, write_environment, write_predictions
from eval.report.write import write_report

RUNS, PREDICTIONS = 8, 50_000
FILTERS = (("#x-task", "cycle check"), ("#x-outcome", "wrong"))


def made_up(e: Example, skill: float, rng: random.Random) -> str:
    """An answer that is right with a chance of about `skill`."""
    if rng.random() < 0.05:
        return "Let me look at the graph again, since I am not sure which edges there are."
    answer = (
        e.answer if rng.random() < skill else rng.choice(("Yes.", "No.", "3.", "7.", "0, 1, 2.", "football"))
    )
    if rng.random() < 0.5:
        return (
            "Let me think step by step."
            f" {' '.join(f'Node {rng.randrange(20)} comes next.' for _ in range(15))} The answer is: {answer}"
        )
    return answer


def runs_on(data: Path, folder: Path) -> list[Path]:
    """Run folders that answer every test question of a dataset."""
    asked = [e for task in dataset_tasks(data) for e in read_examples(data, task, "test")]
    where = {
        "data": str(data),
        "dataset_fingerprint": read_lock(data)["fingerprint"],
        "split": "test",
        "tasks": dataset_tasks(data),
    }
    for r in range(RUNS):
        rng = random.Random(f"bench/{r}")
        config = {"label": f"model {r}", "kind": "prompt", **where, "limit": None}
        write_config(config, folder / f"run{r}")
        write_environment(folder / f"run{r}")
        said = [Prediction(e.id, made_up(e, 0.3 + 0.08 * r, rng), "stop", 300, 60, 0.5) for e in asked]
        write_predictions(said, folder / f"run{r}")
    return [folder / f"run{r}" for r in range(RUNS)]


def open_page(path: Path, chromium: str) -> dict[str, float]:
    """Milliseconds in the browser: from the start of loading until the explorer takes input; of a filter; of
    the search.
    """
    from playwright.sync_api import sync_playwright

    timed = """async ([id, label]) => {
        const field = document.querySelector(id), start = performance.now();
        field.value = [...field.options].find((option) => option.text === label).value;
        await filter();
        return performance.now() - start;
    }"""
    search = """async () => {
        const start = performance.now();
        byId("x-search").value = "comes next";
        await filter();
        return performance.now() - start;
    }"""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(path.as_uri())
        page.wait_for_selector("#explorer[data-ready]", timeout=60_000)
        found = {"ready": page.evaluate("performance.getEntriesByName('explorer-ready')[0].startTime")}
        found["filter"] = max(page.evaluate(timed, list(one)) for one in FILTERS)
        page.evaluate("clearFilters()")
        found["search"] = page.evaluate(search)
        browser.close()
    return found


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--predictions", type=int, default=PREDICTIONS)
    options.add_argument("--keep", type=Path, help="leave the dataset, the runs and the page in this folder")
    asked = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        root = asked.keep or Path(folder)
        tasks = 12
        graphs = -(-asked.predictions // RUNS // tasks)
        build(load_config(None, {"train": 500, "validation": 0, "test": graphs, "workers": 1}), root / "data")
        runs = runs_on(root / "data", root / "runs")
        cpu, wall = time.process_time(), time.perf_counter()
        report = gather(runs)
        judged = time.process_time() - cpu
        page = write_report(report, root / "report")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        total = RUNS * sum(len(asked) for asked in report.datasets[0].samples[0].examples.values())
        print(f"{platform.machine()}, Python {platform.python_version()}")
        print(
            f"{total:,} predictions in {RUNS} runs: judged in {judged:.1f} s, report in {cpu:.1f} s of one"
            " core"
        )
        print(f"({wall:.1f} s by the clock)")
        print(f"the page: {page.stat().st_size / 1e6:.1f} MB")
        chromium = shutil.which("chromium") or shutil.which("google-chrome")
        if chromium is None:
            print("no chromium here, so the page was not opened")
            return
        opened = [open_page(page, chromium) for _ in range(3)]
        middle = {what: statistics.median(one[what] for one in opened) for what in opened[0]}
        print(
            f"in headless chromium, median of 3: ready after {middle['ready']:.0f} ms, a filter in"
            f" {middle['filter']:.0f} ms, the first search of all texts in {middle['search']:.0f} ms"
        )


if __name__ == "__main__":
    main()
