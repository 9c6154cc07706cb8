"""One process of a fine-tuning run, started by `python -m finetune`, torchrun or `accelerate launch`."""

import os
import sys

from data_builders.errors import InputError
from data_builders.plugins import load_plugins
from finetune.launch import run_here
from finetune.processes import leave

if __name__ == "__main__":
    try:
        load_plugins()
        run_here(sys.argv[1:])
    except InputError as error:
        # All ranks read the same input, so one of them reports what is wrong with it. A subclass such as
        # TrainingStopped or NotANumber means that this rank alone may know.
        if os.environ.get("RANK", "0") == "0" or type(error) is not InputError:
            print(f"finetune: {error}", file=sys.stderr)
        leave(2)
    leave(0)
