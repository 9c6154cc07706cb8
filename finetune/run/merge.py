"""Adapters worked into the weights of their base: a plain folder that any program loads."""

from pathlib import Path

from data_builders.errors import InputError
from data_builders.files import atomic_folder
from language_models.folder import adapter_base
from language_models.load import load_model


def merge(source: Path, out: Path) -> str:
    """Write the merged model (fp32) and its tokenizer to `out`, whole or not at all; return the base's name.

    source: a run folder of a fine-tuning with --lora, or its checkpoint, or any folder that peft saved.
    Raises InputError where there are no adapters, where they belong to another base than the one they name,
    or where `out` exists.
    """
    adapter = source / "checkpoint" if (source / "checkpoint").is_dir() else source
    base = adapter_base(str(adapter))
    if base is None:
        plain = (adapter / "config.json").is_file()
        why = "a plain model already" if plain else "no adapters in this folder (no adapter_config.json)"
        raise InputError(f"{adapter}: {why}")
    if out.exists():
        raise InputError(f"{out} exists already; name a folder that is to be made")
    model, tokenizer = load_model(str(adapter), dtype="float32")
    merged = model.merge_and_unload(safe_merge=True)
    with atomic_folder(out) as folder:
        merged.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
    return base
