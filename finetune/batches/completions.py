"""Examples for decoder-only models: a question is the prompt, its answer the completion that is to be
learned.
"""

from collections.abc import Sequence
from typing import Any

from data_builders.errors import InputError
from data_builders.example import Example
from finetune.batches.data import Tokens


def wants_chat(tokenizer: Any, asked: bool | None) -> bool:
    """Whether questions are a user's turns of a chat: as asked, else where the tokenizer has a template for
    it.
    """
    template = bool(tokenizer.chat_template)
    if asked and not template:
        raise InputError("chat: the model's tokenizer has no chat template; leave --chat out")
    return template if asked is None else asked


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Every token that ends an answer: the model's own, then the tokenizer's (chat models often end a turn
    with another one).
    """
    stated = model.generation_config.eos_token_id
    found = [*(stated if isinstance(stated, list) else [stated]), tokenizer.eos_token_id]
    if tokenizer.eos_token_id is None:
        raise InputError("the model's tokenizer names no end-of-text token, so that no answer could end")
    return list(dict.fromkeys(int(i) for i in found if i is not None))


def prompt_text(question: str, tokenizer: Any, chat: bool) -> str:
    """What the model reads. Most vocabularies join a space with the word after it, so a plain prompt does not
    end in one.

    `graphtalk prompt` asks in the same words, so that a fine-tuned model can be prompted with what it was
    trained on.
    """
    if not chat:
        return question.rstrip(" ")
    turns = [{"role": "user", "content": question}]
    return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))


def answered_text(example: Example, prompt: str, tokenizer: Any, chat: bool) -> str:
    """The prompt with its answer; InputError where the template shows a prompt otherwise once it is
    answered.
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
            "chat: the template shows an answered question otherwise than one that waits for its answer; use --chat false"
        )
    return text


def encode_prompts(examples: Sequence[Example], tokenizer: Any, chat: bool) -> list[list[int]]:
    """Token ids of each question, as the model reads it. A template writes its special tokens itself."""
    texts = [prompt_text(e.question, tokenizer, chat) for e in examples]
    return _ids(texts, tokenizer, special=not chat)


def encode_completions(
    examples: Sequence[Example], tokenizer: Any, chat: bool, ends: Sequence[int]
) -> Tokens:
    """Prompts and answers, each answer up to and with its end token. The prompt's ids are those that the
    model gets when it is asked.

    An answer is coded as the text goes on after its prompt, where that does not change the prompt's own
    tokens, else by itself.
    """
    prompts = encode_prompts(examples, tokenizer, chat)
    texts = [prompt_text(e.question, tokenizer, chat) for e in examples]
    whole = [answered_text(e, text, tokenizer, chat) for e, text in zip(examples, texts, strict=True)]
    joined = _ids(whole, tokenizer, special=not chat)
    alone = _ids([w[len(text) :] for w, text in zip(whole, texts, strict=True)], tokenizer, special=False)
    targets = []
    for prompt, both, answer in zip(prompts, joined, alone, strict=True):
        ids = both[len(prompt) :] if both[: len(prompt)] == prompt else answer
        stop = next((i for i, token in enumerate(ids) if token in ends), len(ids))
        targets.append([*ids[:stop], ids[stop] if stop < len(ids) else tokenizer.eos_token_id])
    return Tokens(prompts, targets)


def _ids(texts: list[str], tokenizer: Any, special: bool) -> list[list[int]]:
    out: list[list[int]] = []
    for start in range(0, len(texts), 1000):
        out += tokenizer(
            texts[start : start + 1000], add_special_tokens=special, truncation=False, verbose=False
        )["input_ids"]
    return out


def context_length(model: Any, tokenizer: Any) -> int:
    """Tokens that the model holds, question and answer together: its positions, else what its tokenizer says,
    else 2**20.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    return int(positions or min(tokenizer.model_max_length, 1 << 20))


def check_lengths(
    examples: Sequence[Example],
    tokens: Tokens,
    context: int,
    *,
    room: int | None = None,
    limits: tuple[int | None, int | None] = (None, None),
) -> None:
    """InputError that names the first example that does not fit; nothing is ever cut.

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
                    f"{where} and its answer {target}, over the limit of {limit}; set {flag} to {length} or more"
                )
        if source + (target if room is None else room) > context:
            answer = f"its answer {target}" if room is None else f"an answer gets up to {room}"
            raise InputError(
                f"{where} and {answer}, but together they have {context}; build with smaller graphs or a shorter encoder, "
                "or take a model (or a packing_length) that holds more"
            )
