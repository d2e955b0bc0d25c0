"""Audio files: WAV, FLAC and NIST SPHERE (mu-law included), any number of channels. The only importer of soundfile.

libsndfile believes headers, shortens truncated files without a word and never looks at FLAC's checksum; so it decodes
samples here, and headers are read and checked against the bytes that are there by `wave` and `sphere`.
"""

import hashlib
from io import BytesIO
from typing import Any

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.sphere import decode_samples, parse_sphere_header
from houseblend.io.streams import InputStream
from houseblend.io.wave import AGAIN, RIFF, read_wave

INT16_SCALE = 32768.0
_LOUDEST = 1e30
_OTHERS = {
    b"FORM": "AIFF", b".snd": "AU", b"caff": "CAF", b"riff": "Wave64", b"Creative": "VOC", b"OggS": "Ogg", b"ID3": "MP3",
    b"\xff\xfb": "MP3", b"\xff\xf3": "MP3", b"\xff\xf1": "AAC", b"ftyp": "MP4", b"\x1a\x45\xdf\xa3": "Matroska or WebM",
    b"0&\xb2u": "WMA", b"#!AMR": "AMR", b"ajkg": "shorten",
}  # fmt: skip
"""Forms of audio that are not read, by how they begin (MP4 behind four bytes)."""
_BLOCK = 1 << 18


def read_audio(stream: InputStream) -> tuple[int, np.ndarray]:
    """Read one recording from a stream positioned at its start.

    Args:
        stream: the bytes; a WAV inside an archive ends where its header says, other formats at the stream's end.

    Returns:
        Rate in Hz, and samples on the scale of 16-bit integers (as Kaldi's): float32, shape [samples, channels].

    Raises:
        InputError: the recording is empty, truncated, or of another format.
    """
    head = stream.peek(7)
    if not head:
        raise InputError("the recording is empty", file=stream.name, do=AGAIN)
    if head.startswith(RIFF):
        return _read_wav(stream)
    if head.startswith(b"fLaC"):
        return _read_flac(stream)
    if head == b"NIST_1A":
        return _read_sphere(stream)
    raise _other(stream.peek(12), stream.name)


def _other(head: bytes, name: str) -> InputError:
    """What a file is that is no audio of ours, as far as its first bytes tell."""
    found, do = f"it begins with {head!r}", AGAIN
    if head.startswith(b"version http"):
        found, do = "a pointer of git-lfs", "fetch the file: git lfs pull"
    elif known := [form for start, form in _OTHERS.items() if head.startswith(start) or head[4:].startswith(start)]:
        found, do = known[0], "decode it in wav.scp: sox FILE -t wav - |, or ffmpeg -i FILE -f wav - |"
    return InputError(f"no readable audio: {found}", file=name, expected="WAV, FLAC or SPHERE", do=do)


def _read_wav(stream: InputStream) -> tuple[int, np.ndarray]:
    wave = read_wave(stream)
    if (wave.tag, wave.bits) != (1, 16):
        return _scaled(*_decode(wave.rewritten(), "float32", stream.name), stream.name)
    samples = np.frombuffer(wave.data, f"{wave.order}i2").astype(np.float32)
    return wave.rate, samples.reshape(-1, wave.channels)


def _read_flac(stream: InputStream) -> tuple[int, np.ndarray]:
    data = stream.read_all()
    rate, samples = _decode(data, "int32", stream.name)
    announced = int.from_bytes(data[21:26], "big") & 0xFFFFFFFFF
    if announced and len(samples) != announced:
        raise InputError(f"truncated audio: {len(samples)} of {announced} samples", file=stream.name, do=AGAIN)
    _check_flac(data, samples, stream.name)
    return rate, (samples.astype(np.float64) / (1 << 16)).astype(np.float32)


def _read_sphere(stream: InputStream) -> tuple[int, np.ndarray]:
    data = stream.read_all()
    header = parse_sphere_header(data, len(data), stream.name)
    body = header.samples_in(data[header.start :], stream.name)
    if header.is_plain:
        samples = np.array(decode_samples(header, body), dtype=np.float32)
        return header.rate, samples.reshape(-1, header.channels)
    whole = data[: header.start] + body
    return _scaled(*_decode(whole, "float32", stream.name), stream.name)


def _scaled(rate: int, samples: np.ndarray, name: str) -> tuple[int, np.ndarray]:
    if not (np.abs(samples) < _LOUDEST).all():
        raise InputError("samples that are not finite", file=name, do=AGAIN)
    return rate, samples * np.float32(INT16_SCALE)


def _decode(data: bytes, dtype: str, name: str) -> tuple[int, np.ndarray]:
    """Rate and samples by libsndfile, [samples, channels]; `name` for errors."""
    import soundfile

    try:
        with soundfile.SoundFile(BytesIO(data)) as file:
            rate, samples = file.samplerate, _read_samples(file, dtype)
    except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as failure:
        what = failure.error_string if isinstance(failure, soundfile.LibsndfileError) else failure
        raise InputError(
            f"no readable audio: {what}", file=name, expected="WAV, FLAC or SPHERE", do="convert it with sox"
        ) from None
    if len(samples) == 0 or rate < 1:
        raise InputError(f"{len(samples)} samples at {rate} Hz", file=name, do=AGAIN)
    return rate, samples


def encode_wav(rate: int, samples_NC: np.ndarray) -> bytes:
    """A 16-bit PCM WAV file of samples on the int16 scale, shape [samples, channels] or [samples].

    Values are rounded and clipped.
    """
    import soundfile

    clipped = np.clip(np.rint(samples_NC), -32768, 32767).astype(np.int16)
    buffer = BytesIO()
    soundfile.write(buffer, clipped, rate, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def _read_samples(file: Any, dtype: str) -> np.ndarray:
    """All samples, [samples, channels], in blocks: the header is not believed before they are there."""
    blocks = [np.zeros((0, file.channels), dtype=dtype)]
    size = max(1, _BLOCK // file.channels)
    while len(block := file.read(size, dtype=dtype, always_2d=True)):
        blocks.append(block)
    return np.concatenate(blocks)


def _check_flac(data: bytes, samples: np.ndarray, name: str) -> None:
    """Whether the samples, 32 bits wide, are those whose MD5 the file carries (FLAC format, STREAMINFO)."""
    wanted, bits = data[26:42], 1 + ((data[20] & 1) << 4 | data[21] >> 4)
    if not any(wanted):
        return
    width = (bits + 7) // 8
    little = np.ascontiguousarray(samples >> (32 - bits), dtype="<i4").view(np.uint8).reshape(-1, 4)[:, :width]
    if hashlib.md5(little.tobytes(), usedforsecurity=False).digest() != wanted:
        raise InputError("the samples are not those of the file's checksum", file=name, do=AGAIN)
