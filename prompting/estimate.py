"""What a run would take, before anything is sent: prompts, tokens, dollars."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from prompting.backends.model import ModelOptions, Request
from prompting.backends.registry import parse_model, priced_name
from prompting.budget import Price

# How tokenizers of the GPT-4 kind cut a text before they merge: words with the space before them, up to three
# digits, runs of signs.
_PIECES = re.compile(r"[^\r\n\w]?[^\W\d_]+|\d{1,3}| ?[^\s\w]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+|_")
_TURN = 4  # tokens around a chat turn where the template is not known
_REPLY = 3


@dataclass(frozen=True)
class Estimate:
    """Counts of a run.

    prompts: distinct requests. prompt_tokens: those of all requests. output_tokens: the same of the answers,
    if each is as long as it may be. counted_by: what counted the tokens.
    """

    prompts: int
    prompt_tokens: int
    output_tokens: int
    counted_by: str

    def lines(self, price: Price | None) -> list[str]:
        """What --dry-run prints."""
        lines = [
            f"requests: {self.prompts:,}",
            f"prompt tokens: {self.prompt_tokens:,} ({self.counted_by})",
            f"answer tokens: at most {self.output_tokens:,}",
        ]
        if price is None:
            return [*lines, "cost: unknown; give the model's price in the config's prices: table"]
        prompts, most = price.of(self.prompt_tokens, 0), price.of(self.prompt_tokens, self.output_tokens)
        return [
            *lines,
            f"cost: ${prompts:.4f} for the prompts, at most ${most:.4f} with the answers; as batch files "
            f"${most * price.batch:.4f}",
        ]


def estimate(
    requests: Sequence[Request], model: str | None, options: ModelOptions, tokenizer: str | None
) -> Estimate:
    """The tokens of the distinct requests, by a tokenizer where one is given or the model is a folder here,
    else by a rule.
    """
    count, counted_by = _counter(model, options, tokenizer)
    distinct = list(dict.fromkeys(requests))
    prompts = {request.prompt: 0 for request in distinct}
    for prompt in prompts:
        prompts[prompt] = count(prompt)
    return Estimate(
        len(distinct),
        sum(prompts[r.prompt] for r in distinct),
        options.max_new_tokens * len(distinct),
        counted_by,
    )


def rule_of_thumb(text: str) -> int:
    """About how many tokens a text is for tokenizers of the GPT-4 kind.

    >>> rule_of_thumb("The edges in G are: (0, 1) (12, 345).")
    18
    """
    return len(_PIECES.findall(text))


def _counter(
    model: str | None, options: ModelOptions, tokenizer: str | None
) -> tuple[Callable[[str], int], str]:
    backend = "" if model is None else parse_model(model)[0]
    folder = tokenizer or ("" if model is None else priced_name(model))
    if tokenizer or backend == "hf" or (folder and (Path(folder) / "tokenizer_config.json").is_file()):
        from language_models.load import load_tokenizer
        from language_models.text import prompt_ids, uses_chat

        loaded, seq2seq = load_tokenizer(folder)
        chat = uses_chat(loaded, options.chat if backend in ("", "hf") else options.chat is not False)

        def count(prompt: str) -> int:
            (ids,) = prompt_ids([prompt], loaded, chat=chat, decoder_only=not seq2seq, system=options.system)
            return len(ids)

        return count, f"by the tokenizer in {folder}"
    system = options.system or ""
    turns = 0 if options.chat is False else _REPLY + _TURN * (1 + bool(system))
    return (
        lambda prompt: rule_of_thumb(system + prompt) + turns,
        "about, by a rule for tokenizers of the GPT-4 kind; --tokenizer counts exactly",
    )
