"""Outputs that other programs wrote, made runs of ours."""
