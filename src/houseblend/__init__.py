"""House Blend: hybrid acoustic models trained on many workers by blending their parameters."""

__version__ = "0.1.0"
