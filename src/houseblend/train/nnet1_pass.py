"""One pass over the data with a network of nnet1, training it or measuring it (nnetbin/nnet-train-frmshuff.cc)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.log import log, warn
from houseblend.io.tables import Table, read_table
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.network import Nnet1, concatenated
from houseblend.train.nnet1 import CrossEntropy, Sgd, check_classifier, check_converging
from houseblend.train.nnet1_data import Frames, inputs_of, minibatches
from houseblend.train.nnet1_options import PassOptions, SgdOptions, ShuffleOptions


def train_pass(
    feats: str,
    targets: str,
    model_in: str,
    model_out: str,
    sgd: SgdOptions,
    shuffle: ShuffleOptions,
    options: PassOptions,
    binary: bool = True,
) -> CrossEntropy:
    """Train on all minibatches and write the network, or only measure; reports as nnet1's scripts expect it.

    Args:
        feats, targets: rspecifiers of matrices and of posteriors of classes.
        model_in, model_out: extended file names; nothing is written when cross-validating.
        sgd, shuffle, options: see there.
        binary: form of the file.

    Raises:
        InputError: bad or missing input, networks that do not fit together, no minibatch at all.
        NotFiniteError: the network diverged.
    """  # fmt: skip
    network = read_nnet1(model_in)
    transform = read_nnet1(options.feature_transform) if options.feature_transform else None
    if transform is not None:
        concatenated([transform, network])
    check_classifier(network)
    trainer = None if options.cross_validate else Sgd(network, sgd)
    objective, data = CrossEntropy(network.output_dim), _Data(feats, targets, network, transform, options)
    start, num_frames = time.monotonic(), 0
    for batch in minibatches(data, shuffle):
        num_frames += len(batch)
        if trainer is None:
            objective.take(network.forward(batch.tensors()[0]), batch)
        else:
            trainer.step(batch, objective)
            check_converging(objective, network)
    if not num_frames:
        raise InputError(
            f"no minibatch of {shuffle.minibatch_size} frames", file=feats, expected="as many frames with targets",
            do="check the warnings above, or lower --minibatch-size",
        )  # fmt: skip
    check_converging(objective, network)
    network.check_finite()
    if trainer is not None:
        write_nnet1(model_out, network, binary)
    _report(objective, data, shuffle, options, num_frames, time.monotonic() - start)
    return objective


@dataclass
class _Data:
    """Utterances with targets; those that cannot be used are counted and said."""

    feats: str
    targets: str
    network: Nnet1
    transform: Nnet1 | None
    options: PassOptions
    num_done: int = field(default=0, init=False)
    num_without_targets: int = field(default=0, init=False)
    num_other_errors: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Frames]:
        options = self.options
        all_targets = {key: _packed(posterior) for key, posterior in read_table(self.targets, "posterior")}
        frame_weights = Table(options.frame_weights, "vector") if options.frame_weights else None
        utt_weights = Table(options.utt_weights, "float") if options.utt_weights else None
        for key, feats_TD in read_table(self.feats, "matrix"):
            if key not in all_targets:
                self.num_without_targets += 1
                warn(f"{key}, missing targets")
                continue
            try:
                weight = 1.0 if utt_weights is None else utt_weights[key]
                weights = None if frame_weights is None else frame_weights[key]
                frames = self._frames(feats_TD, all_targets[key], weights, weight)
            except HouseBlendError as failure:
                self.num_other_errors += 1
                warn(f"skipped [{key}]: {failure.but(key=None)}")
                continue
            self.num_done += 1
            yield frames

    def _frames(
        self,
        feats_TD: np.ndarray,
        targets: tuple[np.ndarray, np.ndarray, np.ndarray],
        given: np.ndarray | None,
        weight: float,
    ) -> Frames:
        """The frames of one utterance that have a weight, cut to what all have."""
        counts, pdfs, shares = targets
        weights = np.ones(len(feats_TD), np.float32) if given is None else given.astype(np.float32)
        weights = weights * np.float32(weight)
        lengths = len(feats_TD), len(counts), len(weights)
        if max(lengths) - min(lengths) >= self.options.length_tolerance:
            what = "{} frames, {} of targets, {} of weights".format(*lengths)
            raise InputError(what, expected=f"differences below --length-tolerance={self.options.length_tolerance}")
        if len(feats_TD) > self.options.max_frames:
            raise InputError(f"{len(feats_TD)} frames", expected=f"at most --max-frames={self.options.max_frames}")
        if not np.isfinite(weights).all() or (weights < 0.0).any():
            raise InputError("a weight below 0, or that is not finite", expected="0 or more")
        length = min(lengths)
        counts = counts[:length]
        pairs = slice(counts.sum())
        x_ND = inputs_of(feats_TD[:length], self.transform, self.network.input_dim)
        rows = np.repeat(np.arange(length), counts)
        frames = Frames(x_ND, rows, self._checked(pdfs[pairs]), shares[pairs], weights[:length])
        kept = np.flatnonzero(frames.weights)
        return frames if len(kept) == length else frames.chosen(kept)

    def _checked(self, pdfs: np.ndarray) -> np.ndarray:
        if len(pdfs) and not 0 <= pdfs.min() <= pdfs.max() < self.network.output_dim:
            worst = pdfs.min() if pdfs.min() < 0 else pdfs.max()
            raise InputError(f"target {worst}", expected=f"0 to {self.network.output_dim - 1}, the network's outputs")
        return pdfs


def _packed(posterior: list[list[tuple[int, float]]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of targets of every frame [T], targets [K], and their weights [K]."""
    pairs = [pair for frame in posterior for pair in frame]
    counts = np.fromiter(map(len, posterior), np.int64, len(posterior))
    pdfs = np.fromiter((pdf for pdf, _ in pairs), np.int64, len(pairs))
    return counts, pdfs, np.fromiter((share for _, share in pairs), np.float32, len(pairs))


def _report(
    objective: CrossEntropy, data: _Data, shuffle: ShuffleOptions, options: PassOptions, num_frames: int, seconds: float
) -> None:
    kind = "CROSS-VALIDATION" if options.cross_validate else "TRAINING"
    order = "RANDOMIZED" if shuffle.randomize else "NOT-RANDOMIZED"
    log(
        f"Done {data.num_done} files, {data.num_without_targets} with no tgt_mats, {data.num_other_errors} with other errors. "
        f"[{kind}, {order}, {seconds / 60:g} min, processing {num_frames / seconds:g} frames per sec]"
    )
    inverse = 1.0 / (objective.frames + 0.5)  # as Kaldi guards classes without frames
    tables = {
        "Frames": objective.frames,
        "Loss": (objective.cross_entropy - objective.entropy) * inverse,
        "Frame-accuracy": 100.0 * objective.correct * inverse,
    }
    lines = [
        f"@@@ {name} per-class: [ {' '.join(f'{x:g}' for x in values.tolist())} ]" for name, values in tables.items()
    ]
    log("\n".join(["PER-CLASS PERFORMANCE:", *lines]))
    total = objective.frames.sum()
    parts = [f"{float(part.sum() / total):g}" for part in (objective.cross_entropy, objective.entropy)]
    log(
        f"AvgLoss: {objective.loss:g} (Xent), [AvgXent: {parts[0]}, AvgTargetEnt: {parts[1]}]\n"
        f"FRAME_ACCURACY >> {100.0 * objective.accuracy:g}% <<"
    )
