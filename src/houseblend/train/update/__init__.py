"""What becomes of a gradient: natural gradient, momentum, limits, and what is remembered of them."""
