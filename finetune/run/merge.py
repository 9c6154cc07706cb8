"""Adapters worked into the weights of their base: a plain folder that any program loads."""

from pathlib import Path

from data_builders.errors import InputError
from data_builders.files import atomic_folder
from finetune.models import base_of, load_model


def merge(source: Path, out: Path) -> str:
    """Write the merged model (fp32) and its tokenizer to `out`, which appears whole or not at all; the base's
    name comes back.

    source: a run folder of a fine-tuning with --lora, or its checkpoint, or any folder that peft saved.
    InputError where there are no adapters, where they are for another base than the one they name, or where
    `out` exists.
    """
    adapter = source / "checkpoint" if (source / "checkpoint").is_dir() else source
    if not (adapter / "adapter_config.json").is_file():
        plain = (adapter / "config.json").is_file()
        why = "a plain model already" if plain else "no adapters in this folder (no adapter_config.json)"
        raise InputError(f"{adapter}: {why}")
    if out.exists():
        raise InputError(f"{out} exists already; name a folder that is to be made")
    model, tokenizer = load_model(str(adapter))
    merged = model.merge_and_unload(safe_merge=True)
    with atomic_folder(out) as folder:
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return base_of(adapter)
