"""The evaluator from Python: a set of answers at once, a metric for Hugging Face's Trainer, a reward for
TRL's GRPO.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from data_builders.errors import InputError
from data_builders.example import Example
from eval.prediction import OUTCOMES, Prediction, Score
from eval.scoring.floors import answer_floors
from eval.scoring.run import match_predictions
from eval.scoring.scorer import score
from eval.statistics.intervals import Estimate, accuracy, macro_accuracy

if TYPE_CHECKING:
    from pandas import DataFrame


@dataclass(frozen=True)
class Results:
    """What a set of answers is worth.

    scores: one for each example, in their order. tasks: task -> accuracy with its 95% interval. strict: task
    -> the same for answers that stand alone where they were rows_of for. macro: unweighted mean of `tasks`.
    floors: task -> floor -> what answers without understanding reach on the same questions.
    """

    examples: list[Example]
    scores: list[Score]
    tasks: dict[str, Estimate]
    strict: dict[str, Estimate]
    macro: Estimate
    floors: dict[str, dict[str, Estimate]]

    def to_pandas(self) -> "DataFrame":
        """One row for each answer: its example's task, split, graph and sizes, and its score."""
        from pandas import DataFrame

        about = (
            "task",
            "task_class",
            "encoder",
            "generator",
            "graph_id",
            "num_nodes",
            "num_edges",
            "split",
            "answer",
        )
        scores = [f.name for f in fields(Score)]
        return DataFrame(
            [
                {**{key: getattr(s, key) for key in scores}, **{key: getattr(e, key) for key in about}}
                for e, s in zip(self.examples, self.scores, strict=True)
            ]
        )


def evaluate(
    examples: Sequence[Example], predictions: Sequence[Prediction | str], train: Sequence[Example] = ()
) -> Results:
    """Judge the answers to a set of examples, of one task or several.

    predictions: one for each example, in any order; or plain texts in the order of the examples. train:
    examples of the train split, of which the majority floor is taken; without it only the rules are floors.
    Raises InputError where predictions are missing, doubled or unknown.

    >>> graph = '{"directed": false, "nodes": ["0", "1", "2"], "edges": [[0, 1], [0, 2], [1, 2]]}'
    >>> example = Example("e/0", "cycle_check", "", "..A: ", "Yes, there is a cycle.", "yes_no", "",
    ...     "adjacency", "er", graph, "g/0", 3, 3, [], "test")
    >>> results = evaluate([example], ["There is a cycle: 0, 1, 2."])
    >>> results.tasks["cycle_check"].value, results.strict["cycle_check"].value
    (1.0, 0.0)
    >>> results.floors["cycle_check"]["rule"].value
    1.0
    """
    if not examples:
        raise InputError("evaluate takes at least one example")
    if len(examples) != len(predictions) and any(isinstance(p, str) for p in predictions):
        raise InputError(
            f"{len(predictions)} texts for {len(examples)} examples; one for each is needed, in their order"
        )
    answers = [Prediction(examples[i].id, p) if isinstance(p, str) else p for i, p in enumerate(predictions)]
    by_id = match_predictions("evaluate", answers, [e.id for e in examples])
    scores = [score(e, by_id[e.id]) for e in examples]
    rows_of: dict[str, list[int]] = {}
    for i, e in enumerate(examples):
        rows_of.setdefault(e.task, []).append(i)
    graphs = {task: [examples[i].graph_id for i in rows] for task, rows in rows_of.items()}
    right = {task: [scores[i].outcome == "correct" for i in rows] for task, rows in rows_of.items()}
    floors = {
        task: answer_floors([e for e in train if e.task == task], [examples[i] for i in rows])
        for task, rows in rows_of.items()
    }
    return Results(
        list(examples),
        scores,
        {task: accuracy(right[task], graphs[task]) for task in rows_of},
        {task: accuracy([scores[i].strict for i in rows], graphs[task]) for task, rows in rows_of.items()},
        macro_accuracy(right, graphs),
        {
            task: {name: accuracy(hits, graphs[task]) for name, hits in known.items()}
            for task, known in floors.items()
        },
    )


