"""Exemplars, prompts, batches and run folders, with real datasets and a model that is a plain function."""

import subprocess
import sys
from collections.abc import Container, Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import ClassVar

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import graphtalk
from data_builders.building.build import build
from data_builders.building.config import BuildConfig
from data_builders.errors import InputError
from data_builders.example import Example, read_examples
from data_builders.graphs.graph import from_edges, graph_from_json, graph_to_json, to_networkx
from eval.prediction import read_predictions
from prompting.backends.model import Completion, ModelOptions, Request
from prompting.budget import Budget
from prompting.journal import Journal
from prompting.prompts.exemplars import Exemplars
from prompting.run import PromptRun, complete_all, plan

ROOT = Path(__file__).parents[2]
TASKS = ("cycle_check", "node_count")


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prompting") / "data"
    config = BuildConfig(
        tasks=TASKS,
        encoders=("adjacency", "friendship"),
        generators=("er", "star"),
        train=12,
        validation=0,
        test=5,
        workers=1,
    )
    build(config, folder)
    return folder


def example(index: int, n: int, edges: Sequence[tuple[int, int]], **fields: str) -> Example:
    graph = from_edges(n, edges)
    settings = {
        "encoder": "adjacency",
        "generator": "er",
        "split": "train",
        "graph_id": f"er/train/{index}",
        **fields,
    }
    return Example(
        id=f"edge_count/er/adjacency/{settings['split']}/{index}", task="edge_count", task_class="retrieval",
        question="Q: How many?\nA: ",
        answer=f" {len(edges)}.", answer_kind="integer", rationale=" Because.",
        graph=graph_to_json(graph, [str(i) for i in range(n)]),
        num_nodes=n, num_edges=len(edges), query=[], **settings,
    )  # fmt: skip


@st.composite
def small_graph(draw: st.DrawFn) -> tuple[int, list[tuple[int, int]]]:
    n = draw(st.integers(1, 4))
    pairs = [(u, v) for u in range(n) for v in range(u + 1, n)]
    return n, draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []


def same(a: Example, b: Example) -> bool:
    return bool(
        nx.is_isomorphic(to_networkx(graph_from_json(a.graph)[0]), to_networkx(graph_from_json(b.graph)[0]))
    )


@given(
    st.lists(small_graph(), max_size=12),
    small_graph(),
    st.integers(1, 3),
    st.integers(0, 5),
    st.booleans(),
    st.booleans(),
)
@settings(max_examples=200, deadline=None)
def test_exemplars_never_show_the_asked_graph(
    drawn: list[tuple[int, list[tuple[int, int]]]],
    asked_graph: tuple[int, list[tuple[int, int]]],
    shots: int,
    seed: int,
    balanced: bool,
    fixed: bool,
) -> None:
    train = [example(i, *graph) for i, graph in enumerate(drawn)]
    asked = example(0, *asked_graph, split="test")
    allowed = [e for e in train if not same(e, asked)]
    classes: list[Example] = []
    for e in allowed:
        if not any(same(e, c) for c in classes):
            classes.append(e)
    pool = Exemplars(train, balanced=balanced, fixed=[asked] if fixed else ())
    if len(allowed) < shots:
        with pytest.raises(InputError, match=f"the train split has {len(allowed)} of task edge_count"):
            pool.draw(asked, shots, seed)
        return
    shown = pool.draw(asked, shots, seed)
    assert len({e.id for e in shown}) == shots
    assert all(e in allowed for e in shown)
    distinct = sum(not any(same(e, f) for f in shown[:i]) for i, e in enumerate(shown))
    assert distinct == min(shots, len(classes)), (
        "a graph is shown twice only where there are not enough others"
    )


