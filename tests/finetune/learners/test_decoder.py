"""Decoder-only models: what they learn from, that a step is one step however it is spread, and that what is
saved is what was trained.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from eval.prediction import read_config, read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama
from tests.helpers.torchrun import ROOT, run_together

pytestmark = pytest.mark.torch
MODES = {"full": [], "lora": ["--lora", "--lora_r", "4"]}
SPREADS = {
    "one": ["--per_device_train_batch_size", "16"],
    "accumulated": ["--per_device_train_batch_size", "8", "--gradient_accumulation_steps", "2"],
    "two": ["--per_device_train_batch_size", "8"],
}
VALIDATE = ["--eval_strategy", "steps", "--eval_steps", "10"]
"""Three questions whose answers have 3, 3 and 7 tokens: the mean of batches' means is another number."""
SPREADS["one"] += ["--per_device_eval_batch_size", "8"]
SPREADS["accumulated"] += ["--per_device_eval_batch_size", "2"]
SPREADS["two"] += ["--per_device_eval_batch_size", "1"]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """16 training questions, the longest answers last, so that halves weigh differently."""
    return write_dataset(
        tmp_path_factory.mktemp("data") / "d",
        {"train": 16, "validation": 3, "test": 6},
        tasks=("connected_nodes",),
        ragged=True,
    )


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_llama(tmp_path_factory.mktemp("llama"))


