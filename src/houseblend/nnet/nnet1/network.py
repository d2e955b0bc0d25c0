"""A network of nnet1: components one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.nnet.nnet1.components import Component, marker, tensors


class Nnet1:
    """A chain of components.

    Args:
        components: in the order of computation, at least one.
        file: where they come from, for errors.

    Raises:
        InputError: none, or two neighbours that do not fit together.
        NotFiniteError: NaN or infinity among the numbers.
    """

    def __init__(self, components: Sequence[Component], file: object = None) -> None:
        if not components:
            raise InputError("a network without components", file=file, expected="at least one", do="check the file")
        for number, (left, right) in enumerate(zip(components, components[1:], strict=False), start=1):
            if left.output_dim != right.input_dim:
                raise InputError(
                    f"component {number + 1}, {marker(right)}, takes {right.input_dim} numbers, "
                    f"component {number}, {marker(left)}, gives {left.output_dim}",
                    file=file, expected="components that fit together", do="check what was put together",
                )  # fmt: skip
        for number, component in enumerate(components, start=1):
            for name, tensor in tensors(component).items():
                if not torch.isfinite(tensor).all():
                    place = f"{name} of component {number}, {marker(component)}"
                    raise NotFiniteError("NaN or infinity", file=file, key=place, do="take an earlier model")
        self.components, self.file = tuple(components), file

    @property
    def input_dim(self) -> int:
        """Numbers a frame that goes in."""
        return self.components[0].input_dim

    @property
    def output_dim(self) -> int:
        """Numbers a frame that comes out."""
        return self.components[-1].output_dim
