"""nnet3's example archives, read only (Kaldi's nnet3/nnet-example): merged minibatches with sparse targets."""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io import holders
from houseblend.io.objects import KaldiInput
from houseblend.io.streams import AGAIN, InputStream
from houseblend.io.tables import read_table, register_kind

Index = tuple[int, int, int]


@dataclass
class Example:
    """A minibatch: windows [N, W, D], and the targets' rows, pdfs and weights, each [number of targets].

    Row n * F + f is the output frame f of example n; `num_outputs` is N * F.
    """

    x_NWD: np.ndarray
    rows: np.ndarray
    pdfs: np.ndarray
    weights: np.ndarray
    num_outputs: int


def read_egs(rspecifier: str) -> Iterator[Example]:
    """The minibatches of an archive with one `input` and one `output`.

    Raises:
        InputError: another kind of example, or frames that are not consecutive.
    """
    for key, (ios, name) in read_table(rspecifier, "nnet3-eg"):
        try:
            yield _to_example(ios)
        except ValueError as failure:
            expected = "one input and one output, consecutive frames"
            raise InputError(str(failure), file=name, key=key, expected=expected, do=AGAIN) from None


def _to_example(ios: dict) -> Example:
    if set(ios) != {"input", "output"}:
        raise ValueError(f"an example with {sorted(ios)}")
    indexes, features = ios["input"]
    targets, sparse = ios["output"]
    if isinstance(features, list) or not isinstance(sparse, list):
        raise ValueError("an example with sparse input or full targets")
    if not len(indexes) == len(features) or not len(targets) == len(sparse) or not targets or not indexes:
        raise ValueError(f"{len(indexes)} and {len(targets)} indexes of {len(features)} and {len(sparse)} rows")
    if not np.isfinite(features).all():
        raise ValueError("input that is not finite")
    sequences = sorted({n for n, _, _ in indexes})
    order = sorted(range(len(indexes)), key=lambda row: indexes[row])
    width, rest = divmod(len(indexes), len(sequences))
    times = [indexes[row][1] for row in order]
    if rest or any(times[i + 1] != times[i] + 1 for i in range(len(times) - 1) if (i + 1) % width):
        raise ValueError("input frames are not consecutive")
    x = np.asarray(features[order], dtype=np.float32).reshape(len(sequences), width, -1)
    place = {index: row for row, index in enumerate(sorted(targets))}
    rows, pdfs, weights = [], [], []
    for index, entries in zip(targets, sparse, strict=True):
        for pdf, weight in entries:
            rows.append(place[index])
            pdfs.append(pdf)
            weights.append(weight)
    return Example(x, np.array(rows), np.array(pdfs), np.array(weights, dtype=np.float32), len(targets))


def _read_eg(stream: InputStream) -> tuple[dict, str]:
    source = KaldiInput(stream)
    if not source.binary:
        raise source.fail("examples in text form", "binary examples")
    source.expect("<Nnet3Eg>", "<NumIo>")
    ios = {}
    for _ in range(source.read_count(1)):
        source.expect("<NnetIo>")
        name = source.read_token()
        indexes = _read_indexes(source)
        ios[name] = indexes, _read_general_matrix(source, stream)
        source.expect("</NnetIo>")
    source.expect("</Nnet3Eg>")
    return ios, stream.name


def _read_indexes(source: KaldiInput) -> list[Index]:
    """Indexes (n, t, x), compressed as differences of t where they are small."""
    source.expect("<I1V>")
    indexes: list[Index] = []
    n, t, x = 0, 0, 0
    for _ in range(source.read_count(1)):
        step = struct.unpack("b", source.read_bytes(1))[0]
        if step == 127:
            n, t, x = source.read_int(), source.read_int(), source.read_int()
        else:
            t += step
        indexes.append((n, t, x))
    return indexes


def _read_general_matrix(source: KaldiInput, stream: InputStream) -> np.ndarray | list[list[tuple[int, float]]]:
    """A full or compressed matrix [rows, columns], or the entries of a sparse one, row by row."""
    token = source.peek_token()
    if token == "SM":
        source.expect("SM")
        return [_read_sparse_row(source) for _ in range(source.read_count(1))]
    if token.startswith("CM"):
        return holders.decode("bare-compressed-matrix", stream)
    return source.read_matrix()


def _read_sparse_row(source: KaldiInput) -> list[tuple[int, float]]:
    source.expect("SV")
    dim = source.read_int()
    row = [(source.read_int(), source.read_float()) for _ in range(source.read_count(10))]
    if not all(0 <= index < dim and math.isfinite(value) for index, value in row):
        raise source.fail(f"a row of dimension {dim} with an element outside, or one that is not finite")
    return row


def _no_writing(value: object, binary: bool) -> bytes:
    raise InputError("examples are read, never written", do="make a frame store with make_frames")


register_kind("nnet3-eg", _read_eg, _no_writing)
