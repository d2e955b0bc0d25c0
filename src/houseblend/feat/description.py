"""What a directory says of its features: how they were made (feature.json), and what its model does to them.

The latter stands in Kaldi's files, as Kaldi's scripts read them: `cmvn_opts`, `delta_opts`, and `splice_opts` with
`final.mat` where a GMM was trained on transformed spliced frames; transforms of speakers stand in `trans.*`. Features
without a record were made elsewhere: they are of kind `external`, and only their content can be told apart.
"""

import hashlib
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from houseblend.base.atomic import write_json, write_text
from houseblend.base.errors import InputError, StaleError
from houseblend.base.fingerprint import hash_json
from houseblend.feat.options import CmvnOptions, DeltaOptions, SpliceOptions
from houseblend.feat.pipeline import Deltas, FeaturePipeline, LinearTransform, SpeakerTransforms, Splice, Transform
from houseblend.io.json_files import read_json
from houseblend.io.numbers import to_int
from houseblend.io.objects import open_output
from houseblend.io.streams import read_text
from houseblend.io.tables import Table, read_by_key, read_object, write_table

RECORD = "feature.json"
EXTERNAL = "external"
MEND = "write the options that the model was trained with"
PIPELINE_FILES = ("cmvn_opts", "delta_opts", "delta_order", "splice_opts", "final.mat", "full.mat", "trans.1")
ModelKind = Literal["gmm", "nnet3"]
Allowed = range | Mapping[str, bool]

_TRUTH = {"": True, "true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_CMVN = {"norm-means": (CmvnOptions.norm_means, _TRUTH), "norm-vars": (CmvnOptions.norm_vars, _TRUTH)}
_DELTAS = {
    "delta-order": (DeltaOptions.delta_order, range(10)),
    "delta-window": (DeltaOptions.delta_window, range(1, 1000)),
}
_SPLICE = {
    "left-context": (SpliceOptions.left_context, range(1000)),
    "right-context": (SpliceOptions.right_context, range(1000)),
}
"""Kaldi's options: default, and what may be given."""


def write_feature_record(data_dir: Path, kind: str, options: dict[str, Any]) -> None:
    """Write how a data directory's features were made."""
    write_json(data_dir / RECORD, _record(kind, options))


def read_feature_record(place: Path) -> dict[str, Any]:
    """The record of a data or model directory, of kind `external` if it has none.

    Raises:
        InputError: the record is broken.
    """
    if not (place / RECORD).exists():
        return _record(EXTERNAL, {})
    do = "make the features again with make_mfcc or make_fbank"
    record = read_json(place / RECORD, {"kind": str, "options": dict, "fingerprint": str}, do)
    if record["fingerprint"] != hash_json({"kind": record["kind"], "options": record["options"]}):
        raise InputError("the fingerprint is not that of kind and options", file=place / RECORD, do=do)
    return record


def write_model_features(model_dir: Path, data_dir: Path, pipeline: FeaturePipeline) -> dict[str, Any]:
    """Record in a model directory what it was trained on, and what was done to it; returns the record of the features."""
    record = read_feature_record(data_dir)
    if record["kind"] == EXTERNAL:
        record = _record(EXTERNAL, {"content": _hash_features(data_dir)})
    write_json(model_dir / RECORD, record)
    means, variances = pipeline.cmvn != "none", pipeline.cmvn == "mean-var"
    _write_options(model_dir / "cmvn_opts", {"norm-means": means, "norm-vars": variances})
    for transform in pipeline.transforms:
        if isinstance(transform, Deltas):
            options = {"delta-order": transform.order, "delta-window": transform.window}
            _write_options(model_dir / "delta_opts", options)
        elif isinstance(transform, Splice):
            options = {"left-context": transform.left, "right-context": transform.right}
            _write_options(model_dir / "splice_opts", options)
        elif isinstance(transform, LinearTransform):
            with open_output(model_dir / "final.mat") as target:
                target.write_matrix(transform.matrix)
        else:
            write_speakers(model_dir / "trans.1", transform)
    return record


def is_adapted(model_dir: Path) -> bool:
    """Whether a model was trained on features adapted to speakers."""
    return (model_dir / "final.alimdl").exists() or bool(_speaker_files(model_dir))


def copy_model_features(source: Path, target: Path) -> None:
    """Copy what a model directory says of its features."""
    for name in (RECORD, *PIPELINE_FILES):
        if (source / name).exists():
            shutil.copyfile(source / name, target / name)


def read_model_features(model_dir: Path, kind: ModelKind, data_dir: Path | None = None) -> FeaturePipeline:
    """The pipeline of a model but for transforms of speakers, checked against the data directory that it is to be used on.

    Args:
        model_dir: of a toolkit's step or of Kaldi.
        kind: what final.mdl is: as in Kaldi, a GMM sees deltas or a transform of spliced frames; a network splices itself,
            unless it was trained on what a GMM sees (final.mat, trans.*).
        data_dir: with the features.

    Raises:
        InputError: the directory's files are broken, or ask for what there is not.
        StaleError: the data's features were made otherwise.
    """
    model = read_feature_record(model_dir)
    if data_dir is not None:
        _require_same(read_feature_record(data_dir), model, data_dir, model_dir)
    if (model_dir / RECORD).exists() and not (model_dir / "cmvn_opts").exists():
        raise InputError("no such file", file=model_dir / "cmvn_opts", do="run the step that wrote the directory again")
    if kind == "gmm":
        return FeaturePipeline(_read_cmvn(model_dir, "mean"), _read_transforms(model_dir))
    _refuse_online_and_chain(model_dir)
    of_gmm = (model_dir / "final.mat").exists() or _speaker_files(model_dir)
    return FeaturePipeline(_read_cmvn(model_dir, "none"), _read_transforms(model_dir) if of_gmm else ())


def write_speakers(path: Path, transforms: SpeakerTransforms) -> None:
    """Write the transforms of speakers as Kaldi's scripts know them (`trans.1`)."""
    with write_table(f"ark:{path}", "matrix") as write:
        for speaker, matrix in transforms.matrices.items():
            write(speaker, matrix)


def find_speakers(folder: Path) -> SpeakerTransforms | None:
    """The transforms of speakers in a directory (`trans.*`), if there are any; InputError if a file is something else."""
    files = _speaker_files(folder)
    return read_speakers(files) if files else None


def _speaker_files(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.glob("trans.*")) if path.suffix[1:].isdigit()]


