"""Start the processes of a fine-tuning run: this one, or `accelerate launch` for several."""

import logging
import subprocess
import sys
from pathlib import Path

from data_builders.errors import InputError
from finetune.processes import check_port, worker_environment


def run_here(argv: list[str]) -> None:
    """Run in this process. Imports are here, since torch takes seconds that `graphtalk --help` need not wait
    for.
    """
    # DeepSpeed, where installed, is imported by others and remarks that there is no GPU
    logging.getLogger("DeepSpeed").addFilter(lambda record: record.levelno > logging.WARNING)
    from finetune.config import parser
    from finetune.train import main

    if {"-h", "--help"} & set(argv):
        parser().print_help()
        return
    main([a for a in argv if not a.startswith("--local_rank")])  # the deepspeed launcher adds it


def launch(argv: list[str], accelerate_config: Path) -> int:
    """Run `accelerate launch --config_file FILE -m finetune ...` and return its exit code; bad arguments are
    found first.
    """
    from finetune.config import read_arguments

    if not accelerate_config.is_file():
        raise InputError(f"{accelerate_config}: no such accelerate configuration; see configs/accelerate/")
    read_arguments(argv)
    check_port(accelerate_config)
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--config_file",
        str(accelerate_config),
        "-m",
        "finetune",
        *argv,
    ]
    return subprocess.run(command, env=worker_environment(), check=False).returncode