def test_exemplars_keep_encoder_and_generator(data: Path) -> None:
    for task in TASKS:
        train = read_examples(data, task, "train")
        for asked in read_examples(data, task, "test"):
            shown = Exemplars(train).draw(asked, 2, 0)
            assert {(e.task, e.split, e.encoder, e.generator) for e in shown} == {
                (task, "train", asked.encoder, asked.generator)
            }
            mixed = [
                e for seed in range(8) for e in Exemplars(train, any_generator=True).draw(asked, 2, seed)
            ]
            assert {e.encoder for e in mixed} == {asked.encoder}
            assert {e.generator for e in mixed} == {"er", "star"}


def test_exemplars_depend_on_seed_and_question_only(data: Path) -> None:
    train, asked = read_examples(data, "cycle_check", "train"), read_examples(data, "cycle_check", "test")
    first = {e.id: Exemplars(train).draw(e, 2, 0) for e in asked}
    assert first == {e.id: Exemplars(train).draw(e, 2, 0) for e in reversed(asked)}
    assert first != {e.id: Exemplars(train).draw(e, 2, 1) for e in asked}
    adjacency_er = [
        tuple(x.id for x in first[e.id]) for e in asked if (e.encoder, e.generator) == ("adjacency", "er")
    ]
    assert len(set(adjacency_er)) > 1, "questions have exemplars of their own"


def test_plan_is_in_file_order_and_a_limit_takes_the_front(data: Path) -> None:
    whole = plan(PromptRun(data, "cot"))
    assert [e for e, _ in whole] == [e for task in sorted(TASKS) for e in read_examples(data, task, "test")]
    assert all(prompt.endswith(e.question) and prompt.count("Example: ") == 3 for e, prompt in whole)
    some = plan(PromptRun(data, "cot", tasks=("node_count",), limit=3))
    assert some == [pair for pair in whole if pair[0].task == "node_count"][:3]


class Parrot:
    """A model that answers with the prompt's length, and keeps what it was asked. It breaks down after
    `lives` batches.
    """

    identity: ClassVar = {"model": "parrot"}

    def __init__(self, lives: int = 10**9) -> None:
        self.asked: list[str] = []
        self._lives = lives

    def complete(
        self, requests: Sequence[Request], done: Container[int], budget: Budget
    ) -> Iterator[list[tuple[int, Completion]]]:
        prompts = [request.prompt for request in requests]
        for start in range(0, len(prompts), 2):
            missing = [i for i in range(start, min(start + 2, len(prompts))) if i not in done]
            if not missing:
                continue
            if self._lives == 0:
                raise KeyboardInterrupt
            self._lives -= 1
            self.asked += [prompts[i] for i in missing]
            yield [(i, Completion(f"{len(prompts[i])}", "stop", 1, 1, 0.0)) for i in missing]


@given(
    st.lists(st.text("ab", max_size=3), max_size=12),
    st.lists(st.integers(0, 3), max_size=5),
    st.integers(0, 12),
)
@settings(max_examples=100, deadline=None)
def test_no_prompt_is_asked_twice(
    tmp_path_factory: pytest.TempPathFactory, prompts: list[str], lives: list[int], front: int
) -> None:
    """However often the run breaks down, and if it grew from its front: each distinct prompt is asked exactly
    once.
    """
    path = tmp_path_factory.mktemp("asked") / "journal.sqlite"
    asked: list[str] = []
    for some, life in [*((prompts[:front], life) for life in lives), (prompts, 10**9)]:
        parrot = Parrot(life)
        with Journal(path, parrot.identity) as journal:
            try:
                answers = complete_all(
                    parrot, [Request(p) for p in some], journal, lambda done, total, fresh: None, Budget()
                )
            except KeyboardInterrupt:
                answers = {}
        asked += parrot.asked
    assert sorted(asked) == sorted(set(prompts))
    assert {prompt: answers[Request(prompt)].text for prompt in prompts} == {
        prompt: str(len(prompt)) for prompt in prompts
    }


