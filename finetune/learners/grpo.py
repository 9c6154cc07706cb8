"""Reinforcement from the verifier: a decoder-only model answers, eval judges, and TRL's GRPOTrainer makes the
better answers likelier.

GRPO is "group relative policy optimization" (DeepSeekMath, arXiv 2402.03300): several answers to one question
are drawn, and each is pushed by how much its reward differs from its group's mean.
"""

from collections.abc import Callable
from dataclasses import asdict, fields
from typing import Any

from datasets import Dataset
from transformers import TrainingArguments
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from data_builders.errors import InputError, one_line
from data_builders.example import Example
from eval.api import graph_reward
from finetune.batches.completions import check_lengths, completion_room, encode_prompts
from finetune.config import MAX_NEW_TOKENS, Options
from finetune.learners.monitor import MonitoredTrainer
from language_models.text import end_tokens, prompt_text, uses_chat


class RewardTrainer(MonitoredTrainer, GRPOTrainer):
    """GRPOTrainer that validates as the other trainers do: greedy answers, scored."""

    def training_step(self, *args: Any) -> Any:
        return GRPOTrainer.training_step(self, *args)  # type: ignore[no-untyped-call]  # there are no answers to count yet

    def evaluation_loop(self, *args: Any, metric_key_prefix: str = "eval", **kwargs: Any) -> Any:
        """Rewards of answers that are drawn as in training, beside the scores of greedy ones."""
        kwargs["metric_key_prefix"] = metric_key_prefix
        output: Any = GRPOTrainer.evaluation_loop(self, *args, **kwargs)
        return output._replace(metrics=self.with_answers(output.metrics, metric_key_prefix))

    def create_model_card(self, *_: Any, **__: Any) -> None:
        """The card is written once, with the scores, by eval.model_card."""


def grpo_trainer(
    options: Options, model: Any, tokenizer: Any, train: list[Example], validation: list[Example] | None
) -> RewardTrainer:
    """A trainer that draws `num_generations` answers to each question and rewards them with
    eval.api.graph_reward.
    """
    room = options.train.generation_max_length or MAX_NEW_TOKENS
    chat = uses_chat(tokenizer, options.data.chat)
    context = completion_room(model, tokenizer)
    for part in (train, validation or []):
        check_lengths(part, encode_prompts(part, tokenizer, chat), context, room=room)
    if not chat and tokenizer("a")["input_ids"][-1] == tokenizer.eos_token_id:
        raise InputError(
            f"method grpo: the tokenizer of {model.name_or_path} ends every prompt with its end token, and "
            "TRL would ask so; give it a chat template, or set add_eos_token to false in its "
            "tokenizer_config.json"
        )
    reward = reward_function([*train, *(validation or [])], end_tokens(model, tokenizer), room)
    try:
        return RewardTrainer(
            model=model,
            reward_funcs=[reward],  # type: ignore[list-item]  # a list of floats need not hold None
            args=grpo_config(options, room),
            train_dataset=rollouts(train, tokenizer, chat),
            eval_dataset=None if validation is None else rollouts(validation, tokenizer, chat),
            processing_class=tokenizer,
        )
    except ValueError as error:
        raise InputError(f"grpo: {one_line(error)}") from None


def reward_function(examples: list[Example], ends: list[int], room: int) -> Callable[..., list[float]]:
    """Return eval.api.graph_reward for these examples. A completion that was cut is judged as in the test.

    ends: tokens that end an answer. room: most tokens of one.
    """
    by_id = {example.id: asdict(example) for example in examples}

    def reward(
        completions: list[Any], completion_ids: list[list[int]], id: list[str], **_: Any
    ) -> list[float]:
        rows = [by_id[name] for name in id]
        columns = {key: [row[key] for row in rows] for key in rows[0]}
        cut = [len(ids) >= room and ids[-1] not in ends for ids in completion_ids]
        reasons = ["length" if was_cut else "stop" for was_cut in cut]
        return graph_reward(completions, finish_reason=reasons, **columns)

    return reward


def rollouts(examples: list[Example], tokenizer: Any, chat: bool) -> Dataset:
    """Rows of a prompt, as text or as a user's turn, and the example's id.

    The other columns stay outside: answers of several tasks are values of several types, which no table
    holds.
    """
    prompts = [
        [{"role": "user", "content": e.question}] if chat else prompt_text(e.question, tokenizer, chat=chat)
        for e in examples
    ]
    return Dataset.from_dict({"prompt": prompts, "id": [e.id for e in examples]})


def grpo_config(options: Options, room: int) -> GRPOConfig:
    """The run's Hugging Face arguments as TRL's; answers are as long as those that are tested."""
    given = {f.name: getattr(options.train, f.name) for f in fields(TrainingArguments) if f.init}
    own = asdict(options.grpo)
    del own["method"]
    return GRPOConfig(**{**given, "remove_unused_columns": False}, max_completion_length=room, **own)
