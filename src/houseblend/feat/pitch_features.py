"""What a recogniser is given of correlation and pitch (Ghahremani et al. 2014, section 4; Kaldi's process-kaldi-pitch-feats)."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.feat.deltas import add_deltas
from houseblend.feat.options import PitchFeatureOptions, PitchOptions


def process_pitch(raw_T2: np.ndarray, options: PitchFeatureOptions, key: str = "") -> np.ndarray:
    """Features of correlation and pitch.

    Args:
        raw_T2: as `compute_pitch` gives them.
        options: Kaldi's options.
        key: the utterance, on which the noise depends.

    Returns:
        float32, shape [T + delay, D].

    Raises:
        InputError: not two columns, or a pitch that is none.
    """
    if raw_T2.ndim != 2 or raw_T2.shape[1] != 2:
        raise InputError(f"features of dimension {raw_T2.shape[-1]}", key=key, expected="2, correlation and pitch")
    if not (raw_T2[:, 1] > 0).all() or not np.isfinite(raw_T2).all():
        raise InputError("a pitch that is not above 0 Hz", key=key, expected="what compute-kaldi-pitch-feats writes")
    noise = _noise(len(raw_T2), options, key)
    return _delayed(_features(raw_T2, noise, options), 0, len(raw_T2) + options.delay, options)


def compute_and_process_pitch(
    samples_N: np.ndarray, pitch: PitchOptions, options: PitchFeatureOptions, key: str = ""
) -> np.ndarray:
    """`process_pitch` of `compute_pitch`; with simulate_first_pass_online each frame as soon as its right context is there."""
    from houseblend.feat.pitch import PitchTracker  # compiled code takes time to load

    tracker = PitchTracker(samples_N, pitch)
    noise = _noise(tracker.num_frames, options, key)
    parts, done = [], 0
    before = max(options.normalization_left_context, options.delta_window) + options.delay
    for ready, last in tracker.chunks():
        settled = ready if last else ready - options.normalization_right_context
        if ready and (last or pitch.simulate_first_pass_online) and settled + options.delay > done:
            begin = max(done - before, 0) if pitch.simulate_first_pass_online else 0
            feats = _features(tracker.frames(begin, ready), noise[begin:ready], options)
            parts.append(_delayed(feats, done, settled + options.delay, options, begin))
            done = settled + options.delay
    return np.concatenate(parts) if parts else np.empty((0, options.dim), dtype=np.float32)


def _features(raw_T2: np.ndarray, noise_T: np.ndarray, options: PitchFeatureOptions) -> np.ndarray:
    """Features of all frames, none delayed, [T, D]."""
    correlation, pitch = raw_T2.astype(np.float64).T
    log_pitch = np.log(pitch).astype(np.float32)
    columns = []
    if options.add_pov_feature:
        warped = (1.0001 - np.clip(correlation, -1, 1)) ** 0.15 - 1
        columns.append(options.pov_scale * warped + options.pov_offset)
    if options.add_normalized_log_pitch:
        mean = _weighted_mean(log_pitch, voicing(correlation), options)
        columns.append(options.pitch_scale * (log_pitch - mean))
    if options.add_delta_pitch:
        deltas = add_deltas(log_pitch[:, None], 1, options.delta_window)[:, 1]
        columns.append(options.delta_pitch_scale * (deltas + noise_T))
    if options.add_raw_log_pitch:
        columns.append(log_pitch)
    return np.stack(columns, axis=1).astype(np.float32)


def voicing(correlation: np.ndarray) -> np.ndarray:
    """How probable it is that frames with these correlations at their pitch are voiced, any shape; float32."""
    c = np.minimum(np.abs(correlation), 1.0)
    ratio = -5.2 + 5.4 * np.exp(7.5 * (c - 1)) + 4.8 * c - 2 * np.exp(-10 * c) + 4.2 * np.exp(20 * (c - 1))
    return (1 / (1 + np.exp(-ratio))).astype(np.float32)


def _weighted_mean(values_T: np.ndarray, weights_T: np.ndarray, options: PitchFeatureOptions) -> np.ndarray:
    """Means over a window around each frame, float32, [T]."""
    frames = np.arange(len(values_T))
    first = np.maximum(frames - options.normalization_left_context, 0)
    last = np.minimum(frames + options.normalization_right_context + 1, len(values_T))
    sums = np.zeros((2, len(values_T) + 1))
    np.cumsum([weights_T, weights_T * values_T], axis=1, dtype=np.float64, out=sums[:, 1:])
    total, weighted = sums[:, last] - sums[:, first]
    return (weighted / total).astype(np.float32)


def _delayed(feats: np.ndarray, first: int, last: int, options: PitchFeatureOptions, begin: int = 0) -> np.ndarray:
    """Rows first to last of the delayed features, whose row t is row max(t - delay, 0); `feats` begin with row `begin`."""
    return feats[np.maximum(np.arange(first, last) - options.delay, 0) - begin]


def _noise(frames: int, options: PitchFeatureOptions, key: str) -> np.ndarray:
    generator = np.random.Generator(np.random.Philox(key=seed_of(options.srand, "pitch", key)))
    return options.delta_pitch_noise_stddev * generator.standard_normal(frames)
