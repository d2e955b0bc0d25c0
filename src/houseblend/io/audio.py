"""Audio files: WAV, FLAC and NIST SPHERE (mu-law included), any number of channels. The only importer of soundfile."""

import struct
from io import BytesIO
from typing import Protocol

import numpy as np

from houseblend.base.errors import InputError

INT16_SCALE = 32768.0


class ByteSource(Protocol):
    """What `read_audio` needs of a stream."""

    name: str

    def read(self, size: int) -> bytes:
        """At most `size` bytes."""
        ...


def read_audio(stream: ByteSource) -> tuple[int, np.ndarray]:
    """Read one recording from a stream positioned at its start.

    Args:
        stream: the bytes; a WAV inside an archive ends where its header says, other formats at the stream's end.

    Returns:
        Rate in Hz, and samples on the scale of 16-bit integers (as Kaldi's): float32, shape [samples, channels].

    Raises:
        InputError: the recording is empty, truncated, or of another format.
    """
    import soundfile

    data = _whole(stream)
    if not data:
        raise InputError("the recording is empty", file=stream.name, do="remove it from wav.scp or make it again")
    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate, announced = file.samplerate, _announced_samples(data, file.channels) or file.frames
            samples = file.read(dtype="float32", always_2d=True)
    except (soundfile.LibsndfileError, RuntimeError, TypeError) as failure:
        raise InputError(
            f"no readable audio: {failure}", file=stream.name, expected="WAV, FLAC or SPHERE", do="convert it with sox"
        ) from None
    if len(samples) < announced:
        raise InputError(
            f"truncated audio: {len(samples)} of {announced} samples", file=stream.name, do="copy it again"
        )
    if len(samples) == 0:
        raise InputError("the recording has no samples", file=stream.name, do="remove it from wav.scp")
    return rate, samples * np.float32(INT16_SCALE)


def encode_wav(rate: int, samples_NC: np.ndarray) -> bytes:
    """A 16-bit PCM WAV file of samples on the int16 scale, shape [samples, channels] or [samples].

    Values are rounded and clipped.
    """
    import soundfile

    clipped = np.clip(np.rint(samples_NC), -32768, 32767).astype(np.int16)
    buffer = BytesIO()
    soundfile.write(buffer, clipped, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _whole(stream: ByteSource) -> bytes:
    """A RIFF file by its announced size, anything else to the end of the stream."""
    head = stream.read(12)
    if head[:4] == b"RIFF" and len(head) == 12:
        size = struct.unpack("<I", head[4:8])[0] - 4
        if 0 < size < 0x7FFFFFF0:
            return head + stream.read(size)
    parts = [head]
    while part := stream.read(1 << 24):
        parts.append(part)
    return b"".join(parts)


def _announced_samples(data: bytes, channels: int) -> int | None:
    """Samples a channel that the header promises: libsndfile itself shortens truncated files without a word."""
    if data[:4] == b"RIFF":
        place = 12
        block = 0
        while place + 8 <= len(data):
            name, size = data[place : place + 4], struct.unpack("<I", data[place + 4 : place + 8])[0]
            if name == b"fmt " and place + 22 <= len(data):
                block = struct.unpack("<H", data[place + 20 : place + 22])[0]
            if name == b"data":
                return size // block if block and size < 0x7FFFFFF0 else None
            place += 8 + size + size % 2
    if data[:7] == b"NIST_1A":
        for line in data[:4096].split(b"\n"):
            words = line.split()
            if len(words) == 3 and words[0] == b"sample_count":
                return int(words[2])
    return None
