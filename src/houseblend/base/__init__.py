"""Errors, exit codes, logging, atomic files, seeds and fingerprints (standard library only)."""
