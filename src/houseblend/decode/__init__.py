"""Lattices, decoding and scoring."""