def read_speakers(paths: Sequence[Path]) -> SpeakerTransforms:
    """Read the transforms of speakers; InputError if a file is missing or something else."""
    matrices = {}
    for path in paths:
        matrices |= read_by_key(f"ark:{path}", "matrix")
    return SpeakerTransforms(matrices)


def _record(kind: str, options: dict[str, Any]) -> dict[str, Any]:
    record = {"kind": kind, "options": options}
    return {**record, "fingerprint": hash_json(record)}


def _hash_features(data_dir: Path) -> str:
    """SHA-256 over the utterances of a data directory and their features, in the order of feats.scp."""
    digest = hashlib.sha256()
    features = Table(f"scp:{data_dir}/feats.scp", "matrix")
    for key in features:
        values = features[key].astype("<f4")
        digest.update(f"{key} {values.shape}\n".encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _require_same(data: dict[str, Any], model: dict[str, Any], data_dir: Path, model_dir: Path) -> None:
    """Features made elsewhere carry no options, so that only their kind can be compared."""
    if data["kind"] == model["kind"] == EXTERNAL or data["fingerprint"] == model["fingerprint"]:
        return
    do = "make features with the model's options"
    if model["kind"] == EXTERNAL:
        do = f"use features made as those; if these are, do so without {data_dir / RECORD}"
    raise StaleError(
        f"features made otherwise than the model's: {_difference(data, model)}", file=data_dir,
        expected=f"the features of {model_dir}", do=do,
    )  # fmt: skip


def _difference(data: dict[str, Any], model: dict[str, Any]) -> str:
    if data["kind"] != model["kind"]:
        return f"{data['kind']} against {model['kind']}"
    names = sorted(set(data["options"]) | set(model["options"]))
    pairs = [(name, data["options"].get(name), model["options"].get(name)) for name in names]
    return ", ".join(f"{name} {mine} against {its}" for name, mine, its in pairs if mine != its)


def _read_cmvn(model_dir: Path, absent: str) -> str:
    """One of `CMVN`; `absent` without a file cmvn_opts."""
    path = model_dir / "cmvn_opts"
    if not path.exists():
        return absent
    options = _read_options(path, _CMVN)
    if not options["norm-means"]:
        if options["norm-vars"]:
            what, expected = "variances are normalised without means", "--norm-means=true, or --norm-vars=false"
            raise InputError(what, file=path, expected=expected, do=MEND)
        return "none"
    return "mean-var" if options["norm-vars"] else "mean"


def _read_transforms(model_dir: Path) -> tuple[Transform, ...]:
    """Splicing and final.mat if that is there, or else deltas."""
    if (model_dir / "final.mat").exists():
        spliced = _read_options(model_dir / "splice_opts", _SPLICE)
        matrix = read_object(str(model_dir / "final.mat"), "matrix")
        return Splice(spliced["left-context"], spliced["right-context"]), LinearTransform(matrix)
    if (path := model_dir / "delta_order").exists():
        return (Deltas(_parse(read_text(path).strip(), _DELTAS["delta-order"][1], path)),)
    deltas = _read_options(model_dir / "delta_opts", _DELTAS)
    return (Deltas(deltas["delta-order"], deltas["delta-window"]),)


def _refuse_online_and_chain(model_dir: Path) -> None:
    for name, what in (("online_cmvn", "online CMVN"), ("final.ie.id", "i-vectors")):
        if (model_dir / name).exists():
            raise InputError(f"the network was trained with {what}", file=model_dir / name, do="use one without")
    path = model_dir / "frame_subsampling_factor"
    if path.exists() and read_text(path).strip() != "1":
        what = f"a network that scores one frame of {read_text(path).strip()[:20]}"
        raise InputError(what, file=path, expected="1", do="use one that scores every frame")


def _write_options(path: Path, options: Mapping[str, bool | int]) -> None:
    write_text(path, " ".join(f"--{name}={str(value).lower()}" for name, value in options.items()) + "\n")


def _read_options(path: Path, known: Mapping[str, tuple[Any, Allowed]]) -> dict[str, Any]:
    """The values of Kaldi's options in a file; one that is missing or empty leaves the defaults.

    Raises:
        InputError: an option that is none of these, or a value that it cannot have.
    """
    values = {name: default for name, (default, _) in known.items()}
    for word in read_text(path).split() if path.exists() else []:
        name, _, value = word.removeprefix("--").partition("=")
        name = name.replace("_", "-")
        if not word.startswith("--") or name not in known:
            expected = " ".join(f"--{name}=" for name in known)
            raise InputError(f"found {word[:60]!r}", file=path, expected=expected, do=MEND)
        values[name] = _parse(value, known[name][1], path)
    return values


def _parse(word: str, allowed: Allowed, path: Path) -> Any:
    try:
        return to_int(word, allowed) if isinstance(allowed, range) else allowed[word]
    except (KeyError, ValueError):
        expected = f"{allowed[0]} to {allowed[-1]}" if isinstance(allowed, range) else "true or false"
        raise InputError(f"found {word[:60]!r}", file=path, expected=expected, do=MEND) from None
