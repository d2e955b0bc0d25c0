"""Diagonal Gaussian mixture models: likelihoods, statistics, estimation."""
