"""Phonetic decision trees: statistics of phones in context, questions, splitting and merging of leaves."""
