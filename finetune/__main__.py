"""`python -m finetune`, `torchrun -m finetune`, `accelerate launch -m finetune`: one process of a fine-tuning
run.
"""

import os
import sys

from data_builders.errors import InputError
from finetune.launch import run_here
from finetune.processes import leave

if __name__ == "__main__":
    try:
        run_here(sys.argv[1:])
    except InputError as error:
        if (
            os.environ.get("RANK", "0") == "0" or type(error) is not InputError
        ):  # TrainingStopped: only that rank may know
            print(f"finetune: {error}", file=sys.stderr)
        leave(2)
    leave(0)
