"""A network of nnet1: components one behind the other."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.base.log import warn
from houseblend.nnet.chain import require_chain
from houseblend.nnet.nnet1.components import Component, Layer, Softmax, marker, tensors, unfolded
from houseblend.nnet.rbm import Rbm


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
        require_chain(components, [*map(marker, components)], 1, file, "check what was put together")
        self.components, self.file = tuple(components), file
        self.check_finite()

    @property
    def input_dim(self) -> int:
        """Numbers a frame that goes in."""
        return self.components[0].input_dim

    @property
    def output_dim(self) -> int:
        """Numbers a frame that comes out."""
        return self.components[-1].output_dim

    @property
    def num_parameters(self) -> int:
        """Numbers of all components that nnet1 counts as trained, which those of an RBM are not."""
        trained = (c for c in self.components if hasattr(c, "learn_rate_coef"))
        return sum(tensor.numel() for component in trained for tensor in tensors(component).values())

    @property
    def layers(self) -> list[Layer]:
        """The components, every RBM as those that compute its hidden units."""
        return [layer for component in self.components for layer in unfolded(component)]

    @property
    def rbm(self) -> Rbm:
        """Its only component.

        Raises:
            InputError: it has others.
        """
        first, *others = self.components
        if others or not isinstance(first, Rbm):
            found = " ".join(map(marker, self.components))
            do = "name the file of an RBM"
            raise InputError(f"the components are {found}", file=self.file, expected="one <Rbm>", do=do)
        return first

    def without_softmax(self) -> Nnet1:
        """Without the last component, if that is a softmax; warns if not."""
        last = self.components[-1]
        if isinstance(last, Softmax):
            return Nnet1(self.components[:-1], self.file)
        warn(f"{self.file}: the last component is {marker(last)}, there is no <Softmax> to leave out")
        return self

    def check_finite(self) -> None:
        """Refuse NaN and infinity.

        Raises:
            NotFiniteError: naming the first tensor that holds one.
        """
        for number, component in enumerate(self.components, start=1):
            for name, tensor in tensors(component).items():
                if not torch.isfinite(tensor).all():
                    place = f"{name} of component {number}, {marker(component)}"
                    raise NotFiniteError("NaN or infinity", file=self.file, key=place, do="take an earlier model")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs [frames, output_dim] of the frames of an utterance, [frames, input_dim]."""
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def compute(self, feats_TD: np.ndarray) -> np.ndarray:
        """Outputs [frames, output_dim], float32, of features [frames, input_dim].

        Raises:
            InputError: empty features, or of another dim.
            NotFiniteError: NaN or infinity in the features or in the output.
        """
        num_frames, dim = feats_TD.shape
        if num_frames == 0 or dim != self.input_dim:
            raise InputError(f"features of shape {feats_TD.shape}", expected=f"[at least 1, {self.input_dim}]")
        if not np.isfinite(feats_TD).all():
            raise NotFiniteError("NaN or infinity in the features", do="make them again")
        output_TP = self.forward(torch.tensor(feats_TD, dtype=torch.float32)).numpy()
        if not np.isfinite(output_TP).all():
            raise NotFiniteError("NaN or infinity in the output", do="take an earlier model")
        return output_TP


def concatenated(networks: Sequence[Nnet1]) -> Nnet1:
    """One network of several, each reading the output of the one before.

    Raises:
        InputError: naming the files of two that do not fit together.
    """
    for left, right in zip(networks, networks[1:], strict=False):
        if left.output_dim != right.input_dim:
            raise InputError(
                f"takes {right.input_dim} numbers a frame, the network before it, {left.file}, gives {left.output_dim}",
                file=right.file, expected=f"{left.output_dim}", do="take networks that were made for each other",
            )  # fmt: skip
    return Nnet1([component for network in networks for component in network.components], networks[-1].file)
