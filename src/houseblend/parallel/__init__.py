"""Strategies, exchanges, the gate, the ledger and the round machine."""
