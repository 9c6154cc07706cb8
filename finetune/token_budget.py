"""`--max_tokens_per_batch auto`: how many tokens a batch may have on this GPU.

The memory of a step grows with its rows in a straight line, so two small steps over the longest rows tell how
many would fit. They are plain steps, which need more than compiled ones: what is found fits either way.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from data_builders.errors import InputError
from data_builders.files import write_text
from finetune.config import AUTO

SHARE = 0.85  # of the memory: fragments and the allocator's blocks need the rest
ROWS = (2, 4)  # of the two steps
MOMENTS = 8  # bytes a trained parameter of Adam's two averages, which no step has before the first update


def token_budget(requested: int | None, trainer: Any, lengths: list[int] | None, run: Path) -> int | None:
    """The tokens of a batch: those requested, or for `auto` the most that fit, which run/token_budget.json
    keeps for the runs that continue this one.

    lengths: tokens of each training row. InputError on a CPU and where several processes share the weights.
    """
    if requested != AUTO:
        return requested
    args = trainer.args
    if args.device.type != "cuda" or args.deepspeed or trainer.is_fsdp_enabled:
        raise InputError(
            "max_tokens_per_batch auto measures the memory of a GPU that holds a whole model; "
            "give a number, e.g. 8192"
        )
    free, total = torch.cuda.mem_get_info(args.device)
    file = run / "token_budget.json"
    facts = {"device": torch.cuda.get_device_name(args.device), "memory": total}
    if file.is_file():
        kept = json.loads(file.read_text(encoding="utf-8"))
        if {key: kept.get(key) for key in facts} == facts:
            return int(kept["tokens"])
    trained = sum(p.numel() for p in trainer.model.parameters() if p.requires_grad)
    held = torch.cuda.memory_allocated(args.device)
    room = int(SHARE * (free + held)) - MOMENTS * trained
    tokens = most_tokens(lambda rows: step_memory(trainer, lengths or [], rows), max(lengths or [1]), room)
    if args.world_size > 1:  # all ranks cut the same batches, as small as the fullest GPU needs them
        tokens = int(trainer.accelerator.gather(torch.tensor([tokens], device=args.device)).min())
    if args.should_save:
        write_text(file, json.dumps({**facts, "tokens": tokens}, indent=2) + "\n")
    return tokens


def most_tokens(memory: Callable[[int], int], length: int, room: int) -> int:
    """The tokens of as many rows of `length` tokens as fit `room` bytes, where `memory` says what a step of
    so many rows takes at its peak.

    >>> most_tokens(lambda rows: 1_000 + 50 * rows, length=300, room=6_000)
    30000
    """
    few, many = (memory(rows) for rows in ROWS)
    each = max(1, (many - few) // (ROWS[1] - ROWS[0]))
    rows = ROWS[0] + (room - few) // each
    if rows < 1:
        raise InputError(
            f"not even one row of {length} tokens fits this GPU; use --lora, --bf16, "
            "--gradient_checkpointing or a smaller model"
        )
    return int(rows) * length


def step_memory(trainer: Any, lengths: list[int], rows: int) -> int:
    """Bytes that a step over `rows` copies of the longest row holds at its peak; gradients are dropped
    afterwards.
    """
    longest = max(range(len(lengths)), key=lengths.__getitem__)
    batch = trainer.data_collator([trainer.train_dataset[longest]] * rows)
    inputs = {key: value.to(trainer.args.device) for key, value in batch.items()}
    if trainer.args.device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(trainer.args.device)
    trainer.model.train()
    try:
        with trainer.accelerator.autocast():
            trainer.compute_loss(trainer.model, inputs).backward()
    except torch.OutOfMemoryError:
        raise InputError(
            f"not even {rows} rows of {lengths[longest]} tokens fit this GPU; use --lora, --bf16, "
            "--gradient_checkpointing or a smaller model"
        ) from None
    finally:
        trainer.model.zero_grad(set_to_none=True)
    return peak(trainer.args.device)


def peak(device: torch.device) -> int:
    return int(torch.cuda.max_memory_allocated(device))
