"""HTK's feature files: a header of twelve bytes and float32 rows, all big-endian (HTK Book, section 5.10)."""

import struct

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.streams import AGAIN, InputStream

USER = 9
PERIOD = 100_000
_HEADER = struct.Struct(">iihH")
_COMPRESSED, _CHECKSUM, _QUANTISED = 0o2000, 0o10000, 0o40000
_BASE_KIND = 0o77
_NOT_FLOATS = {0: "a waveform", 5: "16-bit reflection coefficients", 10: "discrete symbols"}


def read_htk(stream: InputStream) -> np.ndarray:
    """The features of a file, float32, shape [T, D]; a checksum behind them is read and not looked at.

    Raises:
        InputError: the file is truncated, or holds what is not plain float32 features.
    """
    head = stream.read(_HEADER.size)
    if len(head) != _HEADER.size:
        raise InputError(
            f"{len(head)} bytes", file=stream.name, expected="an HTK file with a header of 12 bytes", do=AGAIN
        )
    frames, _, frame_bytes, kind = _HEADER.unpack(head)
    if kind & (_COMPRESSED | _QUANTISED) or kind & _BASE_KIND in _NOT_FLOATS:
        what = _NOT_FLOATS.get(kind & _BASE_KIND, "compressed features")
        raise InputError(
            f"an HTK file of {what}",
            file=stream.name,
            expected="float32 features, not compressed",
            do="copy it with HCopy",
        )
    if frames < 0 or frame_bytes <= 0 or frame_bytes % 4:
        raise InputError(f"{frames} frames of {frame_bytes} bytes", file=stream.name, expected="an HTK file", do=AGAIN)
    body = stream.read(min(frames * frame_bytes, stream.left()))
    if len(body) != frames * frame_bytes:
        raise InputError(f"{len(body)} of {frames * frame_bytes} bytes: truncated", file=stream.name, do=AGAIN)
    if kind & _CHECKSUM:
        stream.read(2)
    return np.frombuffer(body, dtype=">f4").astype(np.float32).reshape(frames, frame_bytes // 4)


def encode_htk(feats_TD: np.ndarray, period: int = PERIOD, kind: int = USER) -> bytes:
    """The bytes of a file.

    Args:
        feats_TD: features, shape [T, D].
        period: from one frame to the next, in units of 100 ns.
        kind: HTK's number of the kind of features: 6 MFCC, 7 filterbank, 9 any other.

    Raises:
        InputError: a frame is too large for the format.
    """
    frames, dim = feats_TD.shape
    if 4 * dim > 32767:
        raise InputError(f"features of dimension {dim}", expected="at most 8191 in an HTK file")
    return _HEADER.pack(frames, period, 4 * dim, kind) + feats_TD.astype(">f4").tobytes()
