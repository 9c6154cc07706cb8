"""Tokenizers that cannot spell a dataset, models that do not belong together, ports that are taken: one line
each, or mended.
"""

import json
import socket
from pathlib import Path

import pytest
import yaml

from data_builders.errors import InputError
from eval.prediction import read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_stock_t5

pytestmark = pytest.mark.torch
SIZE = {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1, "dropout_rate": 0.0}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(tmp_path_factory.mktemp("data") / "d", {"train": 20, "test": 4})


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_stock_t5(tmp_path_factory.mktemp("stock"))


def arguments(data: Path, run: Path, model: Path, *more: str) -> list[str]:
    where = [
        "--dataset",
        str(data),
        "--output_dir",
        str(run),
        "--model_name_or_path",
        str(model),
        "--use_cpu",
    ]
    return [*where, "--max_steps", "3", "--learning_rate", "1e-2", "--generation_max_length", "6", *more]


def test_a_vocabulary_without_the_symbols_is_an_error_or_gets_them(
    data: Path, stock: Path, tmp_path: Path
) -> None:
    from finetune.train import main

    with pytest.raises(
        InputError,
        match=r"/train/0: the tokenizer has no token for '\\n' in the question "
        r"\(encoder adjacency\); give --add",
    ):
        main(arguments(data, tmp_path / "refused", stock))
    for mode in ([], ["--lora"], ["--lora", "--train_embeddings"]):
        run, again = tmp_path / f"run{len(mode)}", tmp_path / f"again{len(mode)}"
        main(arguments(data, run, stock, "--add_missing_tokens", *mode))
        main(arguments(data, again, run / "checkpoint", "--do_train", "false"))
        first, second = (
            [(p.example_id, p.output, p.prompt_tokens) for p in read_predictions(r)] for r in (run, again)
        )
        assert first == second and len(first) == 8


def test_what_is_lost_is_found_and_added() -> None:
    from transformers import T5Tokenizer

    from finetune.batches.round_trip import add_symbols, missing_symbols
    from finetune.learners.start import new_model

    tokenizer = T5Tokenizer(
        vocab=[("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -2.0), ("a", -3.0), ("b", -3.0)],
        extra_ids=0,
    )
    assert missing_symbols(["a{b\n", "b<a"], tokenizer) == ["\n", "<", "{"]
    model = new_model(SIZE, tokenizer)
    before = model.get_input_embeddings().weight.detach().clone()
    assert add_symbols(["a{b\n", "b<a"], tokenizer, model) == [6, 7, 8]
    rows = model.get_input_embeddings().weight
    assert (
        rows.shape[0] == model.config.vocab_size == 9
        and (rows[:6] == before).all()
        and rows[8].allclose(before.mean(0))
    )
    assert missing_symbols(["a{b\n", "b<a"], tokenizer) == []
    assert add_symbols(["ab"], tokenizer, model) == []


def test_adapters_and_checkpoints_of_other_models(data: Path, stock: Path, tmp_path: Path) -> None:
    from finetune.train import main

    main(
        arguments(
            data,
            tmp_path / "lora",
            stock,
            "--lora",
            "--add_missing_tokens",
            "--do_predict",
            "false",
            "--save_steps",
            "2",
        )
    )
    adapter = tmp_path / "lora" / "checkpoint"
    wide = tmp_path / "wide"
    size = json.dumps({**SIZE, "d_model": 48})
    scratch = [
        "--dataset",
        str(data),
        "--use_cpu",
        "--model_config",
        size,
        "--max_steps",
        "2",
        "--save_steps",
        "2",
        "--do_predict",
        "false",
    ]
    main([*scratch, "--output_dir", str(wide)])
    config = adapter / "adapter_config.json"
    config.write_text(config.read_text().replace(str(stock), str(wide / "checkpoint")))
    with pytest.raises(
        InputError, match=rf"^{adapter}: adapters of another model than {wide}/checkpoint: .*size mismatch"
    ) as error:
        main(arguments(data, tmp_path / "again", adapter, "--do_train", "false"))
    assert "\n" not in str(error.value)
    resumed = [
        "--resume_from_checkpoint",
        str(wide / "checkpoint-2"),
        "--output_dir",
        str(tmp_path / "narrow"),
    ]
    with pytest.raises(
        InputError, match=rf"^{wide}/checkpoint-2: a checkpoint of another model: .*size mismatch"
    ) as error:
        main([json.dumps(SIZE) if part == size else part for part in scratch] + resumed)
    assert "\n" not in str(error.value)


def test_processes_that_cannot_meet(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from finetune.config import parse
    from finetune.launch import launch

    run = [
        "--dataset",
        str(data),
        "--output_dir",
        str(tmp_path / "run"),
        "--model_config",
        "t5_1m",
        "--use_cpu",
    ]
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        port = taken.getsockname()[1]
        (tmp_path / "ddp.yaml").write_text(yaml.safe_dump({"main_process_port": port, "num_processes": 2}))
        with pytest.raises(
            InputError, match=rf"port {port} is in use; set main_process_port in {tmp_path}/ddp.yaml"
        ):
            launch(run, tmp_path / "ddp.yaml")
        for name, value in {
            "RANK": 0,
            "LOCAL_RANK": 0,
            "WORLD_SIZE": 1,
            "MASTER_ADDR": "127.0.0.1",
            "MASTER_PORT": port,
        }.items():
            monkeypatch.setenv(name, str(value))
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)  # as a fresh process has it
        with pytest.raises(
            InputError,
            match=rf"the processes cannot meet: port {port} is in use; take another \(torchrun --master_port",
        ):
            parse(run)
        with pytest.raises(InputError, match="backend nccl is not available"):
            parse([*run, "--ddp_backend", "nccl"])
        AcceleratorState._reset_state(reset_partial_state=True)
