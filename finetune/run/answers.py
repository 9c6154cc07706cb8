"""How a run answers questions, while it trains and at its end, and what it says of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

from data_builders.building.floors import train_answers
from data_builders.errors import InputError
from data_builders.example import Example, load_examples
from data_builders.tasks.shortcuts import most_frequent
from eval.api import evaluate
from eval.escape import visible
from eval.prediction import Prediction, Score
from eval.rerun import answer_new
from eval.scoring.run import ScoredRun
from eval.scoring.scorer import score
from finetune.batches.cache import cached
from finetune.batches.completions import check_lengths, completion_room, encode_prompts
from finetune.batches.data import Tokens, encode
from finetune.batches.round_trip import check_round_trip
from finetune.batches.shared_rows import encode_shared
from finetune.config import MAX_NEW_TOKENS, Options
from finetune.learners.start import length_limits
from finetune.run.predict import predict
from language_models.shared_graphs import reads_graphs_alone
from language_models.text import is_decoder_only, uses_chat

GPU_BATCH = 256  # questions at once on a GPU; `predict` halves what does not fit


def test(options: Options, run: Path, model: Any, tokenizer: Any, kept: list[Prediction]) -> None:
    """Predict the test split into run/predictions.parquet.

    kept: what an earlier start of the same run predicted, which is not done again.
    """
    args, data = options.train, options.data

    def answer(examples: list[Example]) -> list[Prediction]:
        tokens = questions(options, examples, model, tokenizer)
        if not getattr(model, "is_quantized", False):  # 4-bit weights are where they stay
            model.to(args.device)
        translator = translator_for(options, model, tokenizer)
        settings = decoding_settings(options)
        return predict(model, tokenizer, examples, tokens, translator=translator, **settings)

    examples = load_examples(Path(str(data.dataset)), data.tasks, data.test_split, data.limit)
    answer_new(run, examples, kept, answer, writes=args.should_save)


def translator_for(options: Options, model: Any, tokenizer: Any) -> Any:
    """CTranslate2's copy of the model, where the run asks for it."""
    if options.train.predict_with == "transformers":
        return None
    settings = decoding_settings(options)
    if settings["sharded"] or settings["num_beams"] > 1:
        raise InputError(
            "predict_with ctranslate2 takes whole weights and greedy decoding; no ZeRO-3, FSDP or beams"
        )
    from language_models.fast_t5 import Translator

    return Translator(model, tokenizer, torch.get_num_threads())


def decoding_settings(options: Options) -> dict[str, Any]:
    """How this run answers questions: arguments of `predict`."""
    args = options.train
    gpu = args.device.type == "cuda" and "per_device_eval_batch_size" not in options.given
    return {
        "size": GPU_BATCH if gpu else args.per_device_eval_batch_size,
        "device": args.device,
        "rank": args.process_index,
        "ranks": args.world_size,
        "sharded": bool(is_deepspeed_zero3_enabled()) or bool(args.fsdp),  # type: ignore[no-untyped-call]
        "max_new_tokens": args.generation_max_length or MAX_NEW_TOKENS,
        "num_beams": args.generation_num_beams or 1,
    }


def questions(options: Options, examples: list[Example], model: Any, tokenizer: Any) -> Tokens:
    """The examples as the model reads them; InputError for one that leaves no room for an answer."""
    data = options.data
    if is_decoder_only(model):
        tokens = encode_prompts(examples, tokenizer, uses_chat(tokenizer, data.chat))
        room = options.train.generation_max_length or MAX_NEW_TOKENS
        check_lengths(examples, tokens, completion_room(model, tokenizer), room=room)
        return tokens
    check_round_trip(examples, tokenizer)
    code = encode_shared if reads_graphs_alone(model) else encode
    return cached(
        code,
        examples,
        tokenizer,
        *length_limits(tokenizer, model, data.max_source_length, data.max_target_length),
    )


@dataclass(frozen=True)
class Validation:
    """Questions that are answered while training, and how.

    majority: task -> share that the commonest answer of the train split gets right; empty without a train
        split.
    settings: keyword arguments of `finetune.run.predict.predict`.
    """

    examples: list[Example]
    tokens: Tokens
    majority: dict[str, float]
    settings: dict[str, Any]

    def __call__(self, model: Any, tokenizer: Any) -> dict[str, float]:
        """Return `accuracy`, the mean over the tasks, `accuracy_TASK`, the majority's beside them, and how
        many different answers a task got, where it has several questions.
        """
        results = evaluate(
            self.examples, predict(model, tokenizer, self.examples, self.tokens, **self.settings)
        )
        metrics = {
            "accuracy": results.macro.value,
            **{f"accuracy_{task}": e.value for task, e in results.tasks.items()},
        }
        answers = answers_by_task(self.examples, results.scores)
        metrics |= {f"distinct_answers_{task}": len(set(a)) for task, a in answers.items() if len(a) > 1}
        if self.majority:
            metrics["majority"] = sum(self.majority.values()) / len(self.majority)
        return {**metrics, **{f"majority_{task}": share for task, share in self.majority.items()}}


def answers_by_task(examples: Sequence[Example], scores: Sequence[Score]) -> dict[str, list[str]]:
    """Return the answers to each task's questions as the scorer read them; the outcome where it read none."""
    answers: dict[str, list[str]] = {}
    for example, result in zip(examples, scores, strict=True):
        answers.setdefault(example.task, []).append(result.parsed or result.outcome)
    return answers


def print_weak_tasks(scored: ScoredRun) -> None:
    """Print the tasks whose answers are all the same, or right no more often than the commonest answer is."""
    for task, rows in scored.examples.items():
        answers = answers_by_task(rows, [scored.scores[e.id] for e in rows])[task]
        accuracy, floors = (scored.metrics["tasks"][task][key] for key in ("accuracy", "floors"))
        name, majority = visible(task), floors.get("majority", -1)
        if len(answers) > 1 and len(set(answers)) == 1:
            print(f"{name}: one and the same answer to all {len(answers)} questions: {visible(answers[0])}")
        elif accuracy <= majority:
            print(f"{name}: {100 * accuracy:.1f} is not above the majority's {100 * majority:.1f}")


def validation(options: Options, model: Any, tokenizer: Any) -> Validation:
    """The first questions of the validation split as GraphQA asks and answers them, with the majority
    floor.
    """
    data = options.data
    folder = Path(str(data.dataset))
    examples = load_examples(folder, data.tasks, data.validation_split, data.validation_limit)
    majority = {}
    for task in dict.fromkeys(e.task for e in examples):
        if counts := train_answers(folder, task):
            right = [
                score(e, Prediction(e.id, most_frequent(counts))).outcome == "correct"
                for e in examples
                if e.task == task
            ]
            majority[task] = sum(right) / len(right)
    return Validation(
        examples, questions(options, examples, model, tokenizer), majority, decoding_settings(options)
    )
