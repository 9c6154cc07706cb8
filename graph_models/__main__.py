"""`torchrun -m graph_models gin --dataset ... --output_dir ...`: one process of a run."""

from data_builders.building.processes import run_rank
from graph_models.commands import fit_arguments

if __name__ == "__main__":
    run_rank("graph_models", fit_arguments)
