"""Outcomes: when, in what unit, on what scale."""
