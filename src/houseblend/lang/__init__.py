"""Lexicon, lang directory, ARPA language models, L and G."""
