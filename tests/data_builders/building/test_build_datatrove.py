"""The datatrove pipeline of docs/build_datatrove.py makes the bytes of a plain build."""

import os
import subprocess
from pathlib import Path

import pytest
import yaml

from data_builders.building.build import build
from data_builders.building.config import load_config
from data_builders.building.verify import verify
from tests.helpers.programs import environment

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[3]


def test_a_pipeline_of_five_ranks_makes_the_same_files(tmp_path: Path) -> None:
    python = environment("datatrove", "datatrove==0.10.1", tmp_path)
    config = tmp_path / "data.yaml"
    keys = {"tasks": ["cycle_check", "shortest_path"], "train": 5500, "validation": 20, "test": 20}
    encoders = ["adjacency", "incident", "friendship", "expert"]
    config.write_text(yaml.safe_dump({"name": "piped", "generators": ["er"], "encoders": encoders, **keys}))
    command = [python, str(ROOT / "docs" / "build_datatrove.py"), str(config), "out", "--tasks", "5"]
    settings = {"cwd": tmp_path, "env": {**os.environ, "PYTHONPATH": str(ROOT)}, "timeout": 600}
    done = subprocess.run(command, capture_output=True, text=True, check=False, **settings)
    assert done.returncode == 0, done.stderr[-3000:]
    lock = build(load_config(config, {}), tmp_path / "plain")
    assert lock is not None and f"fingerprint {lock['fingerprint'][:12]}" in done.stdout
    assert verify(tmp_path / "out").difference is None
    assert len(lock["files"]) == 2 * (3 + 1 + 1)  # so that each rank has a shard
    assert len(list((tmp_path / "out.logs" / "completions").iterdir())) == 5
    again = subprocess.run(command, capture_output=True, text=True, check=False, **settings)
    assert again.returncode == 0 and "fingerprint" in again.stdout, again.stderr[-3000:]
