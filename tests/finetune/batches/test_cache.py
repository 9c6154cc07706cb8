"""Token ids from disk are those that tokenising gives, and CTranslate2 answers what transformers answers."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from data_builders.errors import InputError
from eval.prediction import read_predictions
from tests.helpers.finetune_data import example, write_dataset

pytestmark = pytest.mark.torch
SIZE = '{"d_model": 64, "d_kv": 16, "num_heads": 4, "d_ff": 128, "num_layers": 2, "num_decoder_layers": 1}'


def test_tokens_are_kept_and_found_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from finetune.batches import cache
    from finetune.batches.data import encode
    from finetune.batches.shared_rows import encode_shared
    from finetune.batches.tokenizer import build_tokenizer

    monkeypatch.setenv("GRAPHTALK_CACHE", str(tmp_path))
    monkeypatch.setattr(cache, "MIN_EXAMPLES", 10)
    examples = [example("connected_nodes", "train", i) for i in range(12)]
    tokenizer = build_tokenizer([e.question for e in examples], [str(i) for i in range(8)])
    for code in (encode, encode_shared):
        made, found = (cache.cached(code, examples, tokenizer, 500, 500) for _ in range(2))
        for name in cache.ARRAYS:
            assert np.array_equal(getattr(made, name), getattr(found, name)), name
        assert made.prefix_lengths == found.prefix_lengths and found.ids == [e.id for e in examples]
        assert found[3] == made[3] == encode(examples, tokenizer, 500, 500)[3] or code is encode_shared
    files = set(tmp_path.rglob("*.safetensors"))
    assert len(files) == 2 and not list(tmp_path.rglob("*.part"))
    other = build_tokenizer([], ["0"])
    changed = [replace(examples[0], answer="0."), *examples[1:]]
    cache.cached(encode, examples, other, 500, 500)
    cache.cached(encode, changed, tokenizer, 500, 500)
    with pytest.raises(InputError, match="over the limit of 5"):
        cache.cached(encode, examples, tokenizer, 5, 500)
    assert len(set(tmp_path.rglob("*.safetensors")) - files) == 2
    cache.cached(encode, examples[:9], tokenizer, 500, 500)
    assert len(set(tmp_path.rglob("*.safetensors")) - files) == 2


@pytest.mark.parametrize("mode", ["full", "lora"])
def test_ctranslate2_answers_the_same(mode: str, tmp_path: Path) -> None:
    from finetune.train import main

    pytest.importorskip("ctranslate2")
    data = write_dataset(
        tmp_path / "d", {"train": 60, "test": 40}, tasks=("edge_existence", "connected_nodes")
    )
    common = ["--dataset", str(data), "--use_cpu", "--generation_max_length", "12"]
    train = [
        "--max_steps",
        "40",
        "--learning_rate",
        "1e-2",
        "--max_tokens_per_batch",
        "1000",
        "--do_predict",
        "false",
    ]
    main([*common, *train, "--output_dir", str(tmp_path / "full"), "--model_config", SIZE])
    if mode == "lora":
        base = ["--model_name_or_path", str(tmp_path / "full" / "checkpoint")]
        main([*common, *train, "--output_dir", str(tmp_path / "lora"), *base, "--lora"])
    test = [*common, "--do_train", "false", "--model_name_or_path", str(tmp_path / mode / "checkpoint")]
    for name in ("transformers", "ctranslate2"):
        main([*test, "--output_dir", str(tmp_path / name), "--predict_with", name])
    slow, fast = (
        [
            (p.example_id, p.output, p.finish_reason, p.output_tokens)
            for p in read_predictions(tmp_path / name)
        ]
        for name in ("transformers", "ctranslate2")
    )
    assert slow == fast
    sure = [
        [p.confidence for p in read_predictions(tmp_path / name)] for name in ("transformers", "ctranslate2")
    ]
    assert (
        sure[0] == pytest.approx(sure[1], rel=1e-2)
        and all(0 < p <= 1 for p in sure[0] if p is not None)
        and len(set(sure[0])) > 2
    )
    assert len(slow) == 80 and len({row[1] for row in slow}) > 2
    with pytest.raises(InputError, match="unknown predict_with 'vllm'; choose from"):
        main([*test, "--output_dir", str(tmp_path / "no"), "--predict_with", "vllm"])
