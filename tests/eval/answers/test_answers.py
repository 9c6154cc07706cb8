"""What must hold for any output: dressing changes nothing, and nothing without the answer in it is right."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data_builders.errors import InputError
from data_builders.graphs.graph import from_edges
from eval.answers.kinds.valid_answers import WITNESSES
from eval.answers.question import Question
from eval.prediction import OUTCOMES, Prediction
from eval.scoring.scorer import score
from tests.helpers.scorer_cases import OWN, cases, example, judged

CASES = cases(OWN)
STOPPED = [case for case in CASES if case["finish_reason"] == "stop"]
LAYOUT = re.compile(r"[\\<{`#>]|(?:^|\n)\s*(?:[-*]|Q:|Example:)")


def _one_line(case: dict[str, Any]) -> bool:
    return bool(case["output"].strip()) and "\n" not in case["output"] and not LAYOUT.search(case["output"])


def _may_run_on(case: dict[str, Any]) -> bool:
    """Not an output that starts with `Q:`, or that leaves a tag or a block open."""
    return not re.search(
        r"^Q:|<think>(?!.*</think>)|<answer>(?!.*</answer>)|\\boxed\{[^}]*$", case["output"], re.DOTALL
    )


WIDE = str.maketrans({",": "，", ":": "：", "?": "？", "!": "！", "(": "（", ")": "）"})
RUN_ON = "\nQ: How many nodes are in this graph?\nA: 3."
DRESSINGS: dict[str, tuple[Callable[[dict[str, Any]], bool], Callable[[str], str]]] = {
    "crlf": (lambda case: True, lambda text: text.replace("\n", "\r\n")),
    "trailing space": (lambda case: True, lambda text: f"{text} \n\n "),
    "no-break spaces": (lambda case: True, lambda text: text.replace(" ", "\u00a0")),
    "curly quotes": (lambda case: True, lambda text: text.replace("'", "\u2019")),
    "capitals": (lambda case: not re.search(r"\\|Q:|Example:", case["output"]), str.upper),
    "full-width signs": (
        lambda case: _one_line(case) and not re.search(r"\d,\d{3}", case["output"]),
        lambda text: text.translate(WIDE),
    ),
    "bold": (_one_line, lambda text: f"**{text}**"),
    "italic": (_one_line, lambda text: f"_{text.strip()}_"),
    "code fence": (
        lambda case: "```" not in case["output"] and not case["output"].startswith("Q:"),
        lambda text: f"```\n{text}\n```",
    ),
    "block quote": (
        lambda case: "Q:" not in case["output"],
        lambda text: "\n".join(f"> {line}" for line in text.split("\n")),
    ),
    "end token": (lambda case: True, lambda text: f"{text}<|im_end|>"),
    "run-on": (_may_run_on, lambda text: f"{text}{RUN_ON}"),
    "thinking": (
        lambda case: "think" not in case["output"].lower() and not case["output"].startswith("Q:"),
        lambda text: f"<think>\nHmm, the answer is yes, 3, no path, golf.\nQ: why?\n</think>\n\n{text}",
    ),
}


@pytest.mark.parametrize("name", DRESSINGS)
def test_dressing_changes_no_outcome(name: str) -> None:
    applies, dress = DRESSINGS[name]
    dressed = [case for case in STOPPED if applies(case)]
    assert len(dressed) > 500
    changed = [
        case["case"]
        for case in dressed
        if _judgement(case, dress(case["output"])) != _judgement(case, case["output"])
    ]
    assert not changed


def _judgement(case: dict[str, Any], output: str) -> tuple[str, float]:
    result = judged(case, output)
    return result.outcome, result.credit


def test_a_run_on_tail_makes_the_token_limit_irrelevant() -> None:
    for case in STOPPED:
        if _may_run_on(case):
            assert (
                judged({**case, "finish_reason": "length"}, case["output"] + RUN_ON).outcome
                == judged(case).outcome
            ), case["case"]


MARKS = """<think> </think> ** ` ``` \\boxed{ } { [ ] ( ) - * 1. 2. #### Answer: A: <answer> </answer>
    {"answer":
    " ' $ \\text{ = + -> → … ? ! . , ; :"""
TOKENS = """or and not no yes none nodes path connected to cannot 3 0 1 2 7 -1 4.0 1,000
    golf tennis James Will I so wait because é ² ½ ① 😀 \x00 answer the is"""
PHRASES = [
    "\n",
    "\n\n",
    " ",
    "\nQ:",
    "\nExample:",
    "The answer is",
    "Final answer:",
    "there is no",
    "I can't help",
]
PIECES = st.sampled_from([*MARKS.split(), *TOKENS.split(), *PHRASES])
SOUP = st.one_of(
    st.text(max_size=200),
    st.lists(PIECES, max_size=25).map(" ".join),
    st.lists(PIECES, max_size=25).map("".join),
)
ONE_OF_EACH = list({case["task"]: case for case in CASES}.values())


@settings(max_examples=400, deadline=None)
@given(SOUP, st.sampled_from(ONE_OF_EACH), st.sampled_from(["stop", "length"]))
def test_any_text_has_an_outcome(text: str, case: dict[str, Any], finish_reason: str) -> None:
    result = judged({**case, "finish_reason": finish_reason}, text)
    assert result.outcome in OUTCOMES and result.outcome != "error"
    assert (result.credit == 1.0) is (result.outcome == "correct") and 0 <= result.credit <= 1
    assert bool(result.parsed) is (result.outcome in ("correct", "wrong"))


NEUTRAL = """the node nodes is are of connected to and edge edges path graph between from answer so degree
    length flow
    maximum shortest there has because each
    list number total count Answer: The : . , ( ) ** = 5 6 8 10 23 eight five James Robert A B likes
    tennis hockey in
    this that which"""
WORDS = st.sampled_from(NEUTRAL.split())
WITHOUT_THE_ANSWER = {  # task -> a gold answer none of whose parts can be made of WORDS
    "node_degree": "3.",
    "node_count": " 7.",
    "edge_count": " 9.",
    "triangle_counting": "4.",
    "maximum_flow": "14.",
    "shortest_path": "2.",
    "connected_nodes": "Mary, Will.",
    "node_classification": "golf",
}


@settings(max_examples=400, deadline=None)
@given(
    st.lists(WORDS, min_size=1, max_size=30),
    st.sampled_from(sorted(WITHOUT_THE_ANSWER)),
    st.sampled_from(["stop", "length"]),
)
def test_no_output_without_the_answer_is_right(parts: list[str], task: str, finish_reason: str) -> None:
    case = next(
        case
        for case in CASES
        if case["task"] == task and (task != "connected_nodes" or "Mary" in case["graph"]["nodes"])
    )
    answered = {**case, "answer": WITHOUT_THE_ANSWER[task], "finish_reason": finish_reason}
    assert judged(answered, " ".join(parts)).outcome != "correct"


SILENT = (
    "the node nodes 0 1 2 3 4 of and graph is are there that this in which so because Answer: . , ** know not"
)
SILENCE = st.sampled_from(SILENT.split())


@settings(max_examples=300, deadline=None)
@given(
    st.lists(SILENCE, min_size=1, max_size=30),
    st.sampled_from(["edge_existence", "cycle_check", "reachability"]),
)
def test_words_that_say_nothing_are_neither_yes_nor_no(parts: list[str], task: str) -> None:
    case = next(case for case in CASES if case["task"] == task)
    assert judged(case, " ".join(parts)).outcome == "unparsed"


LOOPS = [
    "(",
    "1, ",
    "(0, 1) ",
    "there is no cycle and ",
    "0 -> ",
    "1 + ",
    "golf or tennis ",
    "The answer is ",
    "\\boxed{",
    '{"answer": ',
    "<think>",
    "\n",
    " ",
]


@pytest.mark.parametrize("text", LOOPS)
def test_a_hundred_kilobytes_of_anything_are_read(text: str) -> None:
    for case in ONE_OF_EACH:
        assert judged({**case, "finish_reason": "length"}, text * (100_000 // len(text))).outcome in OUTCOMES


DIAMOND = from_edges(5, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)])
DAG = from_edges(5, [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4)], directed=True)
WITNESS_CASES = [
    ("shortest_path_nodes", DIAMOND, (0, 4), [(0, 1, 3, 4), (0, 2, 3, 4)]),
    (
        "hamiltonian_path",
        from_edges(4, [(0, 1), (1, 2), (2, 3), (3, 0)]),
        (),
        [(0, 1, 2, 3), (2, 1, 0, 3), (3, 2, 1, 0)],
    ),
    ("topological_order", DAG, (), [(0, 1, 2, 3, 4), (0, 2, 1, 3, 4)]),
]


@pytest.mark.parametrize(("task", "graph", "query", "right"), WITNESS_CASES)
def test_a_witness_is_checked_and_not_compared(
    task: str, graph: Any, query: tuple[int, ...], right: list[tuple[int, ...]]
) -> None:
    check = WITNESSES[task]
    for nodes in right:
        assert check(graph, query, nodes)
        swapped = (nodes[1], nodes[0], *nodes[2:])
        for wrong in (
            (),
            nodes[:-1],
            nodes[1:],
            (*nodes, nodes[-1]),
            (nodes[0], *nodes),
            nodes[::2],
            swapped if task != "hamiltonian_path" else (),
        ):
            assert not check(graph, query, wrong), (nodes, wrong)
    everything = tuple(sorted(range(graph.n), reverse=True))
    assert check(graph, query, everything) is (everything in right)


def test_a_hamiltonian_path_of_the_right_length_may_still_repeat_a_node() -> None:
    square = from_edges(4, [(0, 1), (1, 2), (2, 3), (3, 0)])
    assert not WITNESSES["hamiltonian_path"](square, (), (0, 1, 0, 3))
    assert not WITNESSES["topological_order"](DAG, (), (0, 1, 1, 3, 4))


def test_names_that_are_words_need_their_capital_in_prose() -> None:
    asked = Question(example(next(case for case in CASES if case["graph"]["nodes"][3] == "Will")))
    assert (
        asked.name("will") is None
        and asked.name("will", listed=True) == "Will"
        and asked.name("rOBERT") == "Robert"
    )
    assert asked.mentioned("I will mark Robert and Will, not Roberta.") == ["Robert", "Will"]


def test_a_set_earns_its_f1() -> None:
    case = next(case for case in CASES if case["task"] == "connected_nodes" and case["answer"] == "0, 1, 3.")
    assert judged(case, "0, 1").credit == pytest.approx(0.8)
    assert judged(case, "0, 1, 3, 99").credit == pytest.approx(6 / 7)
    assert judged(case, "No nodes.").credit == 0.0
    assert judged(case, "3, 0, 1, 1").credit == 1.0


def test_what_was_read_is_shown() -> None:
    shown = {
        (case["task"], text): judged(case, text).parsed
        for case in ONE_OF_EACH
        for text in ("Yes", "3.0", "-1", "golf", "None")
    }
    assert (
        shown["cycle_check", "Yes"] == "Yes"
        and shown["node_count", "3.0"] == "3"
        and shown["shortest_path", "-1"] == "no path"
    )
    assert shown["node_classification", "golf"] == "golf" and shown["connected_nodes", "None"] == "No nodes"


def test_an_example_that_cannot_be_scored_is_named() -> None:
    case = next(case for case in CASES if case["task"] == "node_count")
    with pytest.raises(InputError, match=r"cannot score against the answer 'many'"):
        judged({**case, "answer": "many"}, "3")
    with pytest.raises(InputError, match="unknown answer kind"):
        score(replace(example(case), answer_kind="colour"), Prediction("x", "3"))


def test_our_cases_reach_every_rule() -> None:
    """More than 250 cases, every task of the twelve and every outcome among them, each case once."""
    assert len(CASES) > 250 and len({case["case"] for case in CASES}) == len(CASES)
    assert {case["expect"]["outcome"] for case in CASES} == set(OUTCOMES)
    assert len(
        {
            (case["task"], case["output"], case["finish_reason"], tuple(case["query"]), case["answer"])
            for case in CASES
        }
    ) == len(CASES)
    assert len({case["task"] for case in CASES}) >= 12
    assert Path(OWN).stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("output", "outcome"),
    [
        ("There are 3 leaves.", "correct"),
        ("Node 0 has 4 edges. There are 3 leaves among 7 nodes.", "correct"),
        ("The number of leaves is three.", "correct"),
        ("3 leaf nodes", "correct"),
        ("There are no leaves.", "wrong"),
        ("There are 4 leaves and 3 other nodes.", "wrong"),
        ("There are 3 inner nodes.", "unparsed"),
    ],
)
def test_a_number_is_read_next_to_the_noun_of_its_question(output: str, outcome: str) -> None:
    case = next(case for case in CASES if case["task"] == "triangle_counting")
    question = "Q: How many leaves are in this graph?\nA: "
    leaves = replace(example(case), task="leaf_count", question=question, answer="3.", query=[])
    assert score(leaves, Prediction("x", output)).outcome == outcome


@pytest.mark.parametrize(
    "output", ["Yes. No.", "Yes, there is a cycle. Hmm. No.", "Yes.\nNo, there is no cycle.", "No. Yes."]
)
def test_a_later_yes_or_no_takes_back_the_leading_one(output: str) -> None:
    for case in (c for c in CASES if c["task"] == "cycle_check"):
        assert judged({**case, "finish_reason": "stop"}, output).outcome == "unparsed"


def test_any_word_may_be_the_name_of_a_node() -> None:
    case = next(case for case in CASES if case["graph"]["nodes"][3] == "Will")
    names = [*case["graph"]["nodes"]]
    names[0] = "Harvest"
    question = Question(example({**case, "graph": {**case["graph"], "nodes": names}}))
    assert question.mentioned("They harvest apples; then Harvest knows Robert.") == ["Harvest", "Robert"]
    assert question.mentioned("node harvest is connected to robert.") == ["Harvest", "Robert"]
