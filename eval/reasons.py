"""Why an output was judged as it was, in a sentence."""

from data_builders.example import Example
from eval.prediction import Prediction, Score

_WANTED = {
    "yes_no": "a yes or no",
    "integer": "a number",
    "distance": "a number or that there is no path",
    "node_set": "a list of nodes",
    "label": "one of the words on offer",
    "path": "a path, node by node",
    "order": "an order of the nodes",
}


def reason(example: Example, prediction: Prediction, score: Score) -> str:
    """What was read out of the output and what decided; for every outcome.

    >>> example = Example("i", "node_degree", "", "", "1.", "integer", "", "", "", "", "", 2, 1, [0], "test")
    >>> reason(example, Prediction("i", "It is 2."), Score("i", "wrong", "2", 0.0))
    'It says 2; the right answer is 1.'
    >>> reason(example, Prediction("i", "Let me see", "length"), Score("i", "truncated", "", 0.0))
    'It was cut off at the length limit before it said a number.'
    """
    wanted, gold = _WANTED.get(example.answer_kind, "an answer"), example.answer.strip().rstrip(".")
    match score.outcome:
        case "correct":
            return f"It says {score.parsed}, which {'holds in the graph too' if _another(example, score.parsed) else 'is right'}."
        case "wrong":
            partly = f" It shares nodes with it (F1 {score.credit:.2f})." if score.credit else ""
            return f"It says {score.parsed}; the right answer is {gold}.{partly}"
        case "unparsed":
            if not prediction.output.strip():
                return "The output is empty."
            return f"{wanted[0].upper()}{wanted[1:]} was asked for, and none can be read from the output."
        case "truncated":
            return f"It was cut off at the length limit before it said {wanted}."
        case "refused":
            return "It declines to answer."
        case _:
            return "There is no completion; the text above says why."


def _another(example: Example, parsed: str) -> bool:
    """Whether a right path or order is another than the stored one."""
    gold = example.answer.strip().rstrip(".")
    none = gold.startswith("There is no")
    return example.answer_kind in ("path", "order") and not none and parsed.replace(" -> ", ", ") != gold


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
    return "; ".join(parts)
