"""Answers of a model to examples, on all ranks, each example once."""

import time
from collections.abc import Iterator
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
    batches = deal(lengths, size, rank, ranks)
    for batch in _progress(batches, len(examples), ranks) if rank == 0 else batches:
        if not batch and not sharded:
            continue
        start = time.perf_counter()
        rows = batch or [0]  # a rank that only takes part keeps no answer
        sources = [tokens[i]["input_ids"] for i in rows]
        prefixes = tokens.prefix_lengths and [tokens.prefix_lengths[i] for i in rows]
        try:
            if translator is None:
                answers = generate(
                    model, tokenizer, sources, decoding, device=device, prefix_lengths=prefixes
                )
            else:
                answers = translator.generate(sources, max_new_tokens)
        except RuntimeError as error:
            if not is_out_of_memory(error):
                raise
            what = f"{len(sources)} questions of up to {max(map(len, sources))} tokens at once"
            raise InputError(f"out of memory answering {what}; lower --per_device_eval_batch_size") from None
        seconds = (time.perf_counter() - start) / len(rows)
        for i, (text, reason, count, confidence) in zip(batch, answers, strict=False):
            prediction = Prediction(examples[i].id, text, reason, lengths[i], count, seconds, confidence)
            own.append((i, prediction))
    predictions = dict(gather_object(own))
    return [predictions[i] for i in range(len(examples))]


def _progress(batches: list[list[int]], total: int, ranks: int) -> Iterator[list[int]]:
    """The batches of this rank, with a bar that counts those of all ranks."""
    with ProgressBar("predict", total) as bar:
        done = 0
        for batch in batches:
            yield batch
            done = min(total, done + len(batch) * ranks)
            bar.update(done)
