"""Tables, Kaldi object streams, audio, data and experiment directories."""
