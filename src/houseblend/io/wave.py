"""WAV as files, pipes and archives carry it: a walk over the chunks around the samples (Microsoft's RIFF).

Who writes into a pipe cannot go back to mend the sizes in the header. So a size of samples that is 0, or so large that it
only stands for one, means "to the end"; the size of the whole file is a hint, and one that does not fit is a warning.
"""

import struct
from dataclasses import dataclass

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.streams import InputStream

AGAIN = "copy it again, or remove it from wav.scp"
RIFF = (b"RIFF", b"RIFX", b"RF64", b"BW64")
"""How WAV files begin: RIFX has the other order of bytes, the last two (EBU 3306) tell sizes of 64 bits in a chunk ds64."""
_STREAMED = 0x7FFF0000
"""Sizes from here on are what programs write before they know better: sox 0x7FFFF000 or a little less, others 2^32 - 1."""
_WIDE = 0xFFFFFFFF
_MOST_CHUNKS = 1000
"""Before the samples; programs write half a dozen."""
_BITS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}
"""Bits of a sample by format tag: PCM, float, A-law, mu-law."""
_OTHERS = {2: "MS ADPCM", 0x11: "IMA ADPCM", 0x31: "GSM 6.10", 0x40: "G.721 ADPCM", 0x50: "MPEG", 0x55: "MP3"}
_EXTENSIBLE = 0xFFFE
_SUBFORMAT = bytes.fromhex("00000000 1000 8000 00aa00389b71")
"""Of the extensible format: what follows the tag in its identifier."""


@dataclass(frozen=True)
class Wave:
    """What a WAV file holds.

    Args:
        order: of bytes: `<` (RIFF) or `>` (RIFX).
        tag: of the coding: 1 PCM, 3 float, 6 A-law, 7 mu-law.
        channels: how many.
        rate: Hz.
        bits: of a sample.
        form: the format chunk.
        data: the samples, whole blocks of all channels.
    """

    order: str
    tag: int
    channels: int
    rate: int
    bits: int
    form: bytes
    data: bytes

    def rewritten(self) -> bytes:
        """A file of the format and the samples alone, with sizes that are right."""
        body = b"WAVE" + self._chunk(b"fmt ", self.form) + self._chunk(b"data", self.data)
        return self._chunk(b"RIFF" if self.order == "<" else b"RIFX", body)

    def _chunk(self, name: bytes, body: bytes) -> bytes:
        return name + struct.pack(f"{self.order}I", len(body)) + body + bytes(len(body) % 2)


def read_wave(stream: InputStream) -> Wave:
    """A WAV file from a stream at its first byte; the stream is left behind it, as far as its sizes tell.

    Raises:
        InputError: no such file, a truncated one, or samples of a coding that is not read.
    """
    start, head = stream.tell(), stream.read(12)
    order = ">" if head[:4] == b"RIFX" else "<"
    if len(head) < 12 or head[8:] != b"WAVE":
        raise _unreadable(stream, f"it begins with {head!r}")
    size = struct.unpack_from(f"{order}I", head, 4)[0]
    end = start + 8 + size if 0 < size < _STREAMED else None
    form = wide = b""
    walked = 0
    while (chunk := _chunk_head(stream, order))[0] != b"data":
        walked += 1
        if walked > _MOST_CHUNKS:
            raise _unreadable(stream, f"more than {_MOST_CHUNKS} chunks and no samples")
        body = stream.read(min(chunk[1], stream.left()))
        if len(body) < chunk[1]:
            raise _unreadable(stream, "it ends before the samples")
        _skip_padding(stream, chunk[1])
        form = body if chunk[0] == b"fmt " else form
        wide = body if chunk[0] == b"ds64" else wide
    tag, channels, rate, block, bits = _coding(stream, form, order)
    told = struct.unpack_from("<Q", wide, 8)[0] if chunk[1] == _WIDE and len(wide) >= 16 else chunk[1]
    data = _samples(stream, told, block)
    if end is not None and 0 < chunk[1] < _STREAMED:
        _skip_padding(stream, chunk[1])
        _skip_rest(stream, end, order)
    return Wave(order, tag, channels, rate, bits, form, data)


