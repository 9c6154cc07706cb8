"""One process of a fine-tuning run, started by `python -m finetune`, torchrun or `accelerate launch`."""

from data_builders.building.processes import run_rank
from finetune.launch import run_here

if __name__ == "__main__":
    run_rank("finetune", run_here)
