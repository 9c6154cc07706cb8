"""`python -m finetune`, `torchrun -m finetune`, `accelerate launch -m finetune`: one process of a fine-tuning run."""

import atexit
import os
import sys

from data_builders.errors import InputError
from finetune.launch import run_here


def main() -> int:
    """Run, say in one line what is wrong, and return the exit code."""
    try:
        run_here(sys.argv[1:])
    except InputError as error:
        if os.environ.get("RANK", "0") == "0" or type(error) is not InputError:  # TrainingStopped: only that rank may know
            print(f"finetune: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    code = main()
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        sys.exit(code)
    # One of several: gloo's threads may hold tensors still, and abort a process whose Python ends before they let go
    # (pytorch/pytorch#179291); destroy_process_group does not stop them where a library's default arguments hold the group.
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
