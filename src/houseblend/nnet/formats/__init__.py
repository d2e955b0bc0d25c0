"""Model files of Kaldi's neural networks."""
