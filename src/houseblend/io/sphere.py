"""NIST SPHERE recordings, mu-law or 16 bits and not compressed, by the standard library alone: a program that cuts one
channel out of a call starts at once, as it is started for every side of every call."""

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError

AGAIN = "copy it again from the disc"


@dataclass(frozen=True)
class SphereHeader:
    """What the header of a recording says; `start` is the byte where the samples begin.

    Args:
        start: bytes of the header.
        samples: of each channel.
        rate: Hz.
        channels: how many.
        width: bytes of a sample.
        coding: ulaw or pcm.
        order: bytes of 16-bit samples, 01 or 10.
    """

    start: int
    samples: int
    rate: int
    channels: int
    width: int
    coding: str
    order: str

    @property
    def seconds(self) -> float:
        """Length of the recording."""
        return self.samples / self.rate


def read_sphere_header(path: Path) -> SphereHeader:
    """The header of a recording, checked against the size of its file.

    Raises:
        InputError: no SPHERE file, a truncated one, or one whose samples are coded otherwise.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(1024)
    except OSError as failure:
        raise InputError(f"cannot be read: {failure.strerror}", file=path, do="check the disc") from None
    fields = {words[0]: words[2] for line in head.split(b"\n") if len(words := line.split()) == 3}
    try:
        if not head.startswith(b"NIST_1A\n"):
            raise ValueError("no NIST_1A at the beginning")
        start = int(head[8:16])
        numbers = (int(fields[key]) for key in (b"sample_count", b"sample_rate", b"channel_count"))
        samples, rate, channels = numbers
        coding = fields.get(b"sample_coding", b"pcm").decode()
        width = int(fields.get(b"sample_n_bytes", b"1" if coding == "ulaw" else b"2"))
        if min(samples, rate, channels, width, start) < 1:
            raise ValueError("a size that is not positive")
    except (ValueError, KeyError) as failure:
        raise InputError(f"no SPHERE header: {failure}", file=path, expected="NIST SPHERE", do=AGAIN) from None
    if (coding, width) not in (("ulaw", 1), ("pcm", 2)):
        expected = "mu-law or 16 bits, not compressed"
        raise InputError(
            f"coding {coding}", file=path, expected=expected, do="uncompress it with sph2pipe -f sph of LDC"
        )
    size, wanted = path.stat().st_size, start + samples * channels * width
    if size < wanted:
        raise InputError(f"{size} bytes, the header says {wanted}", file=path, do=AGAIN)
    order = fields.get(b"sample_byte_format", b"01").decode()
    return SphereHeader(start, samples, rate, channels, width, coding, order)


def sphere_to_wav(path: Path, channel: int | None) -> bytes:
    """A WAV file of 16-bit samples of one channel, counted from 1, or of all.

    Raises:
        InputError: see `read_sphere_header`; or there is no such channel.
    """
    header = read_sphere_header(path)
    if channel is not None and not 1 <= channel <= header.channels:
        raise InputError(f"no channel {channel}", file=path, expected=f"1 to {header.channels}", do="name another")
    with open(path, "rb") as file:
        file.seek(header.start)
        coded = file.read()
    samples = array("h")
    if header.coding == "ulaw":
        low, high = _mu_law_tables()
        wide = bytearray(2 * len(coded))
        wide[0::2], wide[1::2] = coded.translate(low), coded.translate(high)
        samples.frombytes(wide)
    else:
        samples.frombytes(coded)
    if sys.byteorder == "big" or (header.coding == "pcm" and header.order == "10"):
        samples.byteswap()
    if channel is not None:
        samples = samples[channel - 1 :: header.channels]
    return _wav(samples.tobytes(), header.rate, 1 if channel is not None else header.channels)


def _mu_law_tables() -> tuple[bytes, bytes]:
    """Low and high bytes of the 16-bit sample of every mu-law byte (ITU-T G.711)."""
    values = []
    for byte in range(256):
        inverted = ~byte & 0xFF
        magnitude = (((inverted & 15) << 3) + 132 << (inverted >> 4 & 7)) - 132
        values.append((-magnitude if inverted & 128 else magnitude) & 0xFFFF)
    return bytes(value & 0xFF for value in values), bytes(value >> 8 for value in values)


def _wav(data: bytes, rate: int, channels: int) -> bytes:
    block = 2 * channels
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, channels, rate, rate * block, block, 16)
    return (
        struct.pack("<4sI4s", b"RIFF", 36 + len(data), b"WAVE") + form + struct.pack("<4sI", b"data", len(data)) + data
    )