def test_progress_counts_what_is_new(tmp_path: Path) -> None:
    told: list[tuple[int, int, int]] = []
    with Journal(tmp_path / "j", Parrot.identity) as journal:
        complete_all(Parrot(), [Request("a"), Request("b")], journal, lambda *args: None, Budget())
        asked = [Request(p) for p in "abcda"]
        complete_all(
            Parrot(),
            asked,
            journal,
            lambda done, total, fresh: told.append((done, total, len(fresh))),
            Budget(),
        )
    assert told == [(2, 4, 0), (4, 4, 2)]


def test_show_prints_prompts_and_loads_no_model(data: Path) -> None:
    program = (
        "import sys, graphtalk\ntry:\n    graphtalk.main()\nexcept SystemExit as stop:\n    assert not "
        "stop.code, stop.code\n"
        "print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    flags = ["prompt", "--data", str(data), "--method", "few_shot", "--show", "2"]
    run = subprocess.run(
        [sys.executable, "-c", program, *flags], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("--- cycle_check/") == 2
    for _, prompt in plan(PromptRun(data, "few_shot", limit=1))[:1]:
        assert prompt in run.stdout
    assert run.stdout.endswith("False False\n")
    assert not run.stderr


@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        (("--method", "few-shot"), ("unknown prompt method 'few-shot'", "cot_bag", "zero_shot")),
        (("--tasks", "nodecount"), ("unknown task in", "'nodecount'", "cycle_check, node_count")),
        (("--split", "validation"), ("has no split 'validation'", "test, train")),
        (("--split", "dev"), ("unknown split 'dev'", "test, train, validation")),
        (("--data", "nowhere"), ("nowhere: not a dataset folder",)),
        (("--limit", "0"), ("--limit is 0", "at least 1")),
        (("--shots", "0"), ("--shots is 0", "at least 1")),
        (("--method", "cot", "--shots", "13"), ("13 exemplars asked", "--any-generator")),
        (("--max-new-tokens", "0"), ("--max-new-tokens is 0",)),
        (("--model", "gpt2"), ("model 'gpt2' does not say where it runs", "BACKEND:NAME", "hf")),
        (("--model", "gpt:2"), ("unknown model backend 'gpt'", "hf")),
        (("--tasks", ","), ("--tasks names no task", "cycle_check, node_count")),
    ],
)
def test_bad_input_is_one_line(
    flags: tuple[str, ...],
    parts: tuple[str, ...],
    data: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    out = tmp_path / "run"
    given = {"--data": str(data), "--method": "zero_shot", "--model": "hf:./nowhere", "--out": str(out)}
    given.update(zip(flags[::2], flags[1::2], strict=True))
    monkeypatch.setattr(
        sys, "argv", ["graphtalk", "prompt", *(word for pair in given.items() for word in pair)]
    )
    with pytest.raises(SystemExit) as stop:
        graphtalk.main()
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert len(said.strip().splitlines()) == 1, said
    for part in parts:
        assert part in said
    assert not out.exists()


@given(
    st.lists(st.integers(1, 400), max_size=40), st.integers(1, 2000), st.integers(1, 9), st.integers(1, 64)
)
@settings(deadline=None)
@pytest.mark.torch
def test_batches(lengths: list[int], tokens: int, size: int, new: int) -> None:
    plan_batches = pytest.importorskip("prompting.backends.hf").plan_batches
    options = ModelOptions(new, batch_tokens=tokens, batch_size=size)
    batches = plan_batches(lengths, options)
    assert sorted(i for batch in batches for i in batch) == list(range(len(lengths)))
    ordered = [lengths[i] for batch in batches for i in batch]
    assert ordered == sorted(lengths, reverse=True)
    for batch, following in zip_longest(batches, batches[1:], fillvalue=[]):
        assert 1 <= len(batch) <= size
        longest = max(lengths[i] for i in batch)
        assert len(batch) == 1 or len(batch) * (longest + new) <= tokens
        if following and len(batch) < size:
            assert (len(batch) + 1) * (longest + new) > tokens, "a batch is as full as it may be"


def test_predictions_of_a_missing_run_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="start the command that makes this run again"):
        read_predictions(tmp_path)
