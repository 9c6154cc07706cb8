"""Predictions in, scores out: judged one by one, with floors beside them."""

from eval.scoring.scorer import score

__all__ = ["score"]
