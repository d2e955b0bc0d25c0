"""A network with what decoding needs besides: the transition model and the priors of the pdfs."""

from __future__ import annotations

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.transition_model import TransitionModel
from houseblend.nnet.compute import compute
from houseblend.nnet.network import Network
from houseblend.nnet.options import ChunkOptions


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

    def log_likelihoods(
        self, feats_TD: np.ndarray, frames_per_chunk: int = ChunkOptions.frames_per_chunk
    ) -> np.ndarray:
        """Log posteriors minus log priors, up to a constant log p(x | pdf).

        Args:
            feats_TD: features, [frames, input_dim].
            frames_per_chunk: frames computed at a time.

        Returns:
            [frames, num_pdfs], float32.

        Raises:
            InputError: the model has no priors, or a prior of zero; features of another dim.
        """
        if len(self.priors) == 0 or not (self.priors > 0.0).all():
            raise InputError("the model has no positive priors", do="run nnet3-am-adjust-priors on it")
        return compute(self.network, feats_TD, frames_per_chunk) - np.log(self.priors)

    def set_priors(self, posteriors: np.ndarray, floor: float = 1e-15) -> None:
        """Make priors of posteriors summed over frames.

        Args:
            posteriors: [num_pdfs], not negative.
            floor: smallest prior.

        Raises:
            InputError: another number of pdfs, or no positive sum.
        """
        total = posteriors.sum(dtype=np.float64)
        if posteriors.shape != (self.network.output_dim,) or not np.isfinite(total) or not total > 0.0:
            raise InputError(
                f"posteriors of shape {posteriors.shape} and sum {total}",
                expected=f"{self.network.output_dim} numbers with a positive sum",
            )
        self.priors = np.maximum(posteriors / total, floor).astype(np.float32)
