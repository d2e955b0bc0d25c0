"""Exchanges: how workers are run and how their models get back."""
