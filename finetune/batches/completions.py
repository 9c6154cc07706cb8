"""Examples for decoder-only models: a question is the prompt, its answer the completion to be learned."""

from collections.abc import Sequence
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example
from finetune.batches.data import Tokens
from language_models.text import context_length, prompt_ids, prompt_text, text_ids

UNLIMITED = 1 << 20  # tokens of a model that names no limit


def answered_text(example: Example, prompt: str, tokenizer: Any, chat: bool) -> str:
    """Return the prompt with its answer.

    Raises InputError where the template shows a prompt otherwise once it is answered.
    """
    if not chat:
        return f"{prompt} {example.answer.strip()}"
    turns = [
        {"role": "user", "content": example.question},
        {"role": "assistant", "content": example.answer.strip()},
    ]
    text = str(tokenizer.apply_chat_template(turns, tokenize=False))
    if not text.startswith(prompt):
        raise InputError(
            "chat: the template shows an answered question otherwise than one that waits for its answer; "
            "use --chat false"
        )
    return text


def encode_prompts(examples: Sequence[Example], tokenizer: Any, chat: bool) -> Tokens:
    """Return prompts as tokens, for answers that are yet to be written."""
    prompts = prompt_ids([example.question for example in examples], tokenizer, chat=chat)
    return Tokens(prompts, [[] for _ in prompts])


def encode_completions(
    examples: Sequence[Example], tokenizer: Any, chat: bool, ends: Sequence[int]
) -> Tokens:
    """Return prompts and answers as tokens, each answer up to and with its end token.

    The prompt's ids are those that the model gets when it is asked. An answer is coded as the text goes on
    after its prompt, where that does not change the prompt's own tokens, else by itself.
    """
    questions = [example.question for example in examples]
    prompts = prompt_ids(questions, tokenizer, chat=chat)
    texts = [prompt_text(question, tokenizer, chat=chat) for question in questions]
    whole = [answered_text(e, text, tokenizer, chat) for e, text in zip(examples, texts, strict=True)]
    joined = text_ids(whole, tokenizer, special=not chat)
    alone = text_ids([w[len(text) :] for w, text in zip(whole, texts, strict=True)], tokenizer, special=False)
    last = ends[0] if tokenizer.eos_token_id is None else tokenizer.eos_token_id
    targets = []
    for prompt, both, answer in zip(prompts, joined, alone, strict=True):
        ids = both[len(prompt) :] if both[: len(prompt)] == prompt else answer
        stop = next((i for i, token in enumerate(ids) if token in ends), len(ids))
        targets.append([*ids[:stop], ids[stop] if stop < len(ids) else last])
    return Tokens(prompts, targets)


def completion_room(model: Any, tokenizer: Any) -> int:
    """Return how many tokens question and answer have together."""
    return context_length(model, tokenizer) or UNLIMITED


def check_lengths(
    examples: Sequence[Example],
    tokens: Tokens,
    context: int,
    *,
    room: int | None = None,
    limits: tuple[int | None, int | None] = (None, None),
) -> None:
    """Raise InputError that names the first example that does not fit; nothing is ever cut.

    context: tokens that question and answer have together. room: tokens that an answer may take where it is
    yet to be written, else it takes its own. limits: most tokens of a question, and of an answer.
    """
    for example, source, target in zip(examples, tokens.lengths, tokens.target_lengths, strict=True):
        where = f"{example.id}: in encoder {example.encoder} the question is {source} tokens long"
        for flag, length, limit in zip(
            ("max_source_length", "max_target_length"), (source, target), limits, strict=True
        ):
            if limit is not None and length > limit:
                raise InputError(
                    f"{where} and its answer {target}, over the limit of {limit}; set {flag} to "
                    f"{length} or more"
                )
        if source + (target if room is None else room) > context:
            answer = f"its answer {target}" if room is None else f"an answer gets up to {room}"
            raise InputError(
                f"{where} and {answer}, but together they have {context}; build with smaller "
                "graphs or a shorter "
                "encoder, or take a model (or a packing_length) that holds more"
            )
