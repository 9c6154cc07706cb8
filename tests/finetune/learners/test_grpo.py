"""Reinforcement from the verifier, on a model small enough for seconds: it learns to say Yes or No, then
which of them is rewarded.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from data_builders.errors import InputError
from eval.prediction import read_config, read_predictions
from tests.helpers.finetune_data import write_dataset
from tests.helpers.tiny_models import make_llama

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dataset(
        tmp_path_factory.mktemp("data") / "d",
        {"train": 24, "validation": 2, "test": 4},
        tasks=("edge_existence",),
    )


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
    return [
        *where,
        "--logging_steps",
        "1",
        "--generation_max_length",
        "6",
        "--short_answers",
        "--save_strategy",
        "no",
        *more,
    ]


def read_log(run: Path) -> list[dict[str, float]]:
    return list(json.loads((run / "trainer_state.json").read_text())["log_history"])


@pytest.mark.parametrize("chat", [False, True])
def test_rewards_come_from_the_scorer_and_move_the_weights(
    chat: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from safetensors.torch import load_file

    import finetune.learners.grpo
    from eval.api import graph_reward
    from finetune.train import main

    base = make_llama(tmp_path / "base", chat=chat)
    main(
        arguments(
            data,
            base,
            tmp_path / "sft",
            "--num_train_epochs",
            "14",
            "--learning_rate",
            "1e-2",
            "--do_predict",
            "false",
        )
    )
    judged: list[tuple[str, float]] = []

    def graph_reward_seen(completions: list[Any], **columns: Any) -> list[float]:
        rewards = graph_reward(completions, **columns)
        texts = [c if isinstance(c, str) else c[-1]["content"] for c in completions]
        judged.extend(
            (f"{text.strip()} to {answer}", r)
            for text, answer, r in zip(texts, columns["answer"], rewards, strict=True)
        )
        assert set(columns["task"]) == {"edge_existence"} and all(
            isinstance(q, list) for q in columns["query"]
        )
        return rewards

    monkeypatch.setattr(finetune.learners.grpo, "graph_reward", graph_reward_seen)
    run = tmp_path / "grpo"
    validation = ["--eval_strategy", "steps", "--eval_steps", "8"]
    more = [
        *validation,
        "--method",
        "grpo",
        "--num_generations",
        "4",
        "--per_device_train_batch_size",
        "16",
        "--lora",
        "--learning_rate",
        "3e-3",
    ]
    main(
        arguments(
            data,
            tmp_path / "sft" / "checkpoint",
            run,
            *more,
            "--max_steps",
            "8",
            "--temperature",
            "1",
            "--eval_strategy",
            "steps",
            "--eval_steps",
            "8",
        )
    )
    said = dict(judged)
    assert said["Yes to Yes"] == said["No to No"] == 1.0
    assert said["Yes to No"] == said["No to Yes"] == pytest.approx(0.1)
    log = [row for row in read_log(run) if "reward" in row]
    assert len(log) == 8 and len(judged) == 8 * 16 + 2 * 4  # and two validation questions
    assert [row["reward"] for row in log] == pytest.approx(
        [sum(r for _, r in judged[i : i + 16]) / 16 for i in range(0, 128, 16)], abs=1e-6
    )
    assert 0 <= next(row["eval_accuracy"] for row in read_log(run) if "eval_accuracy" in row) <= 1
    moved = load_file(run / "checkpoint" / "adapter_model.safetensors")
    assert any(bool(weight.any()) for name, weight in moved.items() if "lora_B" in name)
    assert read_config(run)["method"] == "grpo" and len(read_predictions(run)) == 4
    assert not (run / "README.md").exists()


def test_what_cannot_be_is_said_in_one_line(data: Path, tmp_path: Path) -> None:
    from finetune.train import main

    base = make_llama(tmp_path / "base")
    for more, said in (
        (["--method", "ppo"], "unknown method 'ppo'; choose from"),
        (
            ["--method", "grpo", "--num_generations", "5"],
            r"generation_batch_size \(8\) must be divisible by num_generations",
        ),
        (["--method", "grpo", "--packing"], "method grpo draws its own batches"),
        (
            ["--method", "grpo", "--generation_max_length", "1000"],
            "an answer gets up to 1000, but together they have 1024",
        ),
    ):
        with pytest.raises(InputError, match=said):
            main(arguments(data, base, tmp_path / "run", *more))


R1 = """{% for m in messages %}{% if m.role == 'user' %}<|user|>{{ m.content }}{% else %}<|assistant|>{{
m.content.split('</think>')[-1] }}</s>{% endif %}{% endfor %}{% if add_generation_prompt -%}
<|assistant|><think>
{% endif %}"""


def test_several_tasks_answers_that_are_cut_and_no_signal(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A model that never ends its answers earns what the test gives it: nothing, of every question."""
    import sys

    import graphtalk

    two = write_dataset(
        tmp_path / "two", {"train": 4, "test": 2}, tasks=("edge_existence", "connected_nodes")
    )
    base = make_llama(tmp_path / "base", chat=True, eos_gain=0.0)
    path = base / "chat_template.jinja"
    assert path.is_file()
    path.write_text(R1)
    run = tmp_path / "run"
    more = ["--method", "grpo", "--num_generations", "2", "--max_steps", "1", "--report_to", "none"]
    monkeypatch.setattr(sys, "argv", ["graphtalk", "finetune", *arguments(two, base, run, *more)])
    with pytest.raises(SystemExit) as ended:
        graphtalk.main()
    printed = capsys.readouterr()
    assert not ended.value.code, printed.err
    assert "8 examples, " in printed.out and "a step is 4 examples with 2 answers each" in printed.out
    assert (
        "reward 0.000 +- 0.000, 100% of groups without signal, answers of 6.0 tokens (100% cut)"
        in printed.out
    )
    assert "step 1: warning: all answers to a question earned the same" in printed.out
    row = next(row for row in read_log(run) if "reward" in row)
    assert row["reward"] == 0 and row["frac_reward_zero_std"] == 1 and row["completions/mean_length"] == 6
    scores = json.loads((run / "metrics.json").read_text())["tasks"]
    assert set(scores) == {"edge_existence", "connected_nodes"}
    assert all(p.finish_reason == "length" for p in read_predictions(run))


def test_a_cut_answer_earns_nothing_and_a_whole_one_all(data: Path) -> None:
    from data_builders.example import load_examples
    from finetune.learners.grpo import reward_function

    example = next(e for e in load_examples(data, None, "train") if e.answer == "Yes.")
    reward = reward_function([example], ends=[1], room=3)
    texts = ["Let me see. Yes, "] * 2
    assert reward(texts, [[5, 6, 1], [5, 6, 7]], id=[example.id] * 2) == [1.0, 0.0]
