"""Whether a tokenizer gives texts back. A stock T5 vocabulary has no `{`, `<` or newline, and loses the last
without a word.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from tokenizers import AddedToken

from data_builders.errors import InputError
from data_builders.example import Example

SAMPLE = 50  # examples of each encoder that are read back


def missing_symbols(texts: Iterable[str], tokenizer: Any) -> list[str]:
    """Characters of the texts that do not come back from the tokenizer. Spaces are not counted: vocabularies
    may join or add them.
    """
    found = sorted(set().union(*texts) - {" "})
    return [c for c in found if c not in _read_back(f"a {c} a", tokenizer)]


def _read_back(text: str, tokenizer: Any) -> str:
    return str(tokenizer.decode(tokenizer(text, verbose=False)["input_ids"], skip_special_tokens=True))


def check_spelling(examples: Sequence[Example], tokenizer: Any) -> None:
    """InputError where a sample of the examples, some of each encoder, does not come back from the tokenizer
    as it went in.
    """
    sample: dict[str, list[Example]] = {}
    for example in examples:
        of_encoder = sample.setdefault(example.encoder, [])
        if len(of_encoder) < SAMPLE:
            of_encoder.append(example)
    for encoder, chosen in sample.items():
        for example in chosen:
            for what, text in (("question", example.question), ("answer", example.answer)):
                back = _read_back(text, tokenizer)
                if "".join(text.split(" ")) != "".join(back.split(" ")):
                    lost = missing_symbols([text], tokenizer)
                    how = (
                        f"has no token for {', '.join(map(repr, lost))}"
                        if lost
                        else "does not give back what it read"
                    )
                    raise InputError(
                        f"{example.id}: the tokenizer {how} in the {what} (encoder {encoder}); give --add_missing_tokens, "
                        "or choose an encoder that the model can read"
                    )


def add_symbols(texts: Iterable[str], tokenizer: Any, model: Any) -> list[int]:
    """Give the tokenizer a token for each symbol that it loses, and the model rows for them; the new ids come
    back.
    """
    symbols = missing_symbols(texts, tokenizer)
    tokenizer.add_tokens([AddedToken(symbol, normalized=False) for symbol in symbols])
    fit_embeddings(model, tokenizer)
    return sorted(tokenizer.convert_tokens_to_ids(symbols))


def fit_embeddings(model: Any, tokenizer: Any) -> None:
    """Rows for every token; new ones are the mean of the old, the same at every start. Many T5s have rows to
    spare and stay as they are.
    """
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) <= rows:
        return
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    for table in {
        id(w): w for w in (model.get_input_embeddings().weight, model.get_output_embeddings().weight)
    }.values():
        table.data[rows:] = table.data[:rows].mean(0)
