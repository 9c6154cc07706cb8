"""Does a LoRA fine-tune of SmolLM2-135M beat its own few-shot prompting? `make bench-lora`.

500 questions (250 graphs, each asked for an edge and for a cycle) to learn from, the same test questions for
both, as many Yes as No. Both runs continue where they were stopped. About three quarters of an hour on one
quiet core; nothing in it is timed.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parents[1]
GRAPHS = ["--generators", "er", "--min-nodes", "5", "--max-nodes", "9", "--balance", "answers"]


def graphtalk(*arguments: str) -> None:
    """One graphtalk command, in a process of its own, with its output here."""
    print("$ graphtalk", " ".join(arguments), flush=True)
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    subprocess.run([sys.executable, "-m", "graphtalk", *arguments], env=environment, check=True)


def row(name: str, metrics: dict[str, Any]) -> str:
    """One line of percentages with their intervals."""
    cells = [*metrics["tasks"].values(), metrics["macro"]]
    shown = [f"{100 * c['accuracy']:5.1f} [{100 * c['low']:5.1f}, {100 * c['high']:5.1f}]" for c in cells]
    return f"{name:24s}" + "".join(f"{cell:>24s}" for cell in shown)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--model",
        type=Path,
        default=Path("demo/models/smollm2-135m-instruct"),
        help="what `graphtalk smollm2` makes",
    )
    parser.add_argument(
        "--out", type=Path, default=Path("runs/bench_lora"), help="folder of the dataset and the two runs"
    )
    parser.add_argument("--test", type=int, default=200, help="test questions of each task")
    parser.add_argument("--epochs", type=int, default=2)
    args = parser.parse_args()
    data, tuned, prompted = args.out / "data", args.out / "lora", args.out / "few_shot"
    sizes = ["--train", "250", "--validation", "0", "--test", str(args.test)]
    graphtalk("build", "--tasks", "edge_existence,cycle_check", *GRAPHS, *sizes, "--out", str(data))
    if not args.model.is_dir():
        graphtalk("smollm2", "--out", str(args.model))
    config = str(ROOT / "configs/finetune/smollm2_lora.yaml")
    own = ["--model_name_or_path", str(args.model), "--num_train_epochs", str(args.epochs), "--label", "LoRA"]
    if not torch.cuda.is_available():
        own.append(
            "--use_cpu"
        )  # transformers takes bf16 on a processor only where it is told that this is meant
    graphtalk("finetune", "--config", config, "--dataset", str(data), "--output_dir", str(tuned), *own)
    shown = ["--method", "few_shot", "--no-chat", "--max-new-tokens", "24", "--label", "few-shot"]
    graphtalk("prompt", "--data", str(data), "--model", f"hf:{args.model}", *shown, "--out", str(prompted))
    compare(tuned, prompted)


def compare(tuned: Path, prompted: Path) -> None:
    """Both runs with their intervals and floors, and whether the intervals of the macro accuracy lie
    apart.
    """
    after, before = (
        json.loads((run / "metrics.json").read_text(encoding="utf-8")) for run in (tuned, prompted)
    )
    versions = ", ".join(
        f"{package} {metadata.version(package)}" for package in ("torch", "transformers", "peft", "trl")
    )
    print(
        f"\n{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python"
        f" {platform.python_version()}, {versions}"
    )
    print(f"{'percent correct':24s}" + "".join(f"{name:>24s}" for name in (*after["tasks"], "macro")))
    print(row("LoRA on 500 examples", after))
    print(row("few-shot, no training", before))
    apart = after["macro"]["low"] > before["macro"]["high"]
    print(
        "LoRA is above few-shot, outside both intervals"
        if apart
        else "the intervals overlap, or LoRA is below: no improvement is shown"
    )


if __name__ == "__main__":
    main()
