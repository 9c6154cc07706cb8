"""How a language model is asked: chat template, prompt ids, end tokens, and how many tokens it holds."""

from collections.abc import Sequence
from typing import Any

from jinja2.exceptions import TemplateError

from data_builders.errors import InputError


def is_decoder_only(model: Any) -> bool:
    """Return whether question and answer are one text to a model, as for GPT, Llama and Qwen.

    An encoder-decoder such as T5 reads one text and writes another.
    """
    return not model.config.is_encoder_decoder


def uses_chat(tokenizer: Any, requested: bool | None) -> bool:
    """Return whether prompts are a user's turns of a chat; None asks so where there is a chat template."""
    has_template = bool(tokenizer.chat_template)
    if requested and not has_template:
        raise InputError(
            f"{tokenizer.name_or_path}: the model's tokenizer has no chat template; leave --chat out"
        )
    return has_template if requested is None else requested


def end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """Return every token id that ends an answer: the model's own first, then the tokenizer's.

    Chat models often end a turn with another token than a text.
    """
    own = model.generation_config.eos_token_id
    ids = [*(own if isinstance(own, list) else [own]), tokenizer.eos_token_id]
    ends = list(dict.fromkeys(int(i) for i in ids if i is not None))
    if not ends:
        raise InputError(
            f"{model.name_or_path}: neither the generation config nor the tokenizer names an "
            "end-of-text token, "
            "so that no answer could end"
        )
    return ends


def context_length(model: Any, tokenizer: Any) -> int | None:
    """Return how many tokens a model holds: its positions, else what its tokenizer says; None for no limit.

    A decoder-only model holds question and answer together. T5 has no positions of its own.
    """
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    limit = tokenizer.model_max_length if positions is None else positions
    return int(limit) if limit < 10**9 else None  # transformers writes 10**30 where nothing is known


def prompt_text(
    prompt: str, tokenizer: Any, *, chat: bool, decoder_only: bool = True, system: str | None = None
) -> str:
    """Return the text that a model reads for a prompt: a user's turn, or the prompt itself.

    Most vocabularies join a space with the word after it, so a plain prompt that a decoder-only model goes on
    from does not end in one: it would ask for words that never follow a space.

    system: an instruction for the system's turn; without a chat it stands before the prompt.
    """
    if not chat:
        text = f"{system}\n\n{prompt}" if system else prompt
        return text.rstrip(" ") if decoder_only else text
    turns = [{"role": "system", "content": system}] if system else []
    turns.append({"role": "user", "content": prompt})
    try:
        return str(tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True))
    except TemplateError as error:  # Gemma's, for one, takes no system turn
        advice = "leave --system out, or ask without a chat" if system else "ask without a chat"
        raise InputError(f"the model's chat template refuses the prompt: {error}; {advice}") from None


def prompt_ids(
    prompts: Sequence[str],
    tokenizer: Any,
    *,
    chat: bool,
    decoder_only: bool = True,
    system: str | None = None,
) -> list[list[int]]:
    """Return the token ids of each prompt, as a model reads it when it is prompted and when it is trained."""
    texts = [
        prompt_text(prompt, tokenizer, chat=chat, decoder_only=decoder_only, system=system)
        for prompt in prompts
    ]
    ids = text_ids(texts, tokenizer, special=not chat)  # a template writes its special tokens itself
    if chat or not decoder_only:
        return ids
    # A tokenizer may end each text; a decoder-only model would take such a prompt for answered.
    end = tokenizer.eos_token_id
    return [row[:-1] if row[-1:] == [end] and row[:-1] else row for row in ids]


def text_ids(texts: Sequence[str], tokenizer: Any, *, special: bool) -> list[list[int]]:
    """Return each text's token ids, never cut; special: with the tokenizer's own first and last tokens."""
    ids: list[list[int]] = []
    for start in range(0, len(texts), 1000):
        batch = list(texts[start : start + 1000])
        ids += tokenizer(batch, add_special_tokens=special, truncation=False, verbose=False)["input_ids"]
    return ids
