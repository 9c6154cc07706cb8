"""Answers of a model to examples, on all ranks, each example once."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from accelerate.utils import gather_object

from data_builders.errors import InputError
from data_builders.example import Example
from data_builders.files import ProgressBar
from eval.prediction import Prediction
from finetune.batches.data import Tokens, deal
from finetune.config import MAX_NEW_TOKENS
from language_models.decode import Decoding, generate, is_out_of_memory


def predict(
    model: Any, tokenizer: Any, examples: list[Example], tokens: Tokens, *, size: int, device: Any,
    rank: int = 0, ranks: int = 1, sharded: bool = False, max_new_tokens: int = MAX_NEW_TOKENS,
    num_beams: int = 1, translator: Any = None,
) -> list[Prediction]:  # fmt: skip
    """Return predictions for the examples, in their order, the same list on every rank.

    Decoding is greedy unless `num_beams` says otherwise.

    sharded: the weights are spread over the ranks (ZeRO-3), so that all must take part in every step of each
    other's generation.
    translator: a `language_models.fast_t5.Translator` that answers instead of the model.
    """
    model.eval()
    decoding = Decoding(max_new_tokens, num_beams=num_beams, sharded=sharded)
    own: list[tuple[int, Prediction]] = []
    lengths = tokens.lengths

    def answer(rows: list[int]) -> list[Any]:
        sources = [tokens[i]["input_ids"] for i in rows]
        if translator is not None:
            return list(translator.generate(sources, max_new_tokens))
        prefixes = tokens.prefix_lengths and [tokens.prefix_lengths[i] for i in rows]
        return generate(model, tokenizer, sources, decoding, device=device, prefix_lengths=prefixes)

    batches = deal(lengths, size, rank, ranks)
    for batch in _progress(batches, len(examples), ranks) if rank == 0 else batches:
        if not batch and not sharded:
            continue
        start = time.perf_counter()
        rows = batch or [0]  # a rank that only takes part keeps no answer
        answers = _halving(answer, rows, sharded)
        seconds = (time.perf_counter() - start) / len(rows)
        for i, (text, reason, count, confidence) in zip(batch, answers, strict=False):
            prediction = Prediction(examples[i].id, text, reason, lengths[i], count, seconds, confidence)
            own.append((i, prediction))
    predictions = dict(gather_object(own))
    return [predictions[i] for i in range(len(examples))]


def _halving(answer: Callable[[list[int]], list[Any]], rows: list[int], sharded: bool) -> list[Any]:
    """The answers to the rows, by halves where memory does not suffice for all at once.

    InputError where it does not suffice for one row, or where other ranks take part in each step.
    """
    try:
        return answer(rows)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    if len(rows) == 1 or sharded:
        raise InputError(
            f"out of memory answering {len(rows)} questions at once; lower --per_device_eval_batch_size"
        )
    half = len(rows) // 2  # outside of the except, which would keep alive what filled the memory
    return _halving(answer, rows[:half], sharded) + _halving(answer, rows[half:], sharded)


def _progress(batches: list[list[int]], total: int, ranks: int) -> Iterator[list[int]]:
    """The batches of this rank, with a bar that counts those of all ranks."""
    with ProgressBar("predict", total) as bar:
        done = 0
        for batch in batches:
            yield batch
            done = min(total, done + len(batch) * ranks)
            bar.update(done)