def compute_metrics(examples: Sequence[Example], tokenizer: Any) -> Callable[[Any], dict[str, float]]:
    """The `compute_metrics` of a Seq2SeqTrainer that generates (`predict_with_generate=True`).

    examples: those of the evaluation set, in its order. tokenizer: decodes the generated ids. The function
    gives `accuracy` (the macro mean), `credit`, each outcome's share, and `accuracy_TASK` for each task.
    """

    def metrics(evaluated: Any) -> dict[str, float]:
        generated = (
            evaluated.predictions[0] if isinstance(evaluated.predictions, tuple) else evaluated.predictions
        )
        ids = [[token for token in row if token >= 0] for row in generated.tolist()]  # Trainer pads with -100
        results = evaluate(examples, tokenizer.batch_decode(ids, skip_special_tokens=True))
        outcomes = Counter(s.outcome for s in results.scores)
        return {
            "accuracy": results.macro.value,
            "credit": sum(s.credit for s in results.scores) / len(results.scores),
            **{outcome: outcomes[outcome] / len(results.scores) for outcome in OUTCOMES},
            **{f"accuracy_{task}": e.value for task, e in results.tasks.items()},
        }

    return metrics


FORMAT_CREDIT = 0.1
_REQUIRED = ("task", "answer", "answer_kind", "graph", "query")


def graph_reward(completions: Sequence[str | Sequence[Mapping[str, str]]], **columns: Any) -> list[float]:
    """A reward in [0, 1] for each completion, of the form that TRL's GRPOTrainer calls
    (`reward_funcs=graph_reward`).

    completions: texts, or lists of chat messages, of which the last is read. columns: the columns of the
    Example record, each a list as long as `completions`; `task`, `answer`, `answer_kind`, `graph` and `query`
    are required; `solution` is used where it is there, and so is `finish_reason`, which is `length` for a
    completion that was cut at the limit; other columns are ignored.

    0 where no answer can be read; 0.1 for an answer of the kind that was asked for; the rest by its credit:
    F1 of a set, up to one half of a path or order that the graph allows but that is not what was asked for (a
    longer path), all for a right one.

    >>> graph = '{"directed": false, "nodes": ["0", "1"], "edges": [[0, 1]]}'
    >>> columns = dict(task=["node_degree"] * 3, answer=["1."] * 3, answer_kind=["integer"] * 3,
    ...     query=[[0]] * 3, graph=[graph] * 3)
    >>> graph_reward(["Hm.", "2.", "<think>0 and 1</think>1."], **columns)
    [0.0, 0.1, 1.0]
    """
    absent = [name for name in _REQUIRED if name not in columns]
    if absent:
        raise InputError(
            f"graph_reward needs the columns {', '.join(_REQUIRED)} of the dataset; "
            f"it was given no {', '.join(absent)}"
        )
    blank: dict[str, Any] = {"rationale": "", "num_nodes": 0, "num_edges": 0}
    names = [f.name for f in fields(Example)]
    known: dict[str, Any] = {
        name: columns[name] if name in columns else [blank.get(name, "")] * len(completions) for name in names
    }
    reasons = columns.get("finish_reason") or ["stop"] * len(completions)
    rewards = []
    for i, completion in enumerate(completions):
        example = Example(**{name: values[i] for name, values in known.items()})
        text = (
            completion
            if isinstance(completion, str)
            else str(completion[-1]["content"])
            if completion
            else ""
        )
        result = score(example, Prediction(example.id, text, reasons[i]))
        stated = result.outcome in ("correct", "wrong")
        rewards.append(FORMAT_CREDIT + (1 - FORMAT_CREDIT) * result.credit if stated else 0.0)
    return rewards
