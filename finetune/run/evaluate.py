"""How a run answers questions, while it trains and at its end, and what it says of its answers."""

from pathlib import Path
from typing import Any

import torch
from transformers.integrations.deepspeed import is_deepspeed_zero3_enabled

from data_builders.building.floors import train_answers
from data_builders.errors import InputError
from data_builders.example import Example, load_examples
from data_builders.tasks.shortcuts import most_frequent
from eval.prediction import Prediction, write_predictions
from eval.scoring.scorer import score
from finetune.batches.cache import cached
from finetune.batches.completions import (
    check_lengths,
    context_length,
    encode_completions,
    end_tokens,
    wants_chat,
)
from finetune.batches.data import Tokens, encode
from finetune.batches.round_trip import check_spelling
from finetune.batches.shared_rows import encode_shared, reads_graphs_alone
from finetune.config import Options
from finetune.learners.monitor import Validation
from finetune.models import is_decoder_only, length_limits
from finetune.run.predict import MAX_NEW_TOKENS, predict


def test(options: Options, run: Path, model: Any, tokenizer: Any) -> None:
    """Predict the test split into run/predictions.parquet."""
    args, data = options.train, options.data
    examples: list[Example] = load_examples(Path(str(data.dataset)), data.tasks, data.test_split, data.limit)
    tokens = questions(options, examples, model, tokenizer)
    if not getattr(model, "is_quantized", False):  # 4-bit weights are where they stay
        model.to(args.device)
    translator = translator_for(options, model, tokenizer)
    predictions = predict(model, tokenizer, examples, tokens, translator=translator, **answering(options))
    if args.should_save:
        write_predictions(predictions, run)


def translator_for(options: Options, model: Any, tokenizer: Any) -> Any:
    """CTranslate2's copy of the model, where the run asks for it."""
    if options.train.predict_with == "transformers":
        return None
    settings = answering(options)
    if settings["sharded"] or settings["num_beams"] > 1:
        raise InputError(
            "predict_with ctranslate2 takes whole weights and greedy decoding; no ZeRO-3, FSDP or beams"
        )
    from finetune.run.fast_predict import Translator

    return Translator(model, tokenizer, torch.get_num_threads())


def answering(options: Options) -> dict[str, Any]:
    """How this run answers questions: arguments of `predict`."""
    args = options.train
    return {
        "size": args.per_device_eval_batch_size,
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
        tokens = encode_completions(
            examples, tokenizer, wants_chat(tokenizer, data.chat), end_tokens(model, tokenizer)
        )
        room = options.train.generation_max_length or MAX_NEW_TOKENS
        check_lengths(examples, tokens, context_length(model, tokenizer), room=room)
        return tokens
    check_spelling(examples, tokenizer)
    code = encode_shared if reads_graphs_alone(model) else encode
    return cached(
        code,
        examples,
        tokenizer,
        *length_limits(tokenizer, model, data.max_source_length, data.max_target_length),
    )


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
    return Validation(examples, questions(options, examples, model, tokenizer), majority, answering(options))
