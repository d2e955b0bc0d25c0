"""nnet1's networks: a chain of components over single frames, as Kaldi's first neural networks are."""
