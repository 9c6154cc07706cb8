"""What a model folder holds: whether there is a model, what it is based on, and which weights these are."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from transformers.utils.hub import cached_file

from data_builders.errors import InputError
from data_builders.files import check_links

# A model name that begins with one of these means a folder of this project, and not an owner on the Hub.
_FOLDERS = ("models", "runs", "data")
_SAMPLE = 1 << 20
_WEIGHTS = (".safetensors", ".bin")


def check_model_folder(name: str) -> None:
    """Raise InputError where a name can only mean a folder (it is not like `owner/name`) without a model, and
    for a folder with a link that leads out of it.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        if not any((path / file).is_file() for file in ("config.json", "adapter_config.json")):
            raise InputError(
                f"{name}: no model in this folder (no config.json or adapter_config.json); it needs a model "
                "saved by save_pretrained, with its tokenizer"
            )
        check_links(path)
        return
    owner, slash, _ = name.partition("/")
    only_a_folder = path.is_absolute() or name.startswith((".", "~")) or name.count("/") > 1
    if only_a_folder or owner in _FOLDERS or (slash and Path(owner).is_dir()):
        raise InputError(
            f"{name}: no such model folder; `graphtalk smollm2 --out DIR` makes a small model "
            "without a network"
        )


def adapter_base(name: str) -> str | None:
    """Return the model (Hub id or folder) that a folder of adapters belongs to; None for a whole model.

    Raises InputError where adapter_config.json does not name a base model.
    """
    path = Path(name).expanduser() / "adapter_config.json"
    if not path.is_file():
        return None
    try:
        base = json.loads(path.read_text(encoding="utf-8")).get("base_model_name_or_path")
    except (ValueError, AttributeError):
        base = None
    if not isinstance(base, str) or not base:
        raise InputError(f"{path}: names no base_model_name_or_path, the model that the adapters belong to")
    return base


def weights_digest(name: str) -> str | None:
    """Return the sha256 of a local model's weights, adapters and base together; None for a Hub id.

    A run keeps it in config.yaml, so that neither the run nor its adapters are used with other weights.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.iterdir() if path.suffix in _WEIGHTS)
    if base := adapter_base(name):
        files += sorted(Path(base).expanduser().glob("*.safetensors"))
    digest = hashlib.sha256()
    for path in files:
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def model_identity(name: str) -> Mapping[str, str]:
    """Return what tells a model from others: a folder's digest, or the commit of a model from the Hub.

    Weights, configuration and tokenizer count. Of large files only the size and a megabyte at the start, the
    middle and the end are read, since training changes all weights.
    """
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return {"model": name, "commit": Path(str(cached_file(name, "config.json"))).parent.name}
    kinds = (".json", ".jinja", ".model", ".txt", *_WEIGHTS)
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.iterdir() if path.is_file() and path.suffix in kinds):
        size = path.stat().st_size
        large = size > 3 * _SAMPLE
        digest.update(f"{path.name} {size}\n".encode())
        with path.open("rb") as file:
            for start in (0, size // 2, size - _SAMPLE) if large else (0,):
                file.seek(start)
                digest.update(file.read(_SAMPLE if large else -1))
    base = adapter_base(name)
    below = {} if base is None else {"base": json.dumps(dict(model_identity(base)), sort_keys=True)}
    return {"model": folder.resolve().name, "digest": digest.hexdigest()[:32], **below}
