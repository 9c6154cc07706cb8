"""What `graphtalk fit` can be told: one record for each family of models, from a YAML file and flags that
override it.
"""

from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from data_builders.errors import InputError, check_choice
from data_builders.files import read_yaml


class FitConfig(BaseModel):
    """The keys that every kind of model has.

    model: a kind (gin, transformer, ...) to train, or the checkpoint folder of a trained one, which then
        only answers. dataset: a folder that `graphtalk build` made. output_dir: the run folder.
    label: row name in reports; default: the run folder's name.
    tasks: to train and test on; default: all of the dataset.
    train_split, validation_split, test_split: splits to learn from, to stop by, and to answer.
    train_limit, validation_limit, limit: only the first so many examples of each task of these splits.
    steps: optimizer steps. batch_size: graphs a step, each with all of its questions.
    learning_rate: the highest; it rises over the first `warmup` (a share of all steps) and falls along a
        cosine to zero. weight_decay: AdamW's. clip: largest norm of a gradient.
    evaluate_every: steps between validations. patience: stop after so many without a better one; the best
        weights are kept in any case. save_every: steps between checkpoints to continue from.
    counts: numbers by regression, or each number a class.
    overwrite: replace another run in the folder.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())

    model: str
    dataset: Path
    output_dir: Path
    label: str | None = None
    tasks: tuple[str, ...] | None = None
    train_split: str = "train"
    validation_split: str = "validation"
    test_split: str = "test"
    train_limit: int | None = Field(None, ge=1)
    validation_limit: int | None = Field(200, ge=1)
    limit: int | None = Field(None, ge=1)
    seed: int = Field(0, ge=0)
    steps: int = Field(2000, ge=1)
    batch_size: int = Field(32, ge=1)
    learning_rate: float = Field(2e-3, gt=0)
    warmup: float = Field(0.05, ge=0, le=1)
    weight_decay: float = Field(0.0, ge=0)
    clip: float = Field(1.0, gt=0)
    evaluate_every: int = Field(200, ge=1)
    patience: int | None = Field(None, ge=1)
    save_every: int = Field(200, ge=1)
    counts: Literal["regression", "classes"] = "regression"
    overwrite: bool = False

    @field_validator("tasks", mode="before")
    @classmethod
    def _names(cls, value: Any) -> Any:
        """A list may also be one text with commas."""
        return [name for name in value.split(",") if name] if isinstance(value, str) else value


class GnnConfig(FitConfig):
    """Keys of gcn, gin and mpnn.

    width, depth: of the node states, and layers. dropout: of each layer's update.
    mark_queries: node features say which nodes the question names. query_readout: the answer is read from
        their states as well as from all nodes' together. pooling: how these are put together.
    residual: each layer adds to the states; norm: of each layer's update.
    identity: node features hold the node's number. laplacian: so many eigenvectors of the Laplacian.
    """

    width: int = Field(64, ge=1)
    depth: int = Field(5, ge=1)
    dropout: float = Field(0.0, ge=0, lt=1)
    mark_queries: bool = True
    query_readout: bool = True
    pooling: Literal["sum", "mean", "max"] = "sum"
    residual: bool = True
    norm: Literal["layer", "batch", "none"] = "layer"
    identity: bool = False
    laplacian: int = Field(0, ge=0)


class AttentionGnnConfig(GnnConfig):
    """Keys of gat and gps. heads: of the attention; they share the width."""

    heads: int = Field(4, ge=1)


class PpgnConfig(FitConfig):
    """Keys of ppgn. width: of the state of a pair of nodes. depth: layers, each with one matrix product."""

    width: int = Field(16, ge=1)
    depth: int = Field(2, ge=1)


class TransformerConfig(FitConfig):
    """Keys of transformer.

    tokens: how a graph becomes tokens, see `graph_models.tokens`. positions: tokens know their place.
    random_labels: training deals the nodes' labels anew in each step. max_nodes: labels, and so nodes of the
    largest graph that can be read; default: the largest of the dataset.
    relabellings: answers are the mean over so many ways to label the nodes.
    architecture: encoder; decoder, whose tokens see those before them; or encoder_decoder, twice as deep.
    width, depth, heads: of the blocks. expansion: width of the feed-forward layers, as a multiple of the
    width. glu: these layers are gated. loops: the blocks are gone through so many times.
    pause: empty tokens behind each question.
    edge_bias: attention knows which tokens touch: a learned number for each head, layer and way of touching
        is added to its scores, see `graph_models.tokens.touching`.
    sum_readout: the answer is read from the sum of the graph's tokens as well; a softmax takes means, of
        which a count is hard to read.
    """

    tokens: Literal["edges", "rows", "rows_and_edges", "pairs"] = "rows_and_edges"
    positions: bool = False
    random_labels: bool = True
    max_nodes: int | None = Field(None, ge=1)
    relabellings: int = Field(1, ge=1)
    architecture: Literal["encoder", "decoder", "encoder_decoder"] = "encoder"
    width: int = Field(128, ge=2)
    depth: int = Field(4, ge=1)
    heads: int = Field(4, ge=1)
    expansion: int = Field(2, ge=1)
    glu: bool = True
    dropout: float = Field(0.0, ge=0, lt=1)
    loops: int = Field(1, ge=1)
    pause: int = Field(0, ge=0)
    edge_bias: bool = True
    sum_readout: bool = True


CONFIGS: dict[str, type[FitConfig]] = {
    "gcn": GnnConfig,
    "gin": GnnConfig,
    "mpnn": GnnConfig,
    "gat": AttentionGnnConfig,
    "gps": AttentionGnnConfig,
    "ppgn": PpgnConfig,
    "transformer": TransformerConfig,
}
"""Kind of model -> its keys."""


def load_config(path: Path | None, flags: dict[str, Any]) -> FitConfig:
    """The checked config of a YAML file (or of nothing) with flags on top.

    >>> load_config(None, {"model": "gin", "dataset": "d", "output_dir": "r", "steps": "32"}).steps
    32
    """
    given = {**({} if path is None else read_yaml(path)), **flags}
    model = given.get("model")
    if model is None:
        raise InputError(f"no model; give a kind ({', '.join(sorted(CONFIGS))}) or a checkpoint folder")
    # a checkpoint folder has its own keys: of those given here, only the common ones matter
    kind = CONFIGS.get(str(model), FitConfig)
    if kind is FitConfig and not (Path(str(model)) / "config.json").is_file():
        check_choice("model", str(model), CONFIGS)
    for key in given:
        if key not in kind.model_fields:
            where = f"{path}: " if path is not None and key not in flags else ""
            raise InputError(
                f"{where}unknown key {key!r} for model {model}; "
                f"accepted keys are {', '.join(kind.model_fields)}"
            )
    try:
        config = kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else ""
        if first["type"] == "missing":
            raise InputError(f"no {key}; give --{key}") from None
        where = f"{path}: {key}" if path is not None and key not in flags else f"--{key}"
        message = first["msg"].removeprefix("Value error, ")
        raise InputError(f"{where}: {message[0].lower()}{message[1:]}, not {first['input']!r}") from None
    width, heads = getattr(config, "width", 1), getattr(config, "heads", 1)
    if width % heads:
        raise InputError(f"width {width} is no multiple of heads {heads}; they share it")
    return config
