"""Job specifications and launchers."""
