"""`torchrun -m graph_models gin --dataset ... --output_dir ...`: one process of a run."""

import os
import sys

from data_builders.errors import InputError
from graph_models.commands import fit_arguments

if __name__ == "__main__":
    code = 0
    try:
        fit_arguments(sys.argv[1:])
    except InputError as error:
        print(f"graph_models: {error}", file=sys.stderr)
        code = 2
    if int(os.environ.get("WORLD_SIZE", "1")) > 1:
        # gloo's threads may abort a process whose Python ends before them (pytorch/pytorch#179291)
        sys.stdout.flush()
        os._exit(code)
    sys.exit(code)
