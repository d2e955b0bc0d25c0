"""nnet2's example archives, read only (Kaldi's nnet2/nnet-example): a frame with its context and its targets each."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io import holders
from houseblend.io.objects import KaldiInput
from houseblend.io.streams import InputStream
from houseblend.io.tables import read_table, register_kind

Label = list[tuple[int, float]]
"""Pdfs of a frame, with their weights."""


@dataclass
class Nnet2Example:
    """Frames and the targets of one of them.

    Args:
        frames_TD: features, float32, [T, D].
        left_context: frames before the one that has the targets.
        labels: its pdfs and their weights.
    """

    frames_TD: np.ndarray
    left_context: int
    labels: Label

    def window(self, left: int, right: int) -> np.ndarray:
        """The frames that a network with this context needs, [left + 1 + right, D].

        Raises:
            InputError: they are not there.
        """
        first = self.left_context - left
        if first < 0 or self.left_context + right >= len(self.frames_TD):
            found = f"{self.left_context} frames before and {len(self.frames_TD) - self.left_context - 1} behind"
            raise InputError(found, expected=f"at least {left} and {right}", do="make the examples for this network")
        return self.frames_TD[first : first + left + 1 + right]


def read_nnet2_egs(rspecifier: str) -> Iterator[tuple[str, Nnet2Example]]:
    """Keys and examples of an archive or a script.

    Raises:
        InputError: another kind of example, or a broken one.
    """
    yield from read_table(rspecifier, "nnet2-eg")


def _read_eg(stream: InputStream) -> Nnet2Example:
    source = KaldiInput(stream)
    if not source.binary:
        raise source.fail("examples in text form", "binary examples")
    source.expect("<NnetExample>")
    labels = _read_labels(source)
    source.expect("<InputFrames>")
    compressed = source.peek_token().startswith("CM")
    frames = holders.decode("bare-compressed-matrix", stream) if compressed else source.read_matrix()
    source.expect("<LeftContext>")
    left = source.read_int()
    source.expect("<SpkInfo>")
    speaker = source.read_vector()
    source.expect("</NnetExample>")
    if len(labels) != 1 or len(speaker):
        raise source.fail(f"targets of {len(labels)} frames, {len(speaker)} numbers of the speaker", "one frame, none")
    if not 0 <= left < len(frames) or not np.isfinite(frames).all():
        raise source.fail(f"{left} frames of context among {len(frames)}", "fewer; and features that are finite")
    return Nnet2Example(frames.astype(np.float32), left, labels[0])


def _read_labels(source: KaldiInput) -> list[Label]:
    """Targets of every frame: one pdf of weight 1 (Lab1), or several; of one frame alone in old files (Labels)."""
    form = source.read_token()
    if form == "<Lab1>":
        labels: list[Label] = [[(int(pdf), 1.0)] for pdf in source.read_int_vector()]
    elif form == "<Lab2>":
        labels = [_read_label(source) for _ in range(source.read_count(5))]
    elif form == "<Labels>":
        labels = [_read_label(source)]
    else:
        raise source.fail(f"found {form[:60]!r}", "<Lab1>, <Lab2> or <Labels>")
    if not all(pdf >= 0 and np.isfinite(weight) for label in labels for pdf, weight in label):
        raise source.fail("a target below 0, or a weight that is not finite")
    return labels


def _read_label(source: KaldiInput) -> Label:
    return [(source.read_int(), source.read_float()) for _ in range(source.read_count(10))]


def _no_writing(value: object, binary: bool) -> bytes:
    raise InputError("examples are read, never written", do="make a frame store with make_frames")


register_kind("nnet2-eg", _read_eg, _no_writing)
