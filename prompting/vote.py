"""Self-consistency: several completions of one prompt, and the answer that most of them state (arXiv
2203.11171).
"""

from collections import Counter
from collections.abc import Sequence

from data_builders.example import Example
from eval.prediction import Prediction
from eval.scoring.scorer import score
from prompting.backends.model import Completion


def vote(example: Example, completions: Sequence[Completion], prompt: str = "") -> Prediction:
    """One prediction for the samples of one example, in their order, that were asked for by a prompt.

    Each sample votes with the answer that the scorer reads out of it; those without one (unparsed, truncated,
    refused, failed) do not vote. The output is the first sample that states the winning answer; of answers
    with equally many votes that wins which was stated first. Where nothing can be read, it is the first
    sample that there is. Tokens and seconds are sums; the confidence is the share of the samples that state
    the winning answer, or of a single sample its own.

    >>> example = Example("node_count/er/adjacency/test/0", "node_count", "retrieval", "..A: ", " 3.", "integer", "", "adjacency", "er",
    ...     '{"directed": false, "nodes": ["0", "1", "2"], "edges": []}', "er/test/0", 3, 0, [], "test")
    >>> vote(example, [Completion(text, "stop", 9, 2, 0.1) for text in ("2.", "There are 3.", "I do not know.", "3.")]).output
    'There are 3.'
    """
    predictions = [Prediction(example.id, c.text, c.finish_reason) for c in completions]
    parsed = [score(example, prediction).parsed for prediction in predictions]
    votes = Counter(
        answer for answer in parsed if answer
    )  # counts keep the order in which answers came first
    if votes:
        won = predictions[parsed.index(max(votes, key=lambda answer: votes[answer]))]
    else:
        won = next((p for p in predictions if p.finish_reason != "error"), predictions[0])
    return Prediction(
        example.id,
        won.output,
        won.finish_reason,
        sum(c.prompt_tokens for c in completions),
        sum(c.output_tokens for c in completions),
        sum(c.seconds for c in completions),
        max(votes.values(), default=0) / len(completions)
        if len(completions) > 1
        else completions[0].confidence,
        prompt if prompt != example.question else "",
    )
