"""The text that a dataset stores is right, whatever its nodes are called, and so is what models make of
it.
"""

import json
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data_builders.example import Example, truth
from data_builders.graphs.generators import GENERATORS
from data_builders.graphs.graph import graph_to_json
from data_builders.tasks import GRAPH_TRANSFORMS, TASKS
from data_builders.text.encoders import ENCODERS, get_encoder
from eval.prediction import Prediction
from eval.scoring.scorer import score

ODD = [
    *(
        "None",
        "No 1",
        "Node 2",
        "Path",
        "Answer",
        "Yes",
        "No",
        "#ml",
        "__init__",
        "$x_1$",
        "O’Hare",
        "O'Brien",
    ),
    *(
        "Madrid–Barajas",
        '"B"',
        "[a]",
        "Yahoo!",
        "ﬁ",
        "fi",
        "Ｆｕｌｌ",
        "✈️",
        "👨‍👩‍👧",
        "T. S. Eliot",
        "Smith, Al",
    ),
    *(
        "Al",
        "Smith",
        "שרה לוי",
        "علي",
        "राम",
        "<think>",
        "\\boxed{x}",
        "a->b",
        "C++",
        "1.5",
        "-1",
        "²",
        "10",
        "**bold**",
    ),
    *(
        "A",
        "I",
        "Will",
        "Mark",
        "node",
        "the answer is",
        "Q: 1",
        "`code`",
        "José",
        "Jose\u0301",
        "ANN",
        "ann",
        "Jr.",
        "e.g.",
    ),
]
# Left to the stored text alone: models that speak of these nodes in other words are not understood.
WORDS = {"None", "No 1", "Node 2", "Path", "Answer", "Yes", "No", "node", "the answer is", "Q: 1", "<think>"}
WORDS |= {"A", "I", "ann", "ANN", "\\boxed{x}", "1.5", "-1", "²", "10", "**bold**", "`code`", "e.g."}
# Beside `Al` and `Smith, Al`, a list of all three with `Smith` can be read in two ways.
DISTINCT = sorted(set(ODD) - WORDS - {"ﬁ", "Jose\u0301", "Smith"})


def asked(task: str, encoder: str, names: list[str], seed: int) -> Example | None:
    """A question about a random graph whose nodes have these names; None where it cannot be asked."""
    record, rng = TASKS[task], Random(seed)
    drawn = GENERATORS[record.generator or "er"].draw(rng, len(names))
    graph, names = GRAPH_TRANSFORMS[record.transform](drawn, rng), names[: drawn.n]
    if record.fits(graph):
        return None
    query = record.draw(graph, rng)
    solution = record.solve(graph, query)
    extra = {"classes": list(query.classes), "labels": {str(u): word for u, word in query.labels.items()}}
    text = graph_to_json(graph, names, **(extra if query.classes else {}))
    writer = get_encoder(encoder)
    if graph.directed and not writer.directed:
        return None
    question = writer.text(graph, names, record.quantity) + writer.ask(record, names, query)
    return Example(
        "i", task, record.task_class, question, record.say(solution, names, query), record.answer_kind, "",
        encoder, "er", text, "g", graph.n, graph.m, list(query.nodes), "test", json.dumps(solution),
    )  # fmt: skip


def questions(names: list[str]) -> st.SearchStrategy[Example]:
    drawn = st.builds(
        asked,
        st.sampled_from(sorted(TASKS)),
        st.sampled_from(sorted(ENCODERS)),
        st.lists(st.sampled_from(names), min_size=5, max_size=9, unique=True),
        st.integers(0, 10_000),
    )
    return drawn.filter(lambda example: example is not None)  # type: ignore[arg-type, return-value]


SLOW = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))


@SLOW
@given(questions(ODD))
def test_the_stored_answer_is_right(example: Example) -> None:
    outputs = [example.answer, f"\n{example.answer}  "]
    if "<think>" not in example.answer:
        outputs.append(f"<think>Hm.</think>{example.answer}")
    for output in outputs:
        found = score(example, Prediction("i", output))
        assert (found.outcome, found.credit, found.strict) == ("correct", 1.0, True), (output, found)


@SLOW
@given(
    questions(DISTINCT), st.sampled_from(["{}", "Answer: {}", "**Answer:** {}", "{}\n", "The answer is {}"])
)
def test_the_stored_answer_in_a_frame_is_right(example: Example, frame: str) -> None:
    output = frame.format(example.answer.strip())
    found = score(example, Prediction("i", output))
    assert found.outcome == "correct", (output, found)
    if isinstance(truth(example), list):  # and what was read names the nodes as the graph does
        names = json.loads(example.graph)["nodes"]
        separator = " -> " if example.answer_kind == "path" else ", "
        read = found.parsed if truth(example) else ""
        for u in truth(example):
            assert names[u] in read, (read, separator)


@pytest.mark.parametrize(
    ("names", "output"),
    [
        (["Smith, Al", "Al", "B"], "Node B is connected to Smith, Al."),
        (["T. S. Eliot", "Eliot", "B"], "B is connected to T. S. Eliot."),
        (["O’Hare", "Madrid–Barajas", "B"], "The nodes connected to B are: O'Hare."),
        (["Madrid–Barajas", "O’Hare", "B"], "**Madrid-Barajas**"),
        (["__init__", "main", "B"], "B is connected to `\\_\\_init\\_\\_`."),
        (["#ml", "ml", "B"], "#ml"),
        (["ﬁ", "fo", "B"], "The answer is fi."),
    ],
)
def test_a_name_is_read_as_a_whole(names: list[str], output: str) -> None:
    graph = json.dumps({"directed": False, "nodes": names, "edges": [[0, 2]]})
    example = Example(
        "i",
        "connected_nodes",
        "",
        "",
        f"{names[0]}.",
        "node_set",
        "",
        "",
        "",
        graph,
        "",
        3,
        1,
        [2],
        "test",
        "[0]",
    )
    assert score(example, Prediction("i", output)).outcome == "correct"
    assert score(example, Prediction("i", f"B is connected to {names[1]}.")).outcome == "wrong"
