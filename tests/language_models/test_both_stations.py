"""`graphtalk prompt` and `graphtalk finetune --do_train false` load, ask and refuse a model alike."""

import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import graphtalk
from eval.prediction import read_config, read_predictions
from language_models.folder import check_model_folder
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama, make_t5

pytestmark = pytest.mark.torch
TASKS = ("edge_existence", "node_degree", "connected_nodes")
SIZE = '{"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 2, "num_decoder_layers": 1}'
MAKERS: dict[str, Callable[[Path], Path]] = {"t5": make_t5, "llama": make_llama}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "d"
    return write_dataset(folder, {"train": 30, "test": 12}, tasks=TASKS)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """`graphtalk` with arguments; its exit code comes back."""

    def call(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["graphtalk", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            graphtalk.main()
        return int(ended.value.code or 0)

    return call


def prompt(data: Path, model: Path, run: Path) -> list[object]:
    return [
        *("prompt", "--data", data, "--model", f"hf:{model}", "--method", "zero_shot"),
        *("--out", run, "--max-new-tokens", 8, "--batch-size", 8, "--dtype", "float32"),
    ]


def finetune(data: Path, model: Path, run: Path, *more: object) -> list[object]:
    return [
        *("finetune", "--dataset", data, "--model_name_or_path", model, "--output_dir", run, "--use_cpu"),
        *("--generation_max_length", 8, *(more or ("--do_train", "false"))),
    ]


STATIONS = {"prompt": prompt, "finetune": finetune}
TRAIN = ("--learning_rate", "1e-2", "--max_steps", 30, "--save_strategy", "no")


def answers(run: Path) -> dict[str, tuple[str, str, int, int]]:
    return {
        p.example_id: (p.output, p.finish_reason, p.prompt_tokens, p.output_tokens)
        for p in read_predictions(run)
    }


def confidences(run: Path) -> list[float | None]:
    return [p.confidence for p in sorted(read_predictions(run), key=lambda p: p.example_id)]


def assert_both_answer(command: Callable[..., int], data: Path, model: Path, folder: Path) -> None:
    """Both stations give the same answers with the same confidence."""
    for name, station in STATIONS.items():
        assert command(*station(data, model, folder / name)) == 0
    one, other = folder / "prompt", folder / "finetune"
    assert answers(one) == answers(other)
    assert len(answers(one)) == 36 and len(set(confidences(one))) > 10
    assert confidences(one) == pytest.approx(confidences(other), rel=1e-3)


def refusal(
    command: Callable[..., int], capsys: pytest.CaptureFixture[str], arguments: list[object], model: Path
) -> str:
    """The one line that a command ends in, with exit code 2; it names the model."""
    capsys.readouterr()
    assert command(*arguments) == 2
    line = capsys.readouterr().err.strip()
    assert "\n" not in line and str(model) in line, line
    return line


@pytest.mark.parametrize("adapted", [False, True])
def test_a_t5_that_reads_graphs_alone_is_asked_so(
    adapted: bool, data: Path, tmp_path: Path, command: Callable[..., int]
) -> None:
    """Trained with share_graphs; the model's folder says so."""
    scratch = [
        *(
            "finetune",
            "--dataset",
            data,
            "--model_config",
            SIZE,
            "--output_dir",
            tmp_path / "t5",
            "--use_cpu",
        ),
        *("--share_graphs", *TRAIN, "--max_tokens_per_batch", 400, "--do_predict", "false"),
    ]
    assert command(*scratch) == 0
    model = tmp_path / "t5" / "checkpoint"
    if adapted:
        assert command(*finetune(data, model, tmp_path / "lora", "--lora", *TRAIN)) == 0
        model = tmp_path / "lora" / "checkpoint"
    assert_both_answer(command, data, model, tmp_path)
    assert read_config(tmp_path / "prompt")["identity"]["share_graphs"] is True


def test_a_t5_without_it_and_a_decoder_answer_alike(
    data: Path, tmp_path: Path, command: Callable[..., int]
) -> None:
    for kind, make in MAKERS.items():
        model = make(tmp_path / kind / "base")
        assert command(*finetune(data, model, tmp_path / kind / "run", *TRAIN)) == 0
        assert_both_answer(command, data, tmp_path / kind / "run" / "checkpoint", tmp_path / kind)


@pytest.mark.parametrize("kind", MAKERS)
def test_adapters_over_changed_weights_are_refused(
    kind: str,
    data: Path,
    tmp_path: Path,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = MAKERS[kind](tmp_path / "base")
    assert command(*finetune(data, base, tmp_path / "lora", "--lora", *TRAIN, "--do_predict", "false")) == 0
    adapters = tmp_path / "lora" / "checkpoint"
    shutil.rmtree(base)
    MAKERS[kind](base, seed=1)  # type: ignore[call-arg]
    for name, station in STATIONS.items():
        line = refusal(command, capsys, station(data, adapters, tmp_path / name), adapters)
        assert f"trained on other weights than those in {base}" in line


def test_adapters_bring_their_tokens(data: Path, tmp_path: Path, command: Callable[..., int]) -> None:
    """A T5 vocabulary without a newline, which the run adds beside its adapters."""
    import string

    import torch
    from transformers import T5Tokenizer

    from finetune.learners.start import new_model

    base = tmp_path / "base"
    known = string.ascii_letters + string.digits + string.punctuation
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", -2.0), ("▁", -2.0), *((c, -5.0) for c in known)]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0)
    tokenizer.save_pretrained(base)
    torch.manual_seed(0)
    new_model(
        {"d_model": 32, "d_kv": 8, "num_heads": 4, "d_ff": 64, "num_layers": 1}, tokenizer
    ).save_pretrained(base)
    more = ("--lora", "--add_missing_tokens", "--lora_r", 8, *TRAIN, "--max_steps", 40)
    assert command(*finetune(data, base, tmp_path / "lora", *more)) == 0
    assert_both_answer(command, data, tmp_path / "lora" / "checkpoint", tmp_path)


@pytest.mark.parametrize("kind", MAKERS)
def test_a_missing_tensor_is_one_line(
    kind: str,
    data: Path,
    tmp_path: Path,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    from safetensors.torch import load_file, save_file

    model = MAKERS[kind](tmp_path / "model")
    whole = load_file(model / "model.safetensors")
    lost = sorted(name for name in whole if "layers.1" in name or "block.1" in name)[2]
    del whole[lost]
    save_file(whole, model / "model.safetensors", metadata={"format": "pt"})
    for name, station in STATIONS.items():
        line = refusal(command, capsys, station(data, model, tmp_path / name), model)
        assert f"its weights lack 1 tensors, e.g. {lost}" in line
        assert not (tmp_path / name / "predictions.parquet").exists()


def test_adapters_that_lack_a_tensor_are_one_line(
    data: Path, tmp_path: Path, command: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    from safetensors.torch import load_file, save_file

    base = make_llama(tmp_path / "base")
    assert command(*finetune(data, base, tmp_path / "lora", "--lora", *TRAIN, "--do_predict", "false")) == 0
    adapters = tmp_path / "lora" / "checkpoint"
    whole = load_file(adapters / "adapter_model.safetensors")
    lost = sorted(whole)[0]
    del whole[lost]
    save_file(whole, adapters / "adapter_model.safetensors")
    for name, station in STATIONS.items():
        line = refusal(command, capsys, station(data, adapters, tmp_path / name), adapters)
        assert f"its weights lack 1 tensors, e.g. {lost}" in line


@pytest.mark.parametrize("kind", MAKERS)
def test_a_model_that_gives_nan_is_one_line_and_a_run_to_look_at(
    kind: str,
    data: Path,
    tmp_path: Path,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    model = MAKERS[kind](tmp_path / "model")
    weights = load_file(model / "model.safetensors")
    head = "lm_head.weight" if "lm_head.weight" in weights else "shared.weight"
    weights[head][7] = torch.nan
    save_file(weights, model / "model.safetensors", metadata={"format": "pt"})
    commands = {name: station(data, model, tmp_path / name) for name, station in STATIONS.items()}
    commands["sampled"] = [*prompt(data, model, tmp_path / "sampled"), "--temperature", 1.0]
    for name, arguments in commands.items():
        assert "gives NaN" in refusal(command, capsys, arguments, model)
        assert read_config(tmp_path / name)["model"].endswith(str(model))
        assert not (tmp_path / name / "predictions.parquet").exists(), "nothing that cannot be scored"
        assert "no predictions.parquet" in refusal(
            command, capsys, ["score", tmp_path / name], tmp_path / name
        )
    # With the weights mended, the same command goes on in the same folder.
    mended = MAKERS[kind](tmp_path / "model")
    assert command(*prompt(data, mended, tmp_path / "prompt")) == 0
    assert len(answers(tmp_path / "prompt")) == 36


@pytest.mark.parametrize("station", STATIONS)
def test_no_link_is_read_that_leads_out_of_a_model(
    station: str,
    data: Path,
    tmp_path: Path,
    command: Callable[..., int],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stranger's folder; in the Hub's cache, every file is a link to the blobs beside it."""
    stranger, cached = tmp_path / "stranger", tmp_path / "models--a--b" / "snapshots" / "c0ffee"
    for folder, elsewhere in ((stranger, tmp_path / "private"), (cached, cached.parents[1] / "blobs")):
        elsewhere.mkdir(parents=True)
        make_t5(folder)
        for path in list(folder.iterdir()):
            (elsewhere / path.name).write_bytes(path.read_bytes())
            path.unlink()
            path.symlink_to(elsewhere / path.name)
    run = tmp_path / station
    capsys.readouterr()  # the bars of saving
    assert command(*STATIONS[station](data, stranger, run)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and "a link that leads out of" in lines[0] and not run.exists()
    check_model_folder(str(cached))
