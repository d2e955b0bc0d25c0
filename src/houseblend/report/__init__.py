"""Plots of an experiment."""
