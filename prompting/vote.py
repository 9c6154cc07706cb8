"""Self-consistency (arXiv 2203.11171): the answer that most of several completions of one prompt state."""

from collections import Counter
from collections.abc import Sequence

from data_builders.example import Example
from eval.prediction import Prediction
from eval.scoring.scorer import score
from prompting.backends.model import Completion

_LARGEST_COUNT = 2**31 - 1  # what a prediction holds; an old journal may have any count of a server


def vote(example: Example, completions: Sequence[Completion], prompt: str = "") -> Prediction:
    """One prediction from the samples of one example, in their order; all have the same prompt.

    Each sample votes with the answer that the scorer reads out of it; samples without one (unparsed,
    truncated, refused, failed) do not vote. The output is the first sample that states the winning answer. Of
    answers with equally many votes, the one that was stated first wins. Where no answer can be read, the
    output is the first sample that did not fail. Tokens and seconds are sums. The confidence is the share of
    the samples that state the winning answer; a single sample keeps its own.

    >>> graph = '{"directed": false, "nodes": ["0", "1", "2"], "edges": []}'
    >>> example = Example("node_count/er/adjacency/test/0", "node_count", "retrieval", "..A: ", " 3.",
    ...     "integer", "", "adjacency", "er", graph, "er/test/0", 3, 0, [], "test")
    >>> texts = ("2.", "There are 3.", "I do not know.", "3.")
    >>> vote(example, [Completion(text, "stop", 9, 2, 0.1) for text in texts]).output
    'There are 3.'
    """
    predictions = [Prediction(example.id, c.text, c.finish_reason) for c in completions]
    parsed = [score(example, prediction).parsed for prediction in predictions]
    votes = Counter(answer for answer in parsed if answer)  # in the order in which answers came first
    if votes:
        winner = predictions[parsed.index(max(votes, key=lambda answer: votes[answer]))]
    else:
        winner = next((p for p in predictions if p.finish_reason != "error"), predictions[0])
    return Prediction(
        example.id,
        winner.output,
        winner.finish_reason,
        min(sum(c.prompt_tokens for c in completions), _LARGEST_COUNT),
        min(sum(c.output_tokens for c in completions), _LARGEST_COUNT),
        sum(c.seconds for c in completions),
        max(votes.values(), default=0) / len(completions)
        if len(completions) > 1
        else completions[0].confidence,
        prompt if prompt != example.question else "",
    )
