"""EXPORTS: every form in which a dataset leaves for another program, by the program's name."""

from collections.abc import Callable
from pathlib import Path

from data_builders.exports import (
    inspect_ai,
    jsonl,
    llama_factory,
    lm_eval,
    openai,
    reasoning_gym,
    trl,
    verifiers,
)
from data_builders.exports.source import Source

EXPORTS: dict[str, Callable[[Source, Path], None]] = {
    "trl": trl.export,
    "lm_eval": lm_eval.export,
    "inspect_ai": inspect_ai.export,
    "reasoning_gym": reasoning_gym.export,
    "verifiers": verifiers.export,
    "llama_factory": llama_factory.export,
    "openai": openai.export,
    "jsonl": jsonl.export,
}
"""A new one is one file with an `export` that fills an empty folder, and one line here."""
