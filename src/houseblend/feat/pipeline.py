"""What lies between a data directory's features and a model, and the record that ties the two together."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError, StaleError
from houseblend.base.fingerprint import hash_json
from houseblend.feat.cmvn import apply_cmvn
from houseblend.feat.deltas import add_deltas
from houseblend.io.json_files import read_json
from houseblend.io.tables import Table, read_table

RECORD = "feature.json"
CMVN = ("none", "mean", "mean-var")


@dataclass(frozen=True)
class FeaturePipeline:
    """Normalisation and deltas applied to raw features.

    Args:
        cmvn: none, mean or mean-var, with the statistics of cmvn.scp (by speaker).
        delta_order: order of the deltas added behind, 0 for none.
    """

    cmvn: str = "mean"
    delta_order: int = 0

    def to_json(self) -> dict[str, Any]:
        """As it stands in `feature.json`."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "FeaturePipeline":
        """From `feature.json`."""
        pipeline = cls(**value)
        if pipeline.cmvn not in CMVN or type(pipeline.delta_order) is not int or not 0 <= pipeline.delta_order < 10:
            raise ValueError(f"{pipeline}")
        return pipeline

    def read(self, data_dir: Path, keys: Iterable[str] | None = None) -> Iterator[tuple[str, np.ndarray]]:
        """Utterances and their features, float32, shape [T, D * (delta_order + 1)].

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
        data_dir: with feats.scp, cmvn.scp and utt2spk.
        pipeline: what is applied to them.

    Raises:
        InputError: a file is missing or broken, here or when an utterance is asked for.
    """

    def __init__(self, data_dir: Path, pipeline: FeaturePipeline) -> None:
        if pipeline.cmvn not in CMVN:
            raise InputError(f"--cmvn={pipeline.cmvn}", expected=", ".join(CMVN))
        self._place, self._pipeline = data_dir / "feats.scp", pipeline
        self._raw = Table(f"scp:{self._place}", "matrix")
        self._speakers = dict(read_table(f"ark:{data_dir}/utt2spk", "token"))
        self._stats = Table(f"scp:{data_dir}/cmvn.scp", "matrix") if pipeline.cmvn != "none" else None
        self._of_speaker: dict[str, np.ndarray] = {}

    def __iter__(self) -> Iterator[str]:
        return iter(self._raw)

    def __len__(self) -> int:
        return len(self._raw)

    def __getitem__(self, utterance: str) -> np.ndarray:
        """Float32, shape [T, D * (delta_order + 1)]; InputError if they are missing or not finite."""
        feats = self._raw[utterance]
        if not np.isfinite(feats).all():
            raise InputError("features that are not finite", file=self._place, key=utterance)
        if self._stats is not None:
            speaker = self._speakers[utterance]
            if speaker not in self._of_speaker:
                self._of_speaker = {speaker: self._stats[speaker]}
            feats = apply_cmvn(feats, self._of_speaker[speaker], norm_vars=self._pipeline.cmvn == "mean-var")
        order = self._pipeline.delta_order
        return add_deltas(feats, order) if order else feats.astype(np.float32)


def write_feature_record(data_dir: Path, kind: str, options: dict[str, Any]) -> None:
    """Write how a data directory's features were made."""
    record = {"kind": kind, "options": options}
    write_json(data_dir / RECORD, {**record, "fingerprint": hash_json(record)})


def read_feature_record(place: Path) -> dict[str, Any]:
    """The record of a data or model directory; InputError if it is missing or broken."""
    do = "make the features again with make_mfcc or make_fbank"
    record = read_json(place / RECORD, {"kind": str, "options": dict, "fingerprint": str}, do)
    if record["fingerprint"] != hash_json({"kind": record["kind"], "options": record["options"]}):
        raise InputError("the fingerprint is not that of kind and options", file=place / RECORD, do=do)
    return record


def write_model_features(model_dir: Path, data_dir: Path, pipeline: FeaturePipeline) -> None:
    """Record in a model directory what features the model was trained on."""
    write_json(model_dir / RECORD, {**read_feature_record(data_dir), "pipeline": pipeline.to_json()})


def read_model_features(model_dir: Path, data_dir: Path | None = None) -> FeaturePipeline:
    """The pipeline of a model, checked against the data directory that it is to be used on.

    Raises:
        InputError: the model has no record.
        StaleError: the data's features were made otherwise.
    """
    model = read_feature_record(model_dir)
    if data_dir is not None:
        data = read_feature_record(data_dir)
        if data["fingerprint"] != model["fingerprint"]:
            raise StaleError(
                f"features made otherwise than the model's: {_difference(data, model)}", file=data_dir,
                expected=f"the features of {model_dir}", do="make features with the model's options",
            )  # fmt: skip
    try:
        return FeaturePipeline.from_json(model["pipeline"])
    except (KeyError, TypeError, ValueError):
        expected = "cmvn and delta_order under pipeline"
        raise InputError(
            "no pipeline", file=model_dir / RECORD, expected=expected, do="train the model again"
        ) from None


def _difference(data: dict[str, Any], model: dict[str, Any]) -> str:
    if data["kind"] != model["kind"]:
        return f"{data['kind']} against {model['kind']}"
    names = sorted(set(data["options"]) | set(model["options"]))
    pairs = [(name, data["options"].get(name), model["options"].get(name)) for name in names]
    return ", ".join(f"{name} {mine} against {its}" for name, mine, its in pairs if mine != its)
