"""How fast datasets are built: `make bench-build`.

Each line is a build in a process of its own. Rates are examples per second of processor time (one core) or of
wall time (several workers); the time to start Python is left out. "of" compares with the first line.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

from data_builders.building.build import build
from data_builders.building.config import load_config

TEN = (
    "edge_existence,node_degree,node_count,edge_count,connected_nodes,disconnected_nodes,"
    "cycle_check,reachability,shortest_path"
)
TEN += ",triangle_counting"
FIVE = "edge_existence,node_degree,cycle_check,reachability,shortest_path"
WARM = {"tasks": TEN, "train": 50, "validation": 0, "test": 0, "workers": 1}


def cases(scale: float) -> list[tuple[str, dict[str, object]]]:
    """Name and config of every line; `scale` makes all of them larger or smaller."""

    def graphs(n: int) -> dict[str, object]:
        return {"train": max(2, int(n * scale)), "validation": 0, "test": 0, "workers": 1}

    apart = {"validation": 500, "test": 500}  # one graph in eight is of each
    lines: list[tuple[str, dict[str, object]]] = [
        ("1 task", {"tasks": "edge_existence", "rationales": False, **graphs(200_000)}),
        ("10 tasks", {"tasks": TEN, "rationales": False, **graphs(50_000)}),
        ("1 task, rationales", {"tasks": "edge_existence", **graphs(200_000)}),
        ("10 tasks, rationales", {"tasks": TEN, **graphs(50_000)}),
        (
            "1 task, three splits",
            {"tasks": "edge_existence", "rationales": False, **graphs(200_000), **apart},
        ),
        ("10 tasks, three splits", {"tasks": TEN, "rationales": False, **graphs(50_000), **apart}),
        ("12 tasks of GraphQA", {**graphs(5_000)}),
    ]
    for millions in (
        1,
        3,
    ):  # a second process takes a second to start: the longer the build, the less that weighs
        for workers in (1, 2):
            keys = {"tasks": TEN, "rationales": False, **graphs(millions * 100_000), "workers": workers}
            lines.append((f"10 tasks, {millions} M, workers: {workers}", keys))
    for n in (10, 30, 100, 300, 1000):
        # ba brings m ~ U(1, n-1) edges per node; sparse graphs of about 10 n edges are what real networks
        # look like
        keys = {
            "tasks": FIVE,
            "rationales": False,
            "generators": "er",
            "min_nodes": n,
            "max_nodes": n,
            "density": f"{20 / max(n, 21):.4f}",
        }
        lines.append((f"5 tasks, n = {n}, 10 n edges", {**keys, **graphs(max(200, 40_000 // n))}))
    return lines


def measure(keys: dict[str, object]) -> dict[str, float]:
    """Build once: examples, seconds of processor time and of wall time, and the largest memory of this
    process and its workers.
    """
    with tempfile.TemporaryDirectory() as folder:
        build(load_config(None, WARM), Path(folder) / "warm")
        config = load_config(None, dict(keys))
        cpu, wall = time.process_time(), time.perf_counter()
        build(config, Path(folder) / "d")
        cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
        size = sum(path.stat().st_size for path in (Path(folder) / "d").rglob("*.parquet"))
    kilobytes = max(
        resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return {"rows": config.rows, "cpu": cpu, "wall": wall, "bytes": size, "memory": kilobytes / 1024}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="larger or smaller builds")
    parser.add_argument("--only", default="", help="lines whose name has this in it")
    parser.add_argument(
        "--one", help=argparse.SUPPRESS
    )  # the config of one line, as JSON: the process that builds
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(json.loads(given.one))))
        return
    names = ("networkx", "pyarrow", "graphtalk")
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
        f" {platform.python_version()}",
        end="; ",
    )
    print(", ".join(f"{name} {metadata.version(name)}" for name in names))
    print(
        f"{'build':32} {'examples':>10} {'s cpu':>7} {'s wall':>7} {'per s':>9} {'of':>6} {'B each':>7}"
        f" {'MB':>5}"
    )
    first, rates = 0.0, {}
    for name, keys in cases(given.scale):
        if given.only not in name:
            continue
        run = subprocess.run(
            [sys.executable, "-m", "benchmarks.build", "--one", json.dumps(keys)],
            check=True,
            capture_output=True,
            text=True,
        )
        found = json.loads(run.stdout)
        rate = found["rows"] / found["wall" if "worker" in name else "cpu"]
        first, rates[name] = first or rate, rate
        print(
            f"{name:32} {found['rows']:10,.0f} {found['cpu']:7.1f} {found['wall']:7.1f} {rate:9,.0f}"
            f" {rate / first:6.2f} {found['bytes'] / found['rows']:7.0f} {found['memory']:5.0f}",
            flush=True,
        )
    for name, rate in rates.items():
        if name.endswith("workers: 2"):
            one = rates[name.replace("workers: 2", "workers: 1")]
            print(f"{name}: {rate / one:.2f} times as fast as one, by the clock")


if __name__ == "__main__":
    main()
