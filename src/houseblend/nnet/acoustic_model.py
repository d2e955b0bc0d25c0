"""A network with what decoding needs besides: the transition model and the priors of the pdfs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from houseblend.base.errors import InputError
from houseblend.nnet.network import Network

if TYPE_CHECKING:
    from houseblend.hmm.transition_model import TransitionModel


class AcousticModel:
    """nnet3's `.mdl`.

    Args:
        transition_model: of the HMMs.
        network: its outputs are the pdfs.
        priors: probability of each pdf, [num_pdfs], float32; empty if not known.
        file: where it was read from, for errors.

    Raises:
        InputError: the numbers of pdfs differ.
    """

    def __init__(
        self, transition_model: TransitionModel, network: Network, priors: np.ndarray, file: object = None
    ) -> None:
        self.transition_model, self.network, self.priors = transition_model, network, priors
        if network.output_dim != transition_model.num_pdfs:
            raise InputError(
                f"the network has {network.output_dim} outputs",
                file=file,
                expected=f"{transition_model.num_pdfs}, the pdfs of the transition model",
            )
        if len(priors) not in (0, network.output_dim):
            raise InputError(f"{len(priors)} priors", file=file, expected=f"none or {network.output_dim}")
