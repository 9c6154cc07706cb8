"""Real processes for the tests of distributed training: `torchrun`, and runs that are killed."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


def command(processes: int, *what: str) -> list[str]:
    """What starts `what` in so many processes."""
    if processes == 1:
        return [sys.executable, *what]
    return [
        sys.executable,
        "-m",
        "torch.distributed.run",
        "--standalone",
        "--nproc_per_node",
        str(processes),
        *what,
    ]


def run_together(folder: Path, runs: Sequence[Sequence[str]], processes: int = 2) -> str:
    """Fine-tuning runs one after another within the same processes, which saves the seconds of starting; what
    they printed.
    """
    worker = folder / f"worker_{abs(hash(str(runs)))}.py"
    lines = [
        "from data_builders.building.processes import leave",
        "from finetune.train import main",
        *(f"main({list(argv)!r})" for argv in runs),
        "leave(0)",
    ]
    worker.write_text("\n".join(lines))
    done = subprocess.run(
        command(processes, str(worker)),
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout
