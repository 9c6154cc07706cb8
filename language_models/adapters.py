"""Low-rank adapters over a base model, and embedding rows for the tokens that come with them."""

from pathlib import Path
from typing import Any

from peft import PeftModel, get_peft_model_state_dict
from safetensors import safe_open

from data_builders.errors import InputError, one_line
from eval.prediction import read_config
from language_models.folder import weights_digest


def attach_adapters(model: Any, base: str, folder: Path, tokenizer: Any) -> PeftModel:
    """Return the model with the adapters of a folder; tokens that came with them get embedding rows first.

    Raises InputError where the adapters were trained on another model. Other sizes do not fit. Other weights
    of the same sizes are known by the digest that the run folder around the adapters keeps.
    """
    fit_embeddings(model, tokenizer)
    try:
        adapted = PeftModel.from_pretrained(model, str(folder))
    except (RuntimeError, ValueError, KeyError) as error:
        reason = one_line(error, 300)
        raise InputError(f"{folder}: adapters of another model than {base}: {reason}") from None
    _check_whole(adapted, folder)
    trained_on = _base_digest(folder)
    if trained_on and trained_on != weights_digest(base):
        raise InputError(
            f"{folder}: these adapters were trained on other weights than those in {base}; "
            "bring their base model back"
        )
    return adapted


def _base_digest(folder: Path) -> str | None:
    """The digest of the base's weights that a fine-tuning run noted; None for adapters from elsewhere."""
    run = folder.resolve().parent
    config = read_config(run) if (run / "config.yaml").is_file() else None
    return config.get("model_fingerprint") if isinstance(config, dict) else None


def _check_whole(adapted: PeftModel, folder: Path) -> None:
    """peft only warns about a missing tensor, and then uses random numbers."""
    path = folder / "adapter_model.safetensors"
    if not path.is_file():  # older peft wrote a pickle; torch checks that one
        return
    with safe_open(path, "pt") as file:
        missing = sorted({*get_peft_model_state_dict(adapted, save_embedding_layers=False)} - {*file.keys()})
    if missing:
        raise InputError(f"{folder}: its weights lack {len(missing)} tensors, e.g. {missing[0]}")


def fit_embeddings(model: Any, tokenizer: Any) -> None:
    """Give the model an embedding row for every token; new rows are the mean of the old ones.

    The mean is the same in every process and at every start. Many T5 models have rows to spare and stay as
    they are.
    """
    rows = model.get_input_embeddings().num_embeddings
    if len(tokenizer) <= rows:
        return
    model.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    tables = (model.get_input_embeddings().weight, model.get_output_embeddings().weight)
    for table in {id(weight): weight for weight in tables}.values():
        table.data[rows:] = table.data[:rows].mean(0)
