"""The components of networks, a page each."""
