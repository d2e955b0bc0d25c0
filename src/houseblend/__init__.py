"""House Blend: hybrid acoustic models trained on many workers by blending their parameters.

For code of your own, each loaded when you first ask for it (docs/python.md shows them at work):

- `NetworkModule`: a trained network as a `torch.nn.Module`
- `NGLinear`: a `torch.nn.Linear` with natural gradient
- `blend`: train a torch model of your own on several workers
- `STRATEGIES`: how `blend` may blend, by the names of `train_dnn --strategy`
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from houseblend.nnet.module import NetworkModule
    from houseblend.parallel.strategies import STRATEGIES
    from houseblend.parallel.torch_model import blend
    from houseblend.train.ng_linear import NGLinear

__version__ = "0.1.0"
__all__ = ["STRATEGIES", "NGLinear", "NetworkModule", "blend"]

_HOMES = {
    "NetworkModule": "nnet.module",
    "NGLinear": "train.ng_linear",
    "blend": "parallel.torch_model",
    "STRATEGIES": "parallel.strategies",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for: torch takes more than a second, and most programs do without it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return globals()[name]
