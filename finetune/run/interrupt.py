"""Ctrl-C and SIGTERM while training: the step ends, a checkpoint is saved, one line tells how to go on."""

import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from accelerate.utils import gather_object
from transformers import TrainerCallback

from data_builders.building.processes import leave

SIGNALS = (signal.SIGINT, signal.SIGTERM)
STEPS = 10  # after so many, several processes ask each other, since a signal may reach one of them


class StopOnSignal(TrainerCallback):
    """Ends training after the step in which a signal came; a second Ctrl-C ends it at once, unsaved."""

    def __init__(self) -> None:
        self.number = 0  # of the signal; 0 while none came
        self.before: dict[int, Any] = {}

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        if threading.current_thread() is threading.main_thread():  # no other thread gets signals
            self.before = {number: signal.signal(number, self.note) for number in SIGNALS}

    def note(self, number: int, _: FrameType | None) -> None:
        if self.number and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.number = self.number or number

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if args.world_size > 1:
            if state.global_step % STEPS:
                return
            self.number = max(gather_object([self.number]))
        if self.number:
            control.should_save = control.should_training_stop = True

    def on_train_end(self, *_: Any, **__: Any) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def leave_if_stopped(self, trainer: Any, run: Path) -> None:
        """End the process, with 128 + the signal's number as programs do, if a signal came."""
        step = trainer.state.global_step
        if not self.number or step >= trainer.state.max_steps:
            return
        if trainer.args.should_save:
            name = signal.Signals(self.number).name
            print(
                f"finetune: stopped by {name}; {run}/checkpoint-{step} is saved, "
                "and the same command goes on there",
                file=sys.stderr,
            )
        leave(128 + self.number)
