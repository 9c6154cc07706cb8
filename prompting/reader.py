"""A language model as second reader: it says what answer an output states that the scorer could not read.

It is shown the question without the graph, so that it cannot solve it, and never the right answer; its
readings are kept beside the run and judged by the scorer like any answer.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from data_builders.example import Example
from data_builders.tasks import TASKS, Query
from eval.answers.kinds import KINDS
from eval.prediction import read_predictions
from eval.scoring.readings import Readings, agreement, agreement_cases, digest, write_readings
from eval.scoring.run import judge
from prompting.backends.model import Completion, Model, Request
from prompting.budget import Budget
from prompting.journal import Journal
from prompting.run import Progress, complete_all
from prompting.settings import Settings

NO_ANSWER = "NO ANSWER"
END = 6000  # characters of an output that are shown, from its end
PROMPT = """\
Below are a question about a graph and a text that was written in reply to it. Which answer does the text
state? Do not solve the question, and do not judge whether the text is right: copy the answer that it states.
If it states none, or several that contradict each other, write {none}.

Question: {question}

Text:
{output}

End of the text. Write one line that begins with 'Answer:' and gives {form}, or {none}.
"""


def reading_prompt(example: Example, output: str) -> str:
    """What the reader is asked: the question's sentence, the output's end, and the form of an answer."""
    kind = KINDS[example.answer_kind]
    shown = output.strip() if len(output) <= END else f"[..] {output[-END:].strip()}"
    return PROMPT.format(question=_sentence(example), output=shown, form=kind.instruction, none=NO_ANSWER)


def _sentence(example: Example) -> str:
    """The question in our words where its task is known, else the last line of its text."""
    graph = json.loads(example.graph)
    if example.task in TASKS:
        query = Query(tuple(example.query), tuple(graph.get("classes", ())))
        question = TASKS[example.task].ask([str(name) for name in graph["nodes"]], query)
    else:
        question = example.question
    return question.strip().removesuffix("A:").rstrip().rpartition("\n")[2].removeprefix("Q: ")[-500:]


def reading_of(completion: Completion) -> str:
    """The answer that a reader's reply states, '' where it says that there is none, or its only line was cut.

    It is the first line that begins with `Answer:`, since a plain model goes on with texts of its own.

    >>> reply = "Answer: 3\\nQuestion: How many?\\nAnswer: 4"
    >>> reading_of(Completion(reply, "length", 0, 0, 0.0)), reading_of(Completion("1", "length", 0, 0, 0.0))
    ('Answer: 3', '')
    """
    text = completion.text.rpartition("</think>")[2].strip()
    if completion.finish_reason == "length" and "\n" not in text:
        return ""
    lines = (line.strip() for line in text.splitlines())
    reading = next((line for line in lines if line.lower().startswith("answer:")), text)
    return "" if NO_ANSWER in reading.upper() else reading


def read_run(
    run: Path,
    settings: Settings,
    model: Model,
    budget: Budget,
    cases: int,
    data: Path | None = None,
    progress: Progress = lambda done, total, fresh: None,
) -> Readings:
    """Let a model read a run's unparsed outputs, and `cases` cases of the conformance suite, into the run's
    folder.

    Outputs whose reading failed have none; the same call asks them again. Raises Stopped where the budget
    ends or the server is of no use; what was answered is in the journal.
    """
    scored = judge(run, data)
    predictions = {p.example_id: p for p in read_predictions(run)}
    unread = [
        (e, predictions[e.id].output)
        for rows in scored.examples.values()
        for e in rows
        if scored.scores[e.id].outcome == "unparsed" and predictions[e.id].output.strip()
    ]
    known = agreement_cases(cases)
    outputs = [*unread, *((case.example, case.prediction.output) for case in known)]
    texts = _ask(run, settings, model, budget, outputs, progress)
    done = [case for case in known if case.example.id in texts]
    readings = Readings(
        str(settings.target.model),
        {e.id: texts[e.id] for e, _ in unread if e.id in texts},
        {e.id: digest(output) for e, output in unread if e.id in texts},
        agreement(done, texts) if done else {},
    )
    write_readings(readings, run)
    return readings


def _ask(
    run: Path,
    settings: Settings,
    model: Model,
    budget: Budget,
    outputs: Sequence[tuple[Example, str]],
    progress: Progress,
) -> dict[str, str]:
    """Example id -> reading, of those that did not fail."""
    requests = {e.id: Request(reading_prompt(e, output)) for e, output in outputs}
    if not requests:
        return {}
    shared = settings.target.journal
    with Journal(shared or run / "reader.sqlite", model.identity) as journal:
        if shared is None:
            budget.spend(*journal.spent(settings.options.max_new_tokens))
        completions = complete_all(model, list(requests.values()), journal, progress, budget)
    answered = {i: completions[request] for i, request in requests.items()}
    return {i: reading_of(c) for i, c in answered.items() if c.finish_reason in ("stop", "length")}
