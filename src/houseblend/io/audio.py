"""Audio files: WAV, FLAC and NIST SPHERE (mu-law included), any number of channels. The only importer of soundfile.

libsndfile believes headers, shortens truncated files without a word and never looks at FLAC's checksum; so the headers
are checked here against the bytes that are there, and the samples against the header.
"""

import hashlib
import struct
from io import BytesIO
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.streams import InputStream

INT16_SCALE = 32768.0
_LOUDEST = 1e30
_BLOCK = 1 << 18
_UNKNOWN = 0x7FFFFFF0
"""Sizes from here on, and 0, are what programs write into a pipe before they know better."""
_PER_SAMPLE = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}
"""Bits of a sample by format tag: PCM, float, A-law, mu-law."""
_PLAIN = struct.Struct("<4sI12sHHIIHH4sI")
"""Headers of RIFF, of the format (16 bytes) and of the samples, one behind the other."""
AGAIN = "copy it again, or remove it from wav.scp"


def read_audio(stream: InputStream) -> tuple[int, np.ndarray]:
    """Read one recording from a stream positioned at its start.

    Args:
        stream: the bytes; a WAV inside an archive ends where its header says, other formats at the stream's end.

    Returns:
        Rate in Hz, and samples on the scale of 16-bit integers (as Kaldi's): float32, shape [samples, channels].

    Raises:
        InputError: the recording is empty, truncated, or of another format.
    """
    data = _whole(stream)
    return _read_plain(data) or _read_by_libsndfile(data, stream.name)


def _read_plain(data: bytes) -> tuple[int, np.ndarray] | None:
    """What `read_audio` returns of the WAV file that nearly all are: 16 bits a sample, from byte 44 to the end."""
    if len(data) <= _PLAIN.size:
        return None
    riff, whole, form, tag, channels, rate, byte_rate, block, bits, name, size = _PLAIN.unpack_from(data)
    if (riff, form, tag, bits, name) != (b"RIFF", b"WAVEfmt \x10\0\0\0", 1, 16, b"data") or not 0 < channels <= 256:
        return None
    sizes = whole == len(data) - 8, size == len(data) - _PLAIN.size, block == 2 * channels, byte_rate == rate * block
    if not all(sizes) or size % block or rate == 0:
        return None
    samples = np.frombuffer(data, "<i2", offset=_PLAIN.size).astype(np.float32)
    return rate, samples.reshape(-1, channels)


def _read_by_libsndfile(data: bytes, name: str) -> tuple[int, np.ndarray]:
    """What `read_audio` returns of any file; `name` for errors."""
    import soundfile

    try:
        announced = _announced_samples(data)
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate, is_flac = file.samplerate, file.format == "FLAC"
            samples = _read_samples(file, "int32" if is_flac else "float32")
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError, KeyError, struct.error) as failure:
        raise InputError(
            f"no readable audio: {failure}", file=name, expected="WAV, FLAC or SPHERE", do="convert it with sox"
        ) from None
    if announced is not None and len(samples) != announced:
        raise InputError(f"truncated audio: {len(samples)} of {announced} samples", file=name, do=AGAIN)
    if len(samples) == 0 or rate < 1:
        raise InputError(f"{len(samples)} samples at {rate} Hz", file=name, do=AGAIN)
    if is_flac:
        _check_flac(data, samples, name)
        return rate, (samples.astype(np.float64) / (1 << 16)).astype(np.float32)
    if not (np.abs(samples) < _LOUDEST).all():
        raise InputError("samples that are not finite", file=name, do=AGAIN)
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


def _whole(stream: InputStream) -> bytes:
    """A RIFF file by its announced size, anything else to the end of the stream."""
    head = stream.read(12)
    if not head:
        raise InputError("the recording is empty", file=stream.name, do=AGAIN)
    if not head.startswith((b"RIFF", b"RIFX", b"fLaC", b"NIST_1A")):
        raise InputError(
            f"no readable audio: it begins with {head!r}", file=stream.name, expected="WAV, FLAC or SPHERE", do=AGAIN
        )
    if head[:4] == b"RIFF" and len(head) == 12:
        size = struct.unpack("<I", head[4:8])[0] - 4
        if 0 < size < _UNKNOWN:
            return head + stream.read(min(size, stream.left()))
    return head + stream.read_all()


def _read_samples(file: Any, dtype: str) -> np.ndarray:
    """All samples, [samples, channels], in blocks: the header is not believed before they are there."""
    blocks = [np.zeros((0, file.channels), dtype=dtype)]
    size = max(1, _BLOCK // file.channels)
    while len(block := file.read(size, dtype=dtype, always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks)


def _announced_samples(data: bytes) -> int | None:
    """Samples a channel that the header promises, None if it does not say; ValueError where it contradicts itself."""
    if data[:4] in (b"RIFF", b"RIFX"):
        return _wav_samples(data, "<" if data[:4] == b"RIFF" else ">")
    if data[:4] == b"fLaC":
        return (int.from_bytes(data[21:26], "big") & 0xFFFFFFFFF) or None
    fields = {words[0]: words[2] for line in data[:1024].split(b"\n") if len(words := line.split()) == 3}
    count, channels, width = (int(fields[key]) for key in (b"sample_count", b"channel_count", b"sample_n_bytes"))
    size = int(data[8:16]) + count * channels * width
    if fields.get(b"sample_coding", b"pcm") in (b"pcm", b"ulaw", b"alaw") and size != len(data):
        raise ValueError(f"{len(data)} bytes, the header says {size}")
    return count


def _wav_samples(data: bytes, order: str) -> int | None:
    """By the chunks of a RIFF file (Microsoft's WAVE format)."""
    place, block = 12, 0
    while place + 8 <= len(data):
        name, size = data[place : place + 4], struct.unpack_from(f"{order}I", data, place + 4)[0]
        if name == b"fmt ":
            tag, channels, rate, byte_rate, block, bits = struct.unpack_from(f"{order}HHIIHH", data, place + 8)
            if tag in _PER_SAMPLE and (bits not in _PER_SAMPLE[tag] or block != channels * bits // 8):
                raise ValueError(f"{channels} channels of {bits} bits in blocks of {block} bytes, format {tag}")
            if tag in _PER_SAMPLE and byte_rate != rate * block:
                raise ValueError(f"{rate} Hz in blocks of {block} bytes are not {byte_rate} bytes a second")
        if name == b"data":
            behind = data[place + 8 + size + size % 2 :][:4]
            if len(behind) == 4 and not behind.isalnum() and not behind.decode("ascii", "replace").isprintable():
                raise ValueError(f"{behind!r} behind {size} bytes of samples")
            return size // block if block and 0 < size < _UNKNOWN else None
        place += 8 + size + size % 2
    raise ValueError("no samples")


def _check_flac(data: bytes, samples: np.ndarray, name: str) -> None:
    """Whether the samples, 32 bits wide, are those whose MD5 the file carries (FLAC format, STREAMINFO)."""
    wanted, bits = data[26:42], 1 + ((data[20] & 1) << 4 | data[21] >> 4)
    if not any(wanted):
        return
    width = (bits + 7) // 8
    little = np.ascontiguousarray(samples >> (32 - bits), dtype="<i4").view(np.uint8).reshape(-1, 4)[:, :width]
    if hashlib.md5(little.tobytes(), usedforsecurity=False).digest() != wanted:
        raise InputError("the samples are not those of the file's checksum", file=name, do=AGAIN)
