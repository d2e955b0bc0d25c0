"""nnet2's networks: a chain of components over windows of frames, as Kaldi's second neural networks are."""
