"""Network outputs and acoustic log-likelihoods of whole utterances."""

from __future__ import annotations

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.network import Network
from houseblend.nnet.options import ChunkOptions


def compute(
    network: Network, feats_TD: np.ndarray, frames_per_chunk: int = ChunkOptions.frames_per_chunk
) -> np.ndarray:
    """Outputs for every frame of an utterance; missing context is the first or last frame repeated.

    Args:
        network: batch norm computes in test mode, so that it does not matter how the utterance is cut.
        feats_TD: features, [frames, input_dim].
        frames_per_chunk: frames computed at a time; bounds the memory.

    Returns:
        [frames, output_dim], float32.

    Raises:
        InputError: empty features, or of another dim than the network's.
    """
    num_frames, dim = feats_TD.shape
    if num_frames == 0 or dim != network.input_dim:
        raise InputError(f"features of shape {feats_TD.shape}", expected=f"[at least 1, {network.input_dim}]")
    context = (network.left_context, network.right_context)
    padded = np.pad(np.asarray(feats_TD, dtype=np.float32), (context, (0, 0)), mode="edge")
    x_WD = torch.from_numpy(padded).to(network.device)
    outputs = []
    with network.batch_norm_in_test_mode():
        for start in range(0, num_frames, frames_per_chunk):
            end = min(start + frames_per_chunk, num_frames) + sum(context)
            outputs.append(network.forward(x_WD[None, start:end]).cpu().numpy().copy())
    return np.concatenate(outputs)