def arguments(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    where = [
        "--dataset",
        str(data),
        "--model_name_or_path",
        str(model),
        "--output_dir",
        str(out),
        "--use_cpu",
    ]
    return [*where, "--logging_steps", "1", "--generation_max_length", "8", *more]


def steps(data: Path, model: Path, out: Path, *more: str) -> list[str]:
    """Ten steps over the same 16 examples, without a test."""
    order = [
        "--train_sampling_strategy",
        "sequential",
        "--max_grad_norm",
        "1e9",
        "--learning_rate",
        "2e-3",
        "--save_strategy",
        "no",
    ]
    return arguments(data, model, out, "--max_steps", "10", "--do_predict", "false", *VALIDATE, *order, *more)


def losses(run: Path) -> list[float]:
    log = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return [row["loss"] for row in log if "loss" in row]


def validation_losses(run: Path) -> list[float]:
    log = json.loads((run / "trainer_state.json").read_text())["log_history"]
    return [row["eval_loss"] for row in log if "eval_loss" in row]


def grad_norm(run: Path) -> float:
    return float(json.loads((run / "trainer_state.json").read_text())["log_history"][0]["grad_norm"])


@pytest.fixture(scope="module")
def one_process(data: Path, llama: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the runs that all others are compared with; `asked` only answers the test split."""
    from finetune.train import main

    folder = tmp_path_factory.mktemp("one")
    for mode in MODES:
        main(steps(data, llama, folder / mode, *MODES[mode], *SPREADS["one"]))
    main(arguments(data, llama, folder / "asked", "--do_train", "false"))
    return folder


def assert_same(run: Path, reference: Path) -> None:
    one, other = losses(reference), losses(run)
    assert len(one) == 10 and one[-1] < 0.9 * one[0]  # it trains, so that equality says something
    assert other[0] == pytest.approx(one[0], rel=1e-4)
    assert grad_norm(run) == pytest.approx(grad_norm(reference), rel=1e-4)
    assert other == pytest.approx(one, rel=1e-3)
    assert len(validation_losses(run)) == 1
    assert validation_losses(run) == pytest.approx(validation_losses(reference), rel=1e-3)


@pytest.mark.parametrize("mode", MODES)
def test_accumulation_changes_nothing(
    mode: str, data: Path, llama: Path, one_process: Path, tmp_path: Path
) -> None:
    from finetune.train import main

    main(steps(data, llama, tmp_path / mode, *MODES[mode], *SPREADS["accumulated"]))
    assert_same(tmp_path / mode, one_process / mode)


def test_two_processes_change_nothing(data: Path, llama: Path, one_process: Path, tmp_path: Path) -> None:
    runs = [steps(data, llama, tmp_path / mode, *MODES[mode], *SPREADS["two"]) for mode in MODES]
    asked = arguments(
        data, llama, tmp_path / "asked", "--do_train", "false", "--per_device_eval_batch_size", "1"
    )
    printed = run_together(tmp_path, [*runs, asked])
    assert printed.count("2 processes on cpu (DistributedDataParallel)") == len(MODES)
    for mode in MODES:
        assert read_config(tmp_path / mode)["world_size"] == 2
        assert_same(tmp_path / mode, one_process / mode)
    said = [
        [(p.example_id, p.output) for p in read_predictions(folder / "asked")]
        for folder in (tmp_path, one_process)
    ]
    assert said[0] == said[1] and len(said[0]) == 6, "no question is asked twice or lost"


@pytest.mark.slow
@pytest.mark.parametrize("stage", [1, 2, 3])
def test_zero_changes_nothing(stage: int, data: Path, llama: Path, one_process: Path, tmp_path: Path) -> None:
    from safetensors.torch import load_file

    pytest.importorskip("deepspeed")
    zero = ["--deepspeed", str(ROOT / f"configs/deepspeed/zero{stage}.json")]
    printed = run_together(
        tmp_path,
        [steps(data, llama, tmp_path / mode, *MODES[mode], *SPREADS["two"], *zero) for mode in MODES],
    )
    assert printed.count("2 processes on cpu (DeepSpeedEngine)") == len(MODES)
    for mode in MODES:
        assert read_config(tmp_path / mode)["world_size"] == 2
        assert_same(tmp_path / mode, one_process / mode)
        name = "model.safetensors" if mode == "full" else "adapter_model.safetensors"
        whole, saved = (load_file(folder / mode / "checkpoint" / name) for folder in (one_process, tmp_path))
        assert {k: v.shape for k, v in saved.items()} == {k: v.shape for k, v in whole.items()}
        assert all((saved[k] - v).abs().mean() < 1e-3 for k, v in whole.items())


def test_the_loss_is_the_mean_over_answers_only(data: Path, llama: Path, tmp_path: Path) -> None:
    """Computed by hand from the logits of each example alone; packed rows give the same number, so no example
    sees its neighbour.
    """
    import torch

    from data_builders.example import load_examples
    from finetune.batches.completions import encode_completions
    from finetune.train import main
    from language_models.load import load_model

    model, tokenizer = load_model(str(llama))
    examples = load_examples(data, None, "train")
    tokens = encode_completions(examples, tokenizer, False, [1])
    total = count = 0.0
    for i, example in enumerate(examples):
        row = tokens[i]
        prompt, answer = row["input_ids"], row["labels"]
        assert tokenizer.decode(prompt) == example.question.rstrip(" ")
        assert tokenizer.decode(answer) == f" {example.answer.strip()}</s>"
        with torch.inference_mode():
            scores = model(torch.tensor([prompt + answer])).logits[0, len(prompt) - 1 : -1].log_softmax(-1)
        total -= float(scores[range(len(answer)), answer].sum())
        count += len(answer)
    main(steps(data, llama, tmp_path / "plain", *SPREADS["one"], "--max_steps", "1"))
    assert losses(tmp_path / "plain")[0] == pytest.approx(total / count, rel=1e-5)
    rows = ["--packing", "--packing_length", "700", "--per_device_train_batch_size", "16"]
    main(steps(data, llama, tmp_path / "packed", *rows, "--max_steps", "1"))
    assert losses(tmp_path / "packed")[0] == pytest.approx(total / count, rel=1e-5)


@pytest.mark.parametrize("packed", [False, True])
def test_the_loss_over_answers_is_trls(
    packed: bool, data: Path, llama: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same ten steps with the vocabulary scored at the answers only, and with TRL's own loss."""
    from finetune.learners.decoder import CompletionTrainer
    from finetune.train import main

    more = [*SPREADS["accumulated"], *(["--packing", "--packing_length", "400"] if packed else [])]
    main(steps(data, llama, tmp_path / "answers", *more))
    scored: list[bool] = []

    def compute_loss(self: Any, model: Any, inputs: Any, *args: Any, **kwargs: Any) -> Any:
        scored.append(inputs.pop("answer_places", None) is not None)
        return super(CompletionTrainer, self).compute_loss(model, inputs, *args, **kwargs)

    monkeypatch.setattr(CompletionTrainer, "compute_loss", compute_loss)
    main(steps(data, llama, tmp_path / "trl", *more))
    assert scored and all(scored), "the first run took the other way"
    assert losses(tmp_path / "answers") == pytest.approx(losses(tmp_path / "trl"), rel=1e-4)
    assert grad_norm(tmp_path / "answers") == pytest.approx(grad_norm(tmp_path / "trl"), rel=1e-4)


def test_prompts_are_those_of_prompting(data: Path, tmp_path: Path) -> None:
    from data_builders.example import load_examples
    from finetune.batches.completions import encode_completions
    from language_models.load import load_model
    from prompting.backends.hf import HfModel
    from prompting.backends.model import ModelOptions

    folder = make_llama(tmp_path / "chat", chat=True)
    _, tokenizer = load_model(str(folder))
    examples = load_examples(data, None, "train")
    for chat in (True, False):
        asked = HfModel(str(folder), ModelOptions(8, chat=chat))
        tokens = encode_completions(examples, tokenizer, chat, [1])
        for i, example in enumerate(examples):
            assert tokens[i]["input_ids"] == asked._encode([example.question])[0][0]
            assert tokens[i]["labels"][-1] == 1 and 1 not in tokens[i]["labels"][:-1]
            assert tokenizer.decode(tokens[i]["labels"][:-1]).strip() == example.answer.strip()
    with pytest.raises(InputError, match="no chat template"):
        from finetune.train import main

        main(arguments(data, make_llama(tmp_path / "plain"), tmp_path / "run", "--chat", "true"))


@pytest.mark.parametrize("mode", ["full", "lora", "dora"])
def test_what_is_saved_answers_as_what_was_trained(
    mode: str, data: Path, llama: Path, tmp_path: Path
) -> None:
    from finetune.train import main
    from prompting.backends.hf import HfModel
    from prompting.backends.model import ModelOptions

    more = {
        "full": [],
        "lora": ["--lora", "--lora_rslora"],
        "dora": ["--lora", "--lora_dora", "--chat", "false"],
    }[mode]
    run = tmp_path / "run"
    main(
        arguments(
            data,
            llama,
            run,
            *more,
            "--learning_rate",
            "1e-2",
            "--num_train_epochs",
            "2",
            "--train_sampling_strategy",
            "group_by_length",
        )
    )
    main(
        arguments(
            data,
            run / "checkpoint",
            tmp_path / "again",
            "--do_train",
            "false",
            "--per_device_eval_batch_size",
            "1",
        )
    )
    said = [(p.example_id, p.output, p.finish_reason) for p in read_predictions(run)]
    assert [(p.example_id, p.output, p.finish_reason) for p in read_predictions(tmp_path / "again")] == said
    assert len({output for _, output, _ in said}) > 1
    assert read_config(run)["method"] == ("full" if mode == "full" else "lora")
    assert json.loads((run / "metrics.json").read_text())["macro"]["n"] == 6
    if mode == "full":
        from data_builders.example import load_examples

        asked = HfModel(str(run / "checkpoint"), ModelOptions(8, stop=()))
        prompts = [e.question for e in load_examples(data, None, "test")]
        prompted = [asked._generate(asked._encode([prompt])[0])[0] for prompt in prompts]
        assert [completion.text for completion in prompted] == [output for _, output, _ in said]
    else:
        adapter = json.loads((run / "checkpoint" / "adapter_config.json").read_text())
        adapted = {name.split(".")[-1] for name in adapter["target_modules"]}
        assert adapted == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
        assert (adapter["use_dora"], adapter["use_rslora"]) == (mode == "dora", mode == "lora")


def test_continuing_from_a_checkpoint_changes_nothing(data: Path, llama: Path, tmp_path: Path) -> None:
    from finetune.train import main

    run = tmp_path / "run"
    more = [
        "--lora",
        "--lora_dropout",
        "0.1",
        "--max_tokens_per_batch",
        "600",
        "--max_steps",
        "9",
        "--save_steps",
        "3",
        "--learning_rate",
        "1e-2",
    ]
    main(arguments(data, llama, run, *more))

    def outcome() -> tuple[Any, ...]:
        weights = (run / "checkpoint" / "adapter_model.safetensors").read_bytes()
        return weights, [p.output for p in read_predictions(run)], losses(run)

    undisturbed = outcome()
    shutil.rmtree(run / "checkpoint")
    shutil.rmtree(run / "checkpoint-9")
    (run / "predictions.parquet").unlink()
    main(arguments(data, llama, run, *more))
    assert outcome() == undisturbed
    assert not (run / "README.md").exists()  # TRL's card about a run that it knows little of


def test_what_does_not_fit_is_an_error_and_never_cut(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    folder = make_llama(tmp_path / "short", positions=64)
    with pytest.raises(
        InputError,
        match=r"connected_nodes/er/adjacency/train/\d+: in encoder adjacency the question is \d+ tokens long "
        r"and its",
    ) as said:
        main(arguments(data, folder, tmp_path / "run"))
    assert "\n" not in str(said.value) and "have 64" in str(said.value)
    with pytest.raises(InputError, match="an answer gets up to 60, but together they have 64"):
        main(
            arguments(data, folder, tmp_path / "test", "--do_train", "false", "--generation_max_length", "60")
        )
    whole = make_llama(tmp_path / "long")
    with pytest.raises(InputError, match=r"over the limit of 2; set max_target_length to \d+ or more"):
        main(arguments(data, whole, tmp_path / "run", "--max_target_length", "2"))
    with pytest.raises(InputError, match="but together they have 50"):
        main(arguments(data, whole, tmp_path / "run", "--packing", "--packing_length", "50"))
    with pytest.raises(InputError, match="train_embeddings is for T5"):
        main(arguments(data, whole, tmp_path / "run", "--lora", "--train_embeddings"))


def test_left_padding_changes_no_answer(llama: Path) -> None:
    from language_models.decode import Decoding, generate
    from language_models.load import load_model

    model, tokenizer = load_model(str(llama))
    sources = [
        tokenizer(text)["input_ids"]
        for text in ("The edges in G are: (0, 1)", "Q:", "What is the degree of node 3?\nA:")
    ]
    together = generate(model.eval(), tokenizer, sources, Decoding(6))
    alone = [generate(model, tokenizer, [s], Decoding(6))[0] for s in sources]
    assert [said[:3] for said in together] == [said[:3] for said in alone]
    assert [said.confidence for said in together] == pytest.approx(
        [said.confidence for said in alone], rel=1e-3
    )
