"""Compiled training steps: when a run uses them, and where what was compiled is kept.

A plain step of a T5-base is some 4,500 small launches, and an H100 waits for most of them: compiled, the same
step takes a third of the time and half the memory. One graph for any number of rows and tokens (`dynamic`) is
compiled once, in a minute or more, and the next run of the same shape reads it from disk.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

MULTIPLE = 8  # tokens that compiled batches are padded to a multiple of: tensor cores work on such tiles


def uses_compiled_steps(values: Mapping[str, Any], gpu: bool) -> bool:
    """Whether a run's steps are compiled: as `--torch_compile` says, else on a GPU where nothing that cannot
    be compiled as a whole takes part (DeepSpeed, FSDP, 4-bit weights, GRPO's generation).

    >>> plain = {"torch_compile": None, "method": "sft", "load_in_4bit": False, "deepspeed": None}
    >>> uses_compiled_steps(plain, gpu=True), uses_compiled_steps(plain, gpu=False)
    (True, False)
    >>> uses_compiled_steps({**plain, "load_in_4bit": True}, gpu=True)
    False
    """
    if values["torch_compile"] is not None:
        return bool(values["torch_compile"])
    spread = (
        values.get("deepspeed")
        or values.get("fsdp")
        or "true" in (os.environ.get("ACCELERATE_USE_DEEPSPEED"), os.environ.get("ACCELERATE_USE_FSDP"))
    )
    return gpu and not spread and not values["load_in_4bit"] and values["method"] == "sft"


def keep_compiled() -> None:
    """One graph for all shapes, kept in $GRAPHTALK_CACHE/compiled (~/.cache/graphtalk/compiled); what the
    environment says already stays as it is. To be called before accelerate and inductor read it.
    """
    root = Path(os.environ.get("GRAPHTALK_CACHE") or Path.home() / ".cache" / "graphtalk")
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(root / "compiled"))
    os.environ.setdefault("ACCELERATE_DYNAMO_USE_DYNAMIC", "true")