def _unreadable(stream: InputStream, what: str) -> InputError:
    return InputError(f"no readable WAV: {what}", file=stream.name, expected="RIFF, format, samples", do=AGAIN)


def _chunk_head(stream: InputStream, order: str) -> tuple[bytes, int]:
    """Name and size of the next chunk."""
    head = stream.read(8)
    if len(head) < 8:
        raise _unreadable(stream, "it ends before the samples")
    if not _is_name(head[:4]):
        raise _unreadable(stream, f"{head[:4]!r} where a chunk should begin")
    return head[:4], struct.unpack_from(f"{order}I", head, 4)[0]


def _skip_padding(stream: InputStream, size: int) -> None:
    """The byte behind a chunk of odd size, which not all programs write."""
    if size % 2 and stream.peek(1) == b"\0":
        stream.read(1)


def _coding(stream: InputStream, form: bytes, order: str) -> tuple[int, int, int, int, int]:
    """Tag, channels, rate, bytes of a block, and bits of a sample, which must agree."""
    if len(form) < 16:
        raise _unreadable(stream, f"a format of {len(form)} bytes")
    tag, channels, rate, byte_rate, block, bits = struct.unpack_from(f"{order}HHIIHH", form)
    if tag == _EXTENSIBLE and form[26:40] == _SUBFORMAT:
        tag = struct.unpack_from(f"{order}H", form, 24)[0]
    if tag not in _BITS:
        raise InputError(
            f"coding {_OTHERS.get(tag, f'number {tag}')} is not read", file=stream.name,
            expected="PCM, float, A-law or mu-law", do="decode it: sox FILE -e signed-integer -b 16 -t wav - |",
        )  # fmt: skip
    if channels < 1 or rate < 1 or bits not in _BITS[tag] or block != channels * bits // 8:
        raise _unreadable(
            stream, f"{rate} Hz, {channels} channels of {bits} bits in blocks of {block} bytes, format {tag}"
        )
    if byte_rate != rate * block:
        raise _unreadable(stream, f"{rate} Hz in blocks of {block} bytes are not {byte_rate} bytes a second")
    return tag, channels, rate, block, bits


def _samples(stream: InputStream, size: int, block: int) -> bytes:
    """The samples, whole blocks of them."""
    data = stream.read(min(size, stream.left())) if size else stream.read_all()
    if len(data) < size < _STREAMED:
        what = f"truncated audio: {len(data) // block} of {size // block} samples"
        raise InputError(what, file=stream.name, do=AGAIN)
    if len(data) < block:
        raise InputError("no samples", file=stream.name, do=AGAIN)
    return data[: len(data) // block * block]


def _skip_rest(stream: InputStream, end: int, order: str) -> None:
    """Go on behind the chunks that follow the samples; `end` is where the file ends by its own account."""
    while (left := end - stream.tell()) >= 8:
        head = stream.peek(8)
        length = 8 + struct.unpack_from(f"{order}I", head, 4)[0] if len(head) == 8 else 0
        if not _is_name(head[:4]) or not 8 <= length <= left:
            break
        if head[:4] == b"data":
            warn(f"{stream.name}: samples in a second chunk are left out; write them into one (sox FILE COPY)")
        stream.read(min(length + length % 2, left))
    left = end - stream.tell()
    if left > 1 and any(head := stream.peek(4)) and not _is_name(head):
        raise _unreadable(stream, f"{head!r} behind the samples")
    if not -1 <= left <= 1:
        wrong = f"{abs(left)} bytes too {'large' if left > 0 else 'small'}"
        warn(f"{stream.name}: the size of the file in its header is {wrong}; read by the size of the samples")


def _is_name(word: bytes) -> bool:
    return all(32 <= byte < 127 for byte in word)
