"""Which frames speech is in, by their energy (Kaldi's voice-activity-detection)."""

import numpy as np

from houseblend.feat.options import VadOptions


def detect_voice(feats_TD: np.ndarray, options: VadOptions) -> np.ndarray:
    """1 for frames in whose neighbourhood enough are loud, else 0.

    Args:
        feats_TD: features whose first column is log energy, shape [T, D], T at least 1.
        options: Kaldi's options.

    Returns:
        float32, shape [T].
    """
    energy = feats_TD[:, 0].astype(np.float32)
    threshold = np.float32(options.vad_energy_threshold)
    if options.vad_energy_mean_scale:
        threshold += np.float32(options.vad_energy_mean_scale) * np.float32(energy.sum(dtype=np.float64)) / len(energy)
    loud = np.concatenate([[0], np.cumsum(energy > threshold)])
    frames, context = np.arange(len(energy)), options.vad_frames_context
    first, last = np.maximum(frames - context, 0), np.minimum(frames + context + 1, len(energy))
    enough = (last - first) * np.float32(options.vad_proportion_threshold)
    return (loud[last] - loud[first] >= enough).astype(np.float32)
