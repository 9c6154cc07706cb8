"""How fast prompts are sent, kept and answered: `make bench-prompt`. Each part runs alone with --only load,
journal or local.

load: 10,000 prompts to a server in a process of its own, which answers each after 1 s, at concurrency 256;
    the ideal is 10,000 x 1 s / 256. The memory is that of the process that sends, at its largest.
journal: what it costs to keep one completion, in lists as long as they come at that rate (12), and one by
    one.
local: SmolLM2-135M on few-shot prompts with fixed exemplars, against transformers' `generate` on unsorted
    batches of 8 with the same stop strings. Times are of the processor, which other processes on the machine
    do not lengthen.
"""

import argparse
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.backends.registry import open_model
from prompting.budget import Budget
from prompting.journal import Journal
from prompting.run import PromptRun, complete_all, plan

PARTS = ("load", "journal", "local")


def load(prompts: int, concurrency: int, seconds: float, folder: Path) -> None:
    command = [sys.executable, "-m", "prompting.backends.fake_server", "--port", "0", "--delay", str(seconds)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        url = server.stdout.readline().split()[0]
        model = open_model(f"openai:fake@{url}", ModelOptions(64, concurrency=concurrency))
        requests = [
            Request(f"{'In an undirected graph, (i,j) means an edge. ' * 12}Q: number {i}?\nA: ")
            for i in range(prompts)
        ]
        with Journal(folder / "journal.sqlite", model.identity) as journal:
            begin, cpu = time.perf_counter(), time.process_time()
            found = complete_all(model, requests, journal, lambda *args: None, Budget())
            wall, cpu = time.perf_counter() - begin, time.process_time() - cpu
    finally:
        server.kill()
        server.wait()
    ideal = prompts * seconds / concurrency
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    failed = sum(c.finish_reason == "error" for c in found.values())
    print(
        f"load: {prompts:,} prompts, {concurrency} at a time, {seconds:g} s each: {wall:.1f} s, ideal"
        f" {ideal:.1f} s, ",
        end="",
    )
    print(
        f"ratio {wall / ideal:.3f} (aim 1.15); {cpu / prompts * 1000:.2f} ms cpu per prompt, {memory:.0f} MB"
        f" (aim 400), {failed} failed"
    )


def journal(prompts: int, folder: Path) -> None:
    text = (
        "In an undirected graph, (i,j) means that node i and node j are connected with an undirected edge. "
        * 12
    )
    for together in (12, 1):
        rows = [
            (Request(f"{text}{together} {i}"), Completion("Yes, there is a cycle.", "stop", 300, 8, 1.0))
            for i in range(prompts)
        ]
        with Journal(folder / f"{together}.sqlite", {"model": "m"}) as kept:
            begin = time.perf_counter()
            for start in range(0, prompts, together):
                kept.add(rows[start : start + together])
            wall = time.perf_counter() - begin
        print(
            f"journal: {together} at a time: {wall / prompts * 1000:.3f} ms per completion"
            + (" (aim 0.5)" if together > 1 else "")
        )


def local(model: Path, count: int, new: int, folder: Path) -> None:
    import torch

    from prompting.backends.hf import HfModel

    torch.set_num_threads(1)
    build(
        BuildConfig(
            tasks=("edge_existence",),
            train=200,
            validation=0,
            test=count,
            seed=7,
            min_nodes=8,
            max_nodes=12,
            workers=1,
        ),
        folder / "d",
    )
    prompts = [prompt for _, prompt in plan(PromptRun(folder / "d", "few_shot", exemplars="fixed"))]
    opened = HfModel(str(model), ModelOptions(new, dtype="float32", chat=False))
    said: dict[int, Completion] = {}
    begin = time.process_time()
    for some in opened.complete([Request(p) for p in prompts], (), Budget()):
        said.update(some)
    ours = time.process_time() - begin
    begin = time.process_time()
    plain = [text for start in range(0, count, 8) for text in _plain(opened, prompts[start : start + 8], new)]
    theirs = time.process_time() - begin
    same = sum(said[i].text == text for i, text in enumerate(plain))
    tokens = sum(c.prompt_tokens for c in said.values()) / count
    print(
        f"local: {count} prompts of {tokens:.0f} tokens, at most {new} new, float32, one thread:"
        f" {ours:.1f} s, ",
        end="",
    )
    print(
        f"plain generate {theirs:.1f} s, ratio {theirs / ours:.2f} (aim 2.5), {same} of {count} answers the"
        " same"
    )


def _plain(opened: Any, prompts: Sequence[str], new: int) -> list[str]:
    """What transformers' own generate says, in one batch, padded on the left."""
    model, tokenizer = opened._model, opened._tokenizer
    batch = tokenizer([p.rstrip(" ") for p in prompts], return_tensors="pt", padding=True)
    stop = {"stop_strings": list(opened._options.stop_strings(chat=False)), "tokenizer": tokenizer}
    out = model.generate(**batch, max_new_tokens=new, **stop)
    return [tokenizer.decode(row, skip_special_tokens=True) for row in out[:, batch["input_ids"].shape[1] :]]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", choices=PARTS, help="one part")
    parser.add_argument("--prompts", type=int, default=10_000, help="of load")
    parser.add_argument("--concurrency", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=1.0, help="until the server answers")
    parser.add_argument(
        "--model",
        type=Path,
        default=Path("demo/models/smollm2-135m-instruct"),
        help="made by `graphtalk smollm2`",
    )
    parser.add_argument("--count", type=int, default=32, help="prompts of local")
    parser.add_argument("--new", type=int, default=24, help="longest completion of local, in tokens")
    given = parser.parse_args()
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}, Python"
        f" {platform.python_version()}",
        end="; ",
    )
    print(
        ", ".join(
            f"{name} {metadata.version(name)}" for name in ("openai", "torch", "transformers", "graphtalk")
        ),
        flush=True,
    )
    with tempfile.TemporaryDirectory() as folder:
        if given.only in (None, "load"):  # first: the memory is of all that this process did
            load(given.prompts, given.concurrency, given.seconds, Path(folder))
        if given.only in (None, "journal"):
            journal(2000, Path(folder))
        if given.only in (None, "local"):
            if not given.model.is_dir():
                from prompting.backends.smollm2 import make_smollm2

                make_smollm2(given.model)
            local(given.model, given.count, given.new, Path(folder))


if __name__ == "__main__":
    main()
