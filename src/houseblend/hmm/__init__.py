"""Topology, transition model, decision tree, graphs and search."""
