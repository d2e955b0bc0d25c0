"""Training of an RBM from file to file (nnetbin/rbm-train-cd1-frmshuff.cc)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.io.tables import read_table
from houseblend.nnet.formats.nnet1 import read_nnet1, write_nnet1
from houseblend.nnet.nnet1.network import Nnet1, concatenated
from houseblend.train.nnet1_data import Frames, inputs_of, minibatches
from houseblend.train.nnet1_options import ShuffleOptions
from houseblend.train.rbm import RbmBatch, RbmTrainer, ReconstructionError, scale_fault
from houseblend.train.rbm_options import RbmPassOptions, RbmRule


def train_rbm_file(
    model_in: str, feats: str, model_out: str, rule: RbmRule, shuffle: ShuffleOptions, options: RbmPassOptions,
    binary: bool = False,
) -> ReconstructionError:  # fmt: skip
    """Train an RBM on all minibatches and write it; reports as nnet1's scripts expect it.

    Args:
        model_in, model_out: extended file names of networks of one `<Rbm>`.
        feats: rspecifier of matrices.
        rule, shuffle, options: see there; the seed of the shuffling is that of the samples, too.
        binary: form of the file.

    Raises:
        InputError: bad or missing input, networks that do not fit together, no minibatch at all.
        NotFiniteError: training left the finite numbers; nothing is written.
    """
    network = read_nnet1(model_in)
    transform = read_nnet1(options.feature_transform) if options.feature_transform else None
    trainer = RbmTrainer(network.rbm, rule, shuffle.randomizer_seed)
    if transform is not None:
        concatenated([transform, network])
    data, report, start = (
        _Data(feats, network, transform, options),
        _Report(options.loss_report_frames),
        time.monotonic(),
    )
    log("RBM TRAINING STARTED")
    for batch in minibatches(data, shuffle, options.num_iters):
        own = RbmBatch(torch.from_numpy(batch.x_ND), trainer.reconstruction.frames)
        if trainer.num_minibatches == 0 and network.rbm.visible_type == "gauss" and (fault := scale_fault(own.x)):
            do = "put what cmvn-to-nnet makes of compute-cmvn-stats into --feature-transform"
            raise InputError(fault, file=feats, expected="mean 0 and variance 1, as Gaussian units want", do=do)
        report.take(-trainer.step(own), len(own), trainer.reconstruction)
    if not trainer.num_minibatches:
        raise InputError(
            f"no minibatch of {shuffle.minibatch_size} frames", file=feats, expected="as many frames",
            do="check the warnings above, or lower --minibatch-size",
        )  # fmt: skip
    write_nnet1(model_out, Nnet1([trainer.rbm], model_out), binary)
    seconds, total = time.monotonic() - start, trainer.reconstruction
    log(
        f"Done {data.iteration} iterations, {data.num_done} files, skipped {data.num_skipped} files. "
        f"[{seconds / 60:g} min, processing {total.frames / seconds:g} frames per sec.]"
    )
    log(
        f"AvgLoss: {total.per_frame:g} (Mse), [RMS {(total.per_frame / network.input_dim) ** 0.5:g}, frames {total.frames}]\n"
        f"progress: [{''.join(f'{loss:g} ' for loss in report.losses)}]"
    )
    return total


@dataclass
class _Data:
    """Utterances, once for every iteration; those that cannot be used are counted and said."""

    feats: str
    network: Nnet1
    transform: Nnet1 | None
    options: RbmPassOptions
    iteration: int = field(default=0, init=False)
    num_done: int = field(default=0, init=False)
    num_skipped: int = field(default=0, init=False)

    def __iter__(self) -> Iterator[Frames]:
        self.iteration += 1
        log(f"Iteration {self.iteration}/{self.options.num_iters}")
        for key, feats_TD in read_table(self.feats, "matrix"):
            try:
                if len(feats_TD) > self.options.max_frames:
                    raise InputError(
                        f"{len(feats_TD)} frames", expected=f"at most --max-frames={self.options.max_frames}"
                    )
                x_TD = inputs_of(feats_TD, self.transform, self.network.input_dim)
            except InputError as failure:
                self.num_skipped += 1
                warn(f"skipped [{key}]: {failure.but(key=None)}")
                continue
            self.num_done += 1
            yield Frames.without_targets(x_TD)


@dataclass
class _Report:
    """The reconstruction error of every so many frames."""

    every: int
    losses: list[float] = field(default_factory=list, init=False)
    since: ReconstructionError = field(default_factory=ReconstructionError, init=False)

    def take(self, error: float, frames: int, total: ReconstructionError) -> None:
        """Count a minibatch, and say the error when it is time."""
        self.since.error += error
        self.since.frames += frames
        if self.every and self.since.frames > self.every:
            self.losses.append(self.since.per_frame)
            last, all_of_it = (frames // 360_000 for frames in (self.since.frames, total.frames))
            log(f"ProgressLoss[last {last}h of {all_of_it}h]: {self.losses[-1]:g} (Mse)")
            self.since = ReconstructionError()
