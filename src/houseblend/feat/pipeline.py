"""What lies between a data directory's features and a model: normalisation, then deltas or a transform of spliced frames,
then a transform of each speaker's."""

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.feat.cmvn import apply_cmvn
from houseblend.feat.deltas import add_deltas, splice
from houseblend.feat.options import DeltaOptions, SpliceOptions
from houseblend.feat.rearrange import transform_frames
from houseblend.io.tables import Table, read_table


@dataclass(frozen=True)
class Deltas:
    """Deltas up to an order, each over a window, behind the features; the defaults are Kaldi's."""

    order: int = DeltaOptions.delta_order
    window: int = DeltaOptions.delta_window

    def __call__(self, feats_TD: np.ndarray) -> np.ndarray:
        """[T, D] to [T, D * (order + 1)]."""
        return add_deltas(feats_TD, self.order, self.window)


@dataclass(frozen=True)
class Splice:
    """The frames before and after beside each; the defaults are Kaldi's."""

    left: int = SpliceOptions.left_context
    right: int = SpliceOptions.right_context

    def __call__(self, feats_TD: np.ndarray) -> np.ndarray:
        """[T, D] to [T, (left + 1 + right) * D]."""
        return splice(feats_TD, self.left, self.right)


@dataclass(frozen=True, eq=False)
class LinearTransform:
    """A matrix by which every frame is multiplied, [E, D], or [E, D + 1] with the offset in the last column."""

    matrix: np.ndarray

    def __call__(self, feats_TD: np.ndarray) -> np.ndarray:
        """[T, D] to [T, E]; InputError if the matrix has another number of columns."""
        return transform_frames(feats_TD, self.matrix)


@dataclass(frozen=True, eq=False)
class SpeakerTransforms:
    """A `LinearTransform` for every speaker, by name."""

    matrices: Mapping[str, np.ndarray]

    def of(self, speaker: str) -> LinearTransform:
        """That of a speaker; InputError if there is none."""
        if speaker not in self.matrices:
            raise InputError(
                f"no transform of speaker {speaker}", do="estimate the transforms on this data (align, decode)"
            )
        return LinearTransform(self.matrices[speaker])


Transform = Deltas | Splice | LinearTransform | SpeakerTransforms


@dataclass(frozen=True)
class FeaturePipeline:
    """Normalisation of raw features and what follows it.

    Args:
        cmvn: none, mean or mean-var, with the statistics of cmvn.scp (by speaker).
        transforms: applied behind it, one after the other.
    """

    cmvn: str
    transforms: tuple[Transform, ...] = ()

    def followed_by(self, *transforms: Transform) -> "FeaturePipeline":
        """The same with more behind it."""
        return replace(self, transforms=(*self.transforms, *transforms))

    def read(self, data_dir: Path, keys: Iterable[str] | None = None) -> Iterator[tuple[str, np.ndarray]]:
        """Utterances and their features, float32, [T, dim].

        Args:
            data_dir: with feats.scp, cmvn.scp and utt2spk.
            keys: the utterances wanted, in the order wanted; all, as they stand in feats.scp, if not given.

        Raises:
            InputError: as `Features`.
        """
        features = Features(data_dir, self)
        return ((key, features[key]) for key in (features if keys is None else keys))


class Features:
    """Features of a data directory by utterance; each is read when it is asked for, and none is kept.

    Args:
        data_dir: with feats.scp, utt2spk and, unless `cmvn` is none, cmvn.scp.
        pipeline: what is applied to them.

    Raises:
        InputError: a file is missing or broken, here or when an utterance is asked for.
    """

    def __init__(self, data_dir: Path, pipeline: FeaturePipeline) -> None:
        self._place, self._pipeline = data_dir / "feats.scp", pipeline
        self._raw = Table(f"scp:{self._place}", "matrix")
        self._speakers = dict(read_table(f"ark:{data_dir}/utt2spk", "token"))
        self._stats = Table(f"scp:{data_dir}/cmvn.scp", "matrix") if pipeline.cmvn != "none" else None
        self._of_speaker: dict[str, np.ndarray] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def through(self, pipeline: FeaturePipeline) -> "Features":
        """The same features through another pipeline of the same normalisation."""
        other = copy.copy(self)
        other._pipeline = pipeline
        return other

    def speaker(self, utterance: str) -> str:
        """Who speaks; InputError if nothing says so."""
        if utterance not in self._speakers:
            raise InputError("no speaker of this utterance", file=self._place.with_name("utt2spk"), key=utterance)
        return self._speakers[utterance]

    def by_speaker(self) -> dict[str, list[str]]:
        """The utterances of every speaker, in their order."""
        speakers: dict[str, list[str]] = {}
        for utterance in self:
            speakers.setdefault(self.speaker(utterance), []).append(utterance)
        return speakers

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Float32, [T, dim]; InputError if they are missing, not finite, or of a dimension that does not fit."""
        feats = self._raw[utterance]
        if not np.isfinite(feats).all():
            raise InputError("features that are not finite", file=self._place, key=utterance)
        try:
            return self._through(feats, utterance).astype(np.float32)
        except InputError as failure:
            do = "use features and statistics of the dimension that the model was trained on"
            raise failure if failure.file else failure.but(file=self._place, key=utterance, do=do) from None

    def _through(self, feats: np.ndarray, utterance: str) -> np.ndarray:
        if self._stats is not None:
            speaker = self.speaker(utterance)
            if speaker not in self._of_speaker:
                self._of_speaker = {speaker: self._stats[speaker]}
            feats = apply_cmvn(feats, self._of_speaker[speaker], norm_vars=self._pipeline.cmvn == "mean-var")
        for transform in self._pipeline.transforms:
            own = transform.of(self.speaker(utterance)) if isinstance(transform, SpeakerTransforms) else transform
            feats = own(feats)
        return feats
