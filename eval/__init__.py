"""Predictions in; scores, intervals, floors and a report out."""
