"""NIST SPHERE recordings that are not compressed: their headers, and a channel as WAV by the standard library alone, so
that a program which cuts one channel out of a call starts at once, as it is started for every side of every call."""

import struct
import sys
from array import array
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import warn

AGAIN = "copy it again from the disc"
UNCOMPRESS = (
    "uncompress it with the sph2pipe of LDC (-f sph), not with the one here, or with w_decode of NIST; sox cannot"
)
MAX_HEADER = 1 << 16


@dataclass(frozen=True)
class SphereHeader:
    """What the header of a recording says; `start` is the byte where the samples begin.

    Args:
        start: bytes of the header.
        samples: of each channel.
        rate: Hz.
        channels: how many.
        width: bytes of a sample.
        coding: ulaw, alaw or pcm.
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

    @property
    def size(self) -> int:
        """Bytes of all samples."""
        return self.samples * self.channels * self.width

    @property
    def is_plain(self) -> bool:
        """Whether `decode_samples` can read it."""
        return (self.coding, self.width) in (("ulaw", 1), ("pcm", 2))

    def samples_in(self, body: bytes, name: object) -> bytes:
        """Of what follows the header, the bytes that are samples; a warning if there are others behind them."""
        if len(body) > self.size:
            warn(f"{name}: {len(body) - self.size} bytes behind the last sample are left out")
        return body[: self.size]


def read_sphere_header(path: Path) -> SphereHeader:
    """The header of a recording, checked against the size of its file.

    Raises:
        InputError: no SPHERE file, a truncated one, or one whose samples are coded otherwise.
    """
    try:
        with open(path, "rb") as file:
            head = file.read(MAX_HEADER)
    except OSError as failure:
        raise InputError(f"cannot be read: {failure.strerror}", file=path, do="check the disc") from None
    return parse_sphere_header(head, path.stat().st_size, path)


def parse_sphere_header(head: bytes, size: int, name: object) -> SphereHeader:
    """What the beginning of a file says, checked against the file's size.

    Args:
        head: the first bytes, the whole header among them.
        size: of the file in bytes.
        name: of the file, for errors.

    Raises:
        InputError: see `read_sphere_header`.
    """
    try:
        start = _start(head)
        fields = {words[0]: words[2] for line in head[:start].split(b"\n") if len(words := line.split()) == 3}
        samples, rate, channels = (_count(fields, key) for key in ("sample_count", "sample_rate", "channel_count"))
        coding = fields.get(b"sample_coding", b"pcm").decode(errors="replace")
        width = _count({b"sample_n_bytes": b"2" if coding == "pcm" else b"1"} | fields, "sample_n_bytes")
    except ValueError as failure:
        raise InputError(f"broken SPHERE header: {failure}", file=name, expected="NIST SPHERE", do=AGAIN) from None
    if coding not in ("pcm", "ulaw", "alaw"):
        raise InputError(
            f"coding {coding} is not read", file=name, expected="mu-law, A-law or PCM, not compressed", do=UNCOMPRESS
        )
    order = fields.get(b"sample_byte_format", b"01").decode(errors="replace")
    header = SphereHeader(start, samples, rate, channels, width, coding, order)
    if size < start + header.size:
        raise InputError(f"{size} bytes, the header says {start + header.size}", file=name, do=AGAIN)
    return header


def _start(head: bytes) -> int:
    """Bytes of the header, by its second line."""
    if not head.startswith(b"NIST_1A\n"):
        raise ValueError("no NIST_1A at the beginning")
    size = head[8:16].strip()
    if not size.isdigit() or not 16 <= int(size) <= MAX_HEADER:
        raise ValueError(f"a header of {size.decode(errors='replace')!r} bytes")
    return int(size)


def _count(fields: dict[bytes, bytes], name: str) -> int:
    """A number above 0."""
    word = fields.get(name.encode())
    if word is None:
        raise ValueError(f"{name} is missing")
    if not word.isdigit() or int(word[:18]) < 1:
        raise ValueError(f"{name} is {word.decode(errors='replace')}")
    return int(word[:18])


def sphere_to_wav(path: Path, channel: int | None) -> bytes:
    """A WAV file of 16-bit samples of one channel, counted from 1, or of all.

    Raises:
        InputError: see `read_sphere_header`; or there is no such channel.
    """
    header = read_sphere_header(path)
    if channel is not None and not 1 <= channel <= header.channels:
        raise InputError(f"no channel {channel}", file=path, expected=f"1 to {header.channels}", do="name another")
    if not header.is_plain:
        what, expected = f"{header.coding} of {header.width} bytes", "mu-law or 16 bits"
        raise InputError(what, file=path, expected=expected, do="name the file itself in wav.scp: it is read directly")
    with open(path, "rb") as file:
        file.seek(header.start)
        samples = decode_samples(header, header.samples_in(file.read(), path))
    if channel is not None:
        samples = samples[channel - 1 :: header.channels]
    return _wav(samples.tobytes(), header.rate, 1 if channel is not None else header.channels)


def decode_samples(header: SphereHeader, coded: bytes) -> array:
    """The samples of a plain recording on the scale of 16 bits, channel by channel as they are there."""
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
    return samples


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
