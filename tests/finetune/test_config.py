"""YAML under flags, and one line with exit code 2 for whatever cannot be used."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

import graphtalk
from data_builders.errors import InputError
from tests.helpers.finetune_data import write_dataset

pytestmark = pytest.mark.torch
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 30, "test": 7})


def test_flags_override_yaml_and_both_are_typed(data: Path, tmp_path: Path) -> None:
    from finetune.config import parse

    path = tmp_path / "c.yaml"
    typed = {
        "learning_rate": "1e-3",
        "max_steps": -1,
        "lora": True,
        "seed": 5,
        "use_cpu": True,
        "limit": None,
    }
    path.write_text(yaml.safe_dump({**typed, "model_config": {"d_model": 64}, "tasks": ["node_degree"]}))
    over = ["--seed", "6", "--tasks", "node_degree,edge_existence"]
    options = parse([f"--config={path}", "--dataset", str(data), "--output-dir", str(tmp_path), *over])
    assert (options.train.learning_rate, options.train.seed, options.train.max_steps) == (1e-3, 6, -1)
    assert options.data.tasks == ["node_degree", "edge_existence"]
    assert (
        options.lora.lora and options.model.model_config == '{"d_model": 64}' and options.data.limit is None
    )
    given = {"dataset", "output_dir", "learning_rate", "model_config", "tasks", "lora", "seed", "use_cpu"}
    assert set(options.given) == given


@pytest.mark.parametrize("name", sorted(p.name for p in (ROOT / "configs" / "finetune").glob("*.yaml")))
def test_shipped_configurations_are_valid(name: str, data: Path, tmp_path: Path) -> None:
    from finetune.config import check_arguments, parser, yaml_flags

    flags = parser()
    argv = yaml_flags(ROOT / "configs" / "finetune" / name, {a.dest for a in flags._actions})
    more = (
        []
        if any(a.startswith(("--model_name_or_path", "--model_config")) for a in argv)
        else ["--model_name_or_path", "x"]
    )
    namespace, rest = flags.parse_known_args(
        [*argv, *more, "--dataset", str(data), "--output_dir", str(tmp_path)]
    )
    assert rest == []
    check_arguments(namespace)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "configs" / "accelerate").glob("*.yaml")), ids=lambda p: p.stem
)
def test_accelerate_knows_every_key(path: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser

    config = load_config_from_file(str(path))
    assert config.mixed_precision in {"bf16", "no"}
    arguments = launch_command_parser().parse_args(["--config_file", str(path), "-m", "finetune"])
    flags = vars(_validate_launch_command(arguments)[0])
    assert flags["use_deepspeed"] == path.stem.startswith("zero")
    assert flags["multi_gpu"] == (path.stem in {"ddp", "two_nodes", "cpu"})
    for key, value in config.deepspeed_config.items():
        assert flags[key] == value


BAD = {
    "unknown flag": (
        ["--learning_rat", "1"],
        "unknown argument '--learning_rat'; did you mean --learning_rate",
    ),
    "wrong type": (["--max_steps", "many"], "argument --max_steps/--max-steps: invalid int value: 'many'"),
    "wrong choice": (
        ["--lr_scheduler_type", "sometimes"],
        "invalid choice: 'sometimes' (choose from 'linear'",
    ),
    "no such task": (["--tasks", "nodecount"], "choose from edge_existence, node_degree"),
    "no such split": (["--test_split", "validation"], "has no split 'validation'; it has test, train"),
    "no validation": (["--eval_strategy", "epoch"], "has no split 'validation'; it has test, train"),
    "no such dataset": (["--dataset", "nowhere"], "nowhere: not a dataset folder"),
    "no such file or directory": (
        ["--config", "no.yaml"],
        "no.yaml: cannot be read (no such file or directory)",
    ),
    "fp16": (["--fp16"], "fp16 overflows in T5's feed-forward layers; use --bf16"),
    "two models": (["--model_name_or_path", "x"], "give either model_name_or_path"),
    "bad size": (
        ["--model_config", "t5_2m"],
        "unknown model_config 't5_2m'; choose from t5_16m, t5_1m, t5_4m",
    ),
    "bad key": (
        ["--model_config", "{d_modle: 3}"],
        "model_config: unknown key 'd_modle'; did you mean d_model",
    ),
    "zero": (["--max_tokens_per_batch", "0"], "max_tokens_per_batch must be at least 1, not 0"),
    "too long": (["--max_source_length", "9"], "set max_source_length to"),
    "embeddings without lora": (["--train_embeddings"], "train_embeddings belongs to --lora"),
    "untrained": (["--do_train", "false"], "--do_train false needs a trained model"),
    "no accelerate file": (["--accelerate-config", "no.yaml"], "no.yaml: no such accelerate configuration"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_exit_code_2(
    case: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    more, message = BAD[case]
    base = [
        "graphtalk",
        "finetune",
        "--dataset",
        str(data),
        "--output_dir",
        str(tmp_path / "run"),
        "--model_config",
        "t5_1m",
        "--use_cpu",
    ]
    monkeypatch.setattr(sys, "argv", [*base, *more])
    with pytest.raises(SystemExit) as stopped:
        graphtalk.main()
    assert stopped.value.code == 2
    error = capsys.readouterr().err.strip()
    assert message in error and "\n" not in error
    assert not list(tmp_path.rglob("checkpoint*"))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("learnig_rate: 1", "unknown key 'learnig_rate'; did you mean learning_rate"),
        ("- a", "expected `key: value` lines"),
        ("a: [", "not YAML"),
    ],
)
def test_bad_yaml(content: str, message: str, data: Path, tmp_path: Path) -> None:
    from finetune.config import read_arguments

    (tmp_path / "c.yaml").write_text(content)
    with pytest.raises(InputError, match=message) as error:
        read_arguments(
            [
                "--config",
                str(tmp_path / "c.yaml"),
                "--dataset",
                str(data),
                "--output_dir",
                "r",
                "--model_config",
                "t5_1m",
            ]
        )
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", ["runs/nowhere/checkpoint", "./nowhere", "/nowhere", "HERE/nowhere", "HERE"])
def test_model_folder_that_is_not_there(name: str, data: Path, tmp_path: Path) -> None:
    from finetune.config import read_arguments

    with pytest.raises(InputError, match=r"no such model folder|no model in this folder"):
        read_arguments(
            [
                "--model_name_or_path",
                name.replace("HERE", str(tmp_path)),
                "--dataset",
                str(data),
                "--output_dir",
                "r",
            ]
        )


def test_two_processes_from_a_folder_with_an_eval_of_its_own(data: Path, tmp_path: Path) -> None:
    """accelerate launch, from a working directory whose packages are named like ours; each test example is
    predicted once.
    """
    for name in ("eval", "finetune", "data_builders"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(
            "raise SystemExit('imported from the working directory')"
        )
    size = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1}'
    flags = {
        "--accelerate-config": ROOT / "configs/accelerate/cpu.yaml",
        "--dataset": data,
        "--output_dir": "run",
        "--model_config": size,
        "--max_steps": 2,
        "--max_tokens_per_batch": 200,
        "--per_device_eval_batch_size": 3,
        "--generation_max_length": 4,
    }
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"}
    command = [
        sys.executable,
        "-m",
        "graphtalk",
        "finetune",
        "--use_cpu",
        *(str(x) for pair in flags.items() for x in pair),
    ]
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert "(up to 400 question tokens)" in done.stdout
    assert "2 processes on cpu (DistributedDataParallel), fp32, a step is about " in done.stdout
    from data_builders.example import read_examples
    from eval.prediction import read_predictions

    asked = [e.id for task in ("edge_existence", "node_degree") for e in read_examples(data, task, "test")]
    assert [p.example_id for p in read_predictions(tmp_path / "run")] == asked
    assert (tmp_path / "run" / "metrics.json").is_file()
