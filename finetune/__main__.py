"""`python -m finetune`, `torchrun -m finetune`, `accelerate launch -m finetune`: one process of a fine-tuning
run.
"""

import os
import sys

from data_builders.errors import InputError
from data_builders.plugins import load_plugins
from finetune.launch import leave, run_here

if __name__ == "__main__":
    try:
        load_plugins()
        run_here(sys.argv[1:])
    except InputError as error:
        if (
            os.environ.get("RANK", "0") == "0" or type(error) is not InputError
        ):  # TrainingStopped: only that rank may know
            print(f"finetune: {error}", file=sys.stderr)
        leave(2)
    leave(0)
