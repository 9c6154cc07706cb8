"""Whether a tokenizer gives texts back: a stock T5 vocabulary has no `{` and `<`, and drops newlines."""

from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import AddedToken

from data_builders.errors import InputError
from data_builders.example import Example
from language_models.adapters import fit_embeddings

SAMPLE = 50  # examples of each encoder that are read back


def missing_symbols(texts: Iterable[str], tokenizer: Any) -> list[str]:
    """Return the characters of the texts that do not come back from the tokenizer.

    Spaces are not counted, since vocabularies may join or add them.
    """
    characters = sorted(set().union(*texts) - {" "})
    return [c for c in characters if c not in _round_trip(f"a {c} a", tokenizer)]


def _round_trip(text: str, tokenizer: Any) -> str:
    return str(tokenizer.decode(tokenizer(text, verbose=False)["input_ids"], skip_special_tokens=True))


def check_round_trip(examples: Sequence[Example], tokenizer: Any) -> None:
    """Raise InputError where an example, of a sample of each encoder, does not come back as it went in."""
    sample: dict[str, list[Example]] = {}
    for example in examples:
        of_encoder = sample.setdefault(example.encoder, [])
        if len(of_encoder) < SAMPLE:
            of_encoder.append(example)
    texts = [
        (example, part, text)
        for chosen in sample.values()
        for example in chosen
        for part, text in (("question", example.question), ("answer", example.answer))
    ]
    for example, part, text in texts:
        if text.replace(" ", "") != _round_trip(text, tokenizer).replace(" ", ""):
            lost = ", ".join(map(repr, missing_symbols([text], tokenizer)))
            problem = f"has no token for {lost}" if lost else "does not give back what it read"
            raise InputError(
                f"{example.id}: the tokenizer {problem} in the {part} (encoder {example.encoder}); "
                "give --add_missing_tokens, or choose an encoder that the model can read"
            )


def add_symbols(texts: Iterable[str], tokenizer: Any, model: Any) -> list[int]:
    """Give the tokenizer a token for each symbol that it loses, and the model rows; return the new ids."""
    symbols = missing_symbols(texts, tokenizer)
    tokenizer.add_tokens([AddedToken(symbol, normalized=False) for symbol in symbols])
    fit_embeddings(model, tokenizer)
    return sorted(tokenizer.convert_tokens_to_ids(symbols))
