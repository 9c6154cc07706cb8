"""Prompt methods: what each puts around the question, and what it refuses."""

from dataclasses import replace

import pytest

from data_builders.errors import InputError
from data_builders.example import Example
from prompting.prompts.algorithms import ALGORITHMS
from prompting.prompts.methods import METHODS, build_prompt

ASKED = Example(
    id="node_count/er/adjacency/test/0",
    task="node_count",
    task_class="retrieval",
    question="G describes a graph among nodes 0, and 1.\nQ: How many nodes are in this graph?\nA: ",
    answer=" 2.",
    answer_kind="integer",
    rationale=" The nodes are 0, and 1.",
    encoder="incident",
    generator="er",
    graph='{"directed": false, "nodes": ["0", "1"], "edges": []}',
    graph_id="er/test/0",
    num_nodes=2,
    num_edges=0,
    query=[],
    split="test",
)
SHOWN = [
    replace(ASKED, id="a"),
    replace(ASKED, id="b", question="Another graph.\nQ: How many?\nA: ", answer=" 3.", rationale=" Three."),
]
BAG = "Let's construct the graph with the nodes and edges first.\n"
PROMPTS = {
    "zero_shot": ASKED.question,
    "zero_cot": ASKED.question + "Let's think step by step. ",
    "few_shot": f"Example: {ASKED.question}2.\nExample: Another graph.\nQ: How many?\nA: 3.\n"
    f"Example: {ASKED.question}",
    "cot": f"Example: {ASKED.question}2. The nodes are 0, and 1.\n"
    "Example: Another graph.\nQ: How many?\nA: 3. Three.\n"
    f"Example: {ASKED.question}",
}
PROMPTS["algorithm"] = f"{ALGORITHMS['node_count']}\n{ASKED.question}"
PROMPTS["self_consistency"] = PROMPTS["cot"]
PROMPTS["cot_bag"] = PROMPTS["cot"].replace("Q: ", f"{BAG}Q: ")


@pytest.mark.parametrize("method", sorted(METHODS))
def test_the_whole_prompt(method: str) -> None:
    assert build_prompt(method, ASKED, SHOWN) == PROMPTS[method]


def test_zero_shot_methods_show_nothing() -> None:
    assert [name for name, method in METHODS.items() if not method.shots] == [
        "zero_shot",
        "zero_cot",
        "algorithm",
    ]
    assert build_prompt("zero_shot", ASKED, []) == build_prompt("zero_shot", ASKED, SHOWN)


@pytest.mark.parametrize("method", ["few_shot", "cot", "cot_bag"])
def test_few_shots_need_exemplars(method: str) -> None:
    with pytest.raises(
        InputError, match=f"prompt method '{method}' needs at least 1 exemplar; {ASKED.id} got none"
    ):
        build_prompt(method, ASKED, [])


@pytest.mark.parametrize("method", [name for name, m in METHODS.items() if m.reasons])
def test_reasons_must_be_in_the_dataset(method: str) -> None:
    with pytest.raises(InputError, match="exemplar b carries no rationale"):
        build_prompt(method, ASKED, [SHOWN[0], replace(SHOWN[1], rationale="")])


def test_an_acyclic_exemplar_has_no_reason_and_needs_none() -> None:
    forest = replace(ASKED, task="cycle_check", answer="No, there is no cycle.", rationale="")
    assert (
        build_prompt("cot", ASKED, [forest])
        == f"Example: {ASKED.question}No, there is no cycle.\nExample: {ASKED.question}"
    )


def test_a_wrong_method_gets_the_choices() -> None:
    with pytest.raises(
        InputError,
        match="unknown prompt method 'tot'; choose from algorithm, cot, cot_bag, few_shot, "
        "self_consistency, zero_cot",
    ):
        build_prompt("tot", ASKED, SHOWN)
