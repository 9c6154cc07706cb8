"""Build a dataset as a datatrove pipeline: rank k of n makes shard k + 1 of n, and a last build completes it.

    python docs/build_datatrove.py configs/data/graphqa.yaml data/large --tasks 64 --workers 16

runs on this machine. Under Slurm put `SlurmPipelineExecutor` in the place of `LocalPipelineExecutor`, with
its partition and time, and start the last build in a job that depends on the first (`depends=`). A rank that
is done is not run again (its completion lies in the logging folder), and one that was killed continues.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from datatrove.executor import LocalPipelineExecutor
from datatrove.pipeline.base import PipelineStep

import graphtalk
from data_builders.building.config import load_config


class BuildShard(PipelineStep):
    """One shard of a dataset for each rank; no documents go through it."""

    name = "graphtalk build --shard"
    type = "🕸 - BUILDER"

    def __init__(self, config: Path, out: Path) -> None:
        super().__init__()
        self.config, self.out = config, out

    def run(self, data: Iterator[None] | None, rank: int = 0, world_size: int = 1) -> Iterator[None]:
        config = load_config(self.config, {"workers": 1})  # a rank is a process already
        with self.track_time():
            graphtalk.build(config, self.out, part=(rank + 1, world_size))
        self.stat_update("shards")
        yield from data or ()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("config", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--tasks", type=int, default=4, help="shards, which are datatrove's tasks")
    parser.add_argument("--workers", type=int, default=2, help="of them at a time")
    args = parser.parse_args()
    LocalPipelineExecutor(
        pipeline=[BuildShard(args.config, args.out)],
        tasks=args.tasks,
        workers=args.workers,
        logging_dir=f"{args.out}.logs",
        skip_completed=True,
    ).run()
    lock = graphtalk.build(load_config(args.config, {}), args.out)  # without a part: completes the folder
    print(f"{args.out}: fingerprint {lock['fingerprint'][:12]}")


if __name__ == "__main__":
    main()
