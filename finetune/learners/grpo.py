"""Reinforcement from the verifier: a decoder-only model answers, eval judges, and TRL's GRPOTrainer makes the
better answers likelier.

GRPO is "group relative policy optimization" (DeepSeekMath, arXiv 2402.03300): several answers to one question
are drawn, and each is pushed by how much its reward differs from its group's mean.
"""

from dataclasses import asdict, fields
from typing import Any

from datasets import Dataset
from transformers import TrainingArguments
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from data_builders.errors import InputError
from data_builders.example import Example
from eval.api import graph_reward
from finetune.batches.completions import check_lengths, completion_room, encode_completions
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
        check_lengths(
            part, encode_completions(part, tokenizer, chat, end_tokens(model, tokenizer)), context, room=room
        )
    try:
        return RewardTrainer(
            model=model,
            reward_funcs=[graph_reward],  # type: ignore[list-item]  # a list of floats need not hold None
            args=grpo_config(options, room),
            train_dataset=rollouts(train, tokenizer, chat),
            eval_dataset=None if validation is None else rollouts(validation, tokenizer, chat),
            processing_class=tokenizer,
        )
    except ValueError as error:
        raise InputError(f"grpo: {' '.join(str(error).split())}") from None


def rollouts(examples: list[Example], tokenizer: Any, chat: bool) -> Dataset:
    """Rows of a prompt, as text or as a user's turn, and the columns of the example, of which the reward is
    computed.
    """
    prompts = [
        [{"role": "user", "content": e.question}] if chat else prompt_text(e.question, tokenizer, chat=chat)
        for e in examples
    ]
    return Dataset.from_list(
        [{"prompt": prompt, **asdict(e)} for prompt, e in zip(prompts, examples, strict=True)]
    )


def grpo_config(options: Options, room: int) -> GRPOConfig:
    """The run's Hugging Face arguments as TRL's; answers are as long as those that are tested."""
    given = {f.name: getattr(options.train, f.name) for f in fields(TrainingArguments) if f.init}
    own = asdict(options.grpo)
    del own["method"]
    return GRPOConfig(**{**given, "remove_unused_columns": False}, max_completion_length=room, **own)
