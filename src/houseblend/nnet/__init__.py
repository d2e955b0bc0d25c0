"""Network components, natural gradient, model files, the mean kernel."""
