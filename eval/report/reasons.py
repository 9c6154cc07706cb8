"""Why an output was judged as it was, in a sentence."""

from data_builders.example import Example, truth
from eval.answers.kinds import KINDS
from eval.prediction import Prediction, Score


def reason(example: Example, prediction: Prediction, score: Score) -> str:
    """Which answer was read from the output, and why it has its outcome.

    >>> example = Example("i", "node_degree", "", "", "1.", "integer", "", "", "", "", "", 2, 1, [0], "test")
    >>> reason(example, Prediction("i", "It is 2."), Score("i", "wrong", "2", 0.0))
    'It says 2; the right answer is 1.'
    >>> reason(example, Prediction("i", "Let me see", "length"), Score("i", "truncated", "", 0.0))
    'It was cut off at the length limit before it stated a number.'
    """
    expected, gold = KINDS[example.answer_kind].noun, example.answer.strip().rstrip(".")
    match score.outcome:
        case "correct":
            why = "holds in the graph too" if _is_alternative(example, score.parsed) else "is right"
            loose = "It does not stand alone where an answer belongs, so it is not right in the strict sense."
            return f"It says {score.parsed}, which {why}.{'' if score.strict else f' {loose}'}"
        case "wrong":
            return f"It says {score.parsed}; the right answer is {gold}.{_partly(example, score)}"
        case "unparsed":
            if not prediction.output.strip():
                return "The output is empty."
            return f"{expected[0].upper()}{expected[1:]} was asked for, and none can be read from the output."
        case "truncated":
            return f"It was cut off at the length limit before it stated {expected}."
        case "refused":
            return "It declines to answer."
        case _:
            return "There is no completion; the text above says why."


def _partly(example: Example, score: Score) -> str:
    """The partial credit of a wrong answer, and the nodes and edges that it invents."""
    nodes, edges = score.invented_nodes, score.invented_edges
    counts = [f"{k} {what}{'' if k == 1 else 's'}" for k, what in ((nodes, "node"), (edges, "edge")) if k]
    invented = f" It names {' and '.join(counts)} that the graph does not have." if counts else ""
    if not score.credit:
        return invented
    if example.answer_kind == "node_set":
        return f"{invented} The two share nodes (F1 {score.credit:.2f})."
    return f"{invented} It is possible in the graph, though not what was asked (credit {score.credit:.2f})."


def _is_alternative(example: Example, parsed: str) -> bool:
    """Whether a right path or order differs from the stored one."""
    same = parsed.replace(" -> ", ", ") == example.answer.strip().removesuffix(".")
    return example.answer_kind in ("path", "order") and not same and truth(example) is not None


def ending(prediction: Prediction) -> str:
    """How the output ended and what it took, as far as the run recorded it.

    >>> ending(Prediction("i", "2.", "length", 120, 64, 0.5))
    'cut off at the length limit; 120 tokens in, 64 out; 0.50 s'
    """
    ends = {"stop": "ended by itself", "length": "cut off at the length limit", "error": "failed"}
    parts = [ends.get(prediction.finish_reason, prediction.finish_reason)]
    if prediction.prompt_tokens or prediction.output_tokens:
        parts.append(f"{prediction.prompt_tokens:,} tokens in, {prediction.output_tokens:,} out")
    if prediction.seconds:
        parts.append(f"{prediction.seconds:.2f} s" if prediction.seconds >= 0.005 else "less than 0.01 s")
    if prediction.confidence is not None:
        parts.append(
            f"confidence {100 * prediction.confidence:.1f}%"
            if prediction.confidence >= 0.001
            else "confidence below 0.1%"
        )
    return "; ".join(parts)
