"""A network of nnet2: components one behind the other; and with what decoding needs besides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.hmm.transition_model import TransitionModel
from houseblend.nnet.chain import require_chain
from houseblend.nnet.nnet2.components import AffineComponent, Component, FixedAffineComponent, SpliceComponent


class Nnet2:
    """A chain of components.

    Args:
        components: in the order of computation, at least one.
        file: where they come from, for errors.

    Raises:
        InputError: none, or two neighbours that do not fit together.
        NotFiniteError: NaN or infinity among the parameters.
    """

    def __init__(self, components: Sequence[Component], file: object = None) -> None:
        names = [type(component).__name__ for component in components]
        require_chain(components, names, 0, file, "check what made the file")
        self.components, self.file = tuple(components), file
        self.check_finite()

    def check_finite(self) -> None:
        """Refuse NaN and infinity.

        Raises:
            NotFiniteError: naming the first parameters that hold one.
        """
        for number, component in enumerate(self.components):
            if isinstance(component, FixedAffineComponent):
                for name, tensor in (("linear", component.linear), ("bias", component.bias)):
                    if not torch.isfinite(tensor).all():
                        key = f"{name} of component {number}, {type(component).__name__}"
                        raise NotFiniteError("NaN or infinity", file=self.file, key=key, do="take an earlier model")

    @property
    def input_dim(self) -> int:
        """Numbers a frame that goes in."""
        return self.components[0].input_dim

    @property
    def output_dim(self) -> int:
        """Numbers a frame that comes out."""
        return self.components[-1].output_dim

    @property
    def left_context(self) -> int:
        """Frames before each that it needs."""
        return -sum(component.context[0] for component in self._splices)

    @property
    def right_context(self) -> int:
        """Frames after each that it needs."""
        return sum(component.context[-1] for component in self._splices)

    @property
    def trained(self) -> list[AffineComponent]:
        """The components that are trained."""
        return [component for component in self.components if isinstance(component, AffineComponent)]

    @property
    def _splices(self) -> list[SpliceComponent]:
        return [component for component in self.components if isinstance(component, SpliceComponent)]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs, [N, T - left_context - right_context, output_dim], of [N, T, input_dim]."""
        for component in self.components:
            x = component.forward(x)
        return x

    def compute(self, feats_TD: np.ndarray, padded: bool = True) -> np.ndarray:
        """Outputs of an utterance, float32.

        Args:
            feats_TD: features, [T, input_dim].
            padded: the first and last frame are repeated, so that there is an output for each of them.

        Returns:
            [T, output_dim], or as many frames as have all their context.

        Raises:
            InputError: no output, or features of another dim.
        """
        count, dim = feats_TD.shape
        left, right = self.left_context, self.right_context
        if dim != self.input_dim or count < 1 + (0 if padded else left + right):
            least = 1 if padded else 1 + left + right
            raise InputError(f"features of shape {feats_TD.shape}", expected=f"[at least {least}, {self.input_dim}]")
        if padded:
            feats_TD = feats_TD[np.clip(np.arange(-left, count + right), 0, count - 1)]
        return self.forward(torch.from_numpy(np.ascontiguousarray(feats_TD, dtype=np.float32))[None])[0].numpy()


@dataclass
class Nnet2Model:
    """nnet2's `.mdl`.

    Args:
        transition_model: of the HMMs.
        network: its outputs are the pdfs.
        priors: probability of each pdf, [num_pdfs], float32; empty if not known.

    Raises:
        InputError: the numbers of pdfs differ.
    """

    transition_model: TransitionModel
    network: Nnet2
    priors: np.ndarray

    def __post_init__(self) -> None:
        found, wanted = self.network.output_dim, self.transition_model.num_pdfs
        if found != wanted or len(self.priors) not in (0, found):
            raise InputError(
                f"{found} outputs and {len(self.priors)} priors", file=self.network.file,
                expected=f"{wanted}, the pdfs of the transition model", do="take a network that was made for it",
            )  # fmt: skip
