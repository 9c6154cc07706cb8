"""Processes of one run: the port where they meet, workers' environment, how many there are."""

import os
import re
import socket
from itertools import pairwise
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import yaml

from data_builders.errors import InputError

ROOT = Path(__file__).resolve().parents[1]


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
                f"port {port} is in use; set main_process_port in {accelerate_config} to another, "
                "or 0 for a free one"
            ) from None


def meeting_error(message: str) -> str:
    """What to do where torch.distributed does not start, in one line.

    >>> meeting_error("The server socket has failed to listen. port: 29500, code: -98, name: EADDRINUSE")[:37]
    'port 29500 is in use; take another (t'
    """
    if "EADDRINUSE" in message:
        port = re.search(r"port: (\d+)", message)
        return (
            f"port {port[1] if port else ''} is in use; take another (torchrun --master_port, "
            "main_process_port in the accelerate "
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


def check_processes(world_size: int) -> None:
    """InputError where `accelerate launch` was asked for more processes than it started, as it does with
    --cpu, without a word.
    """
    requested = requested_processes(parent_command())
    if requested is not None and requested != world_size:
        raise InputError(
            f"accelerate was asked for {requested} processes and started {world_size}: with --cpu or "
            "use_cpu it starts one; "
            "leave that out and give --use_cpu to the run (configs/accelerate/cpu.yaml), or use torchrun"
        )


def parent_command() -> list[str]:
    """The command line of the process that started this one."""
    try:
        parent = psutil.Process().parent()
        return [] if parent is None else parent.cmdline()
    except psutil.Error:
        return []


def requested_processes(command: list[str]) -> int | None:
    """How many processes a command line asks `accelerate launch` for, with flags or its configuration file;
    None for another command.

    >>> requested_processes("python accelerate launch --cpu --num_processes 2 -m finetune".split())
    2
    >>> requested_processes(["bash"]) is None
    True
    """
    if not any(
        word.endswith(("accelerate", "accelerate.commands.launch", "accelerate-launch"))
        for word in command[:3]
    ):
        return None
    flags = [part for word in command for part in word.split("=", 1)]
    ours = flags.index("-m", 3) if "-m" in flags[3:] else len(flags)
    given = dict(pairwise(flags[:ours]))
    if "--num_processes" in given:
        return int(given["--num_processes"])
    path = Path(given.get("--config_file", ""))
    return (
        int(yaml.safe_load(path.read_text(encoding="utf-8")).get("num_processes", 1))
        if path.is_file()
        else None
    )
