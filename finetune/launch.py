"""Start the processes of a fine-tuning run: this one, or `accelerate launch` for several."""

import atexit
import logging
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import yaml

from data_builders.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


def run_here(argv: list[str]) -> None:
    """Run in this process. Imports are here, since torch takes seconds that `graphtalk --help` need not wait
    for.
    """
    # DeepSpeed, where installed, is imported by others and remarks that there is no GPU
    logging.getLogger("DeepSpeed").addFilter(lambda record: record.levelno > logging.WARNING)
    try:
        from finetune.config import parser
        from finetune.train import main
    except ModuleNotFoundError as error:
        raise InputError(
            f"fine-tuning needs {error.name}; install it with `pip install 'graphtalk[finetune]'`"
        ) from None
    if {"-h", "--help"} & set(argv):
        parser().print_help()
        return
    main([a for a in argv if not a.startswith("--local_rank")])  # the deepspeed launcher adds it


def leave(code: int) -> NoReturn:
    """End this process; one of several ends without Python's own end.

    There gloo's threads may hold tensors still, and abort a process whose Python is gone before they let go
    of them (pytorch/pytorch#179291); destroy_process_group does not end them where a library's default
    arguments hold the group.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)


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


def check_port(accelerate_config: Path) -> None:
    """InputError where the port at which the processes are to meet on this machine is taken."""
    keys = yaml.safe_load(accelerate_config.read_text(encoding="utf-8")) or {}
    port = int(keys.get("main_process_port") or 0)
    if port == 0 or int(keys.get("machine_rank") or 0) > 0:
        return
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError:
            raise InputError(
                f"port {port} is in use; set main_process_port in {accelerate_config} to another, or 0 for a free one"
            ) from None


def meeting_error(message: str) -> str:
    """What to do where torch.distributed does not start, in one line.

    >>> meeting_error("The server socket has failed to listen on any local network address. port: 29500, code: -98, name: EADDRINUSE")
    'port 29500 is in use; take another (torchrun --master_port, main_process_port in the accelerate configuration: 0 is any free one)'
    """
    if "EADDRINUSE" in message:
        port = re.search(r"port: (\d+)", message)
        return (
            f"port {port[1] if port else ''} is in use; take another (torchrun --master_port, main_process_port in the accelerate "
            "configuration: 0 is any free one)"
        )
    return " ".join(message.split())[:300]


def worker_environment() -> dict[str, str]:
    """The environment of workers: a folder called `eval` or `finetune` in the user's working directory must
    not be imported for ours.
    """
    before = os.environ.get(
        "PYTHONPATH", ""
    )  # accelerate's DeepSpeed launcher appends the working directory to it, so ours must stand first
    ours = {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(p for p in (str(ROOT), before) if p)}
    return {"OMP_NUM_THREADS": "1", **os.environ, **ours}
