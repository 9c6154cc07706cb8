"""Tokens that give their text back, batches that hold each example once, and nothing cut in silence."""

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.example import read_examples
from data_builders.graphs.graph import from_edges
from data_builders.graphs.names import node_names
from data_builders.tasks import GRAPHQA
from data_builders.text.encoders import ENCODERS
from eval.prediction import Prediction
from eval.scoring.scorer import score
from tests.helpers.finetune_data import example, write_dataset

pytestmark = pytest.mark.torch
ODD_NAMES = ["Mme. Magloire", "Jean Valjean", "O'Brien", "Ann", "Anna", "Éponine", "7-up", "x"]


def encoder_texts(seed: int) -> tuple[list[str], set[str]]:
    """A text of every encoder over random graphs, and the node names in them."""
    texts: list[str] = []
    names: set[str] = set()
    for encoder in ENCODERS.values():
        rng = random.Random(f"{seed}/{encoder.name}")
        for _ in range(6):
            n = rng.randint(2, 19)
            graph = from_edges(n, [(u, v) for u in range(n) for v in range(u + 1, n) if rng.random() < 0.3])
            nodes = node_names(encoder.names, n, rng)
            names.update(nodes)
            texts.append(
                f"{encoder.text(graph, nodes)}Q: Is node {nodes[0]} connected to node {nodes[1]}?\nA: "
            )
    return texts, names


def test_every_encoder_round_trips_seen_and_unseen() -> None:
    from finetune.batches.tokenizer import build_tokenizer

    texts, names = encoder_texts(1)
    tokenizer = build_tokenizer(texts, names)
    for text in texts + encoder_texts(2)[0]:
        ids = tokenizer(text)["input_ids"]
        assert tokenizer.unk_token_id not in ids
        assert ids[-1] == tokenizer.eos_token_id == 1
        assert tokenizer.decode(ids, skip_special_tokens=True) == text


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.characters(max_codepoint=126, min_codepoint=32) | st.just("\n") | st.sampled_from(ODD_NAMES))
)
def test_any_plain_text_round_trips(parts: list[str]) -> None:
    from finetune.batches.tokenizer import build_tokenizer

    tokenizer = build_tokenizer([" ".join(ODD_NAMES)], ODD_NAMES)
    text = "".join(parts)
    assert tokenizer.decode(tokenizer(text)["input_ids"], skip_special_tokens=True) == text


def test_names_are_whole_and_the_tokenizer_is_the_same_whatever_the_order(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    from finetune.batches.tokenizer import build_tokenizer, tokenizer_for

    named = write_dataset(tmp_path / "named", {"train": 20, "test": 5}, names=ODD_NAMES)
    plain = write_dataset(tmp_path / "plain", {"train": 20, "test": 5})
    tokenizer = tokenizer_for([plain, named])
    for name in ODD_NAMES:
        assert len(tokenizer(f" {name}")["input_ids"]) == 2
        assert len(tokenizer(f" ({name}, {name})")["input_ids"]) <= 3
    texts, names = encoder_texts(1)
    assert (
        build_tokenizer(texts, names).get_vocab()
        == build_tokenizer(texts[::-1], sorted(names, reverse=True)).get_vocab()
    )
    tokenizer.save_pretrained(tmp_path / "saved")
    again = AutoTokenizer.from_pretrained(tmp_path / "saved")
    text = example("edge_existence", "train", 0, ODD_NAMES).question
    assert again(text)["input_ids"] == tokenizer(text)["input_ids"]
    assert again.decode(again(text)["input_ids"], skip_special_tokens=True) == text


def test_too_long_or_unknown_is_an_error_that_says_what_to_do() -> None:
    from finetune.batches.data import encode
    from finetune.batches.tokenizer import build_tokenizer

    examples = [example("node_degree", "train", i) for i in range(5)]
    tokenizer = build_tokenizer([e.question for e in examples] + ["0123456789."], [str(i) for i in range(8)])
    longest = max(len(tokenizer(e.question)["input_ids"]) for e in examples)
    tokens = encode(examples, tokenizer, longest, 3)
    assert max(tokens.lengths) == longest
    assert tokens[2]["input_ids"] == tokenizer(examples[2].question)["input_ids"]
    assert tokenizer.decode(tokens[2]["labels"], skip_special_tokens=True) == examples[2].answer
    message = (
        rf"question is {longest} tokens long in encoder adjacency.*max_source_length to {longest} or more"
    )
    with pytest.raises(InputError, match=message):
        encode(examples, tokenizer, longest - 1, 3)
    with pytest.raises(InputError, match=r"answer is 3 tokens long.*max_target_length"):
        encode(examples, tokenizer, longest, 2)
    strange = replace(examples[0], question="Is 0 ≈ 1?\nA: ")
    with pytest.raises(
        InputError,
        match=rf"{strange.id}: the tokenizer has no token for .*≈.* in the question \(encoder adjacency\)",
    ):
        encode([strange], tokenizer, longest, 3)


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 60), min_size=4, max_size=80),
    ranks=st.integers(1, 4),
    budget=st.none() | st.integers(1, 300),
    size=st.integers(1, 9),
    epoch=st.integers(0, 3),
)
def test_batches(lengths: list[int], ranks: int, budget: int | None, size: int, epoch: int) -> None:
    from finetune.batches.data import Batches

    dealt = []
    for rank in range(ranks):
        batches = Batches(lengths, seed=1, max_tokens=budget, size=size, rank=rank, ranks=ranks)
        batches.set_epoch(epoch)
        taken = list(batches)
        assert taken == list(batches)
        assert len(taken) == len(batches)
        dealt.append(taken)
    assert len({len(taken) for taken in dealt}) == 1
    assert sorted(i for taken in dealt for batch in taken for i in batch) == list(range(len(lengths)))
    for batch in (batch for taken in dealt for batch in taken):
        assert batch
        fits = len(batch) <= size if budget is None else len(batch) * max(lengths[i] for i in batch) <= budget
        joined = sum(map(len, dealt)) + ranks > len(
            lengths
        )  # about one example a batch: the shortest are joined to make them divide
        assert fits or len(batch) == 1 or joined


def test_epochs_differ() -> None:
    from finetune.batches.data import Batches

    batches = Batches(list(range(1, 60)), seed=1, size=4)
    first = list(batches)
    batches.set_epoch(1)
    assert list(batches) != first
    assert {frozenset(b) for b in batches} != {frozenset(b) for b in first}


@settings(max_examples=60, deadline=None)
@given(lengths=st.lists(st.integers(1, 50), max_size=40), size=st.integers(1, 7), ranks=st.integers(1, 4))
def test_predictions_are_dealt_once_and_evenly(lengths: list[int], size: int, ranks: int) -> None:
    from finetune.batches.data import deal

    dealt = [deal(lengths, size, rank, ranks) for rank in range(ranks)]
    assert len({len(batches) for batches in dealt}) == 1
    assert sorted(i for batches in dealt for batch in batches for i in batch) == list(range(len(lengths)))


@pytest.mark.torch
def test_the_shortest_answer_is_scored_like_the_long_one(tmp_path: Path) -> None:
    from finetune.batches.data import shortened

    build(BuildConfig(train=30, validation=0, test=0, workers=1), tmp_path / "all")
    seen = set()
    for task in GRAPHQA:
        for asked in read_examples(tmp_path / "all", task, "train"):
            short = shortened(asked).answer
            assert len(short) <= len(asked.answer.strip())
            assert score(asked, Prediction(asked.id, short)).outcome == "correct"
            seen.add(short)
    assert {"Yes", "No", "no path", "No nodes", "3"} <= seen
