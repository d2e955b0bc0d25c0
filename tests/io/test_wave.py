"""WAV as pipes, other programs and archives carry it: sizes that say nothing, further chunks, other codings."""

import io
import shutil
import struct
import subprocess

import numpy as np
import pytest
import soundfile

from houseblend.base.errors import InputError
from houseblend.io.streams import in_memory
from houseblend.io.tables import read_object, read_table
from houseblend.io.wave import read_wave

RATE = 8000
NEVER = 0xFFFFFFFF
SOX = 0x7FFFF000
INFO = b"INFOISFT" + struct.pack("<I", 14) + b"Lavf58.29.100\0"
SUBFORMAT = b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71"


def chunk(name: bytes, data: bytes, size: int | None = None, pad: bool = True) -> bytes:
    """A chunk, perhaps of another size than it says."""
    return name + struct.pack("<I", len(data) if size is None else size) + data + bytes(pad and len(data) % 2)


def riff(*chunks: bytes, size: int | None = None) -> bytes:
    """A file of chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if size is None else size) + body


def form(channels: int, tag: int = 1, bits: int = 16, more: bytes = b"") -> bytes:
    """A format chunk."""
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits) + more)


def extensible(channels: int, tag: int, bits: int = 16) -> bytes:
    """A format chunk of the extensible form."""
    return form(channels, 0xFFFE, bits, struct.pack("<HHIH", 22, bits, 3, tag) + SUBFORMAT)


def files(channels: int, pcm: bytes) -> dict[str, bytes]:
    """Files of the same samples, as programs write them."""
    plain = form(channels)
    block = 2 * channels
    return {
        "plain": riff(plain, chunk(b"data", pcm)),
        "both 0": riff(plain, chunk(b"data", pcm, 0), size=0),
        "never mended": riff(plain, chunk(b"data", pcm, 0), size=36),
        "samples 0": riff(plain, chunk(b"data", pcm, 0)),
        "file 0": riff(plain, chunk(b"data", pcm), size=0),
        "both -1": riff(plain, chunk(b"LIST", INFO), chunk(b"data", pcm, NEVER), size=NEVER),
        "samples -1": riff(plain, chunk(b"data", pcm, NEVER)),
        "sox": riff(plain, chunk(b"data", pcm, SOX), size=SOX + 36),
        "sox, whole blocks": riff(plain, chunk(b"data", pcm, SOX // block * block), size=SOX + 36),
        "2^31 - 1": riff(plain, chunk(b"data", pcm, 0x7FFFFFFF), size=0x7FFFFFFF),
        "extensible": riff(extensible(channels, 1), chunk(b"data", pcm, NEVER), size=NEVER),
        "format of 18 bytes, fact": riff(form(channels, more=b"\0\0"), chunk(b"fact", bytes(4)), chunk(b"data", pcm)),
        "chunks before": riff(chunk(b"JUNK", bytes(28)), plain, chunk(b"bext", bytes(603)), chunk(b"data", pcm)),
        "odd, not padded": riff(plain, chunk(b"LIST", b"INFOICMT\x03\0\0\0abc", pad=False), chunk(b"data", pcm)),
        "chunks behind": riff(plain, chunk(b"data", pcm), chunk(b"LIST", INFO), chunk(b"id3 ", bytes(20))),
        "zeros behind": riff(plain, chunk(b"data", pcm)) + bytes(513),
        "half a sample behind": riff(plain, chunk(b"data", pcm, NEVER), size=NEVER) + b"\1",
    }


NAMES = [name for name in files(1, b"") if name != "plain"]


@pytest.fixture
def samples():
    """Fresh noise, [600, 2]."""
    return np.random.default_rng().integers(-9000, 9000, (600, 2)).astype("<i2")


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("name", ["plain", *NAMES])
def test_all_samples_are_read_from_a_file_and_from_a_pipe(name, channels, samples, tmp_path, capsys):
    wanted = samples[:, :channels]
    (tmp_path / "a.wav").write_bytes(files(channels, wanted.tobytes())[name])
    for source in (f"{tmp_path}/a.wav", f"cat {tmp_path}/a.wav |"):
        rate, found = read_object(source, "wav")
        assert rate == RATE
        np.testing.assert_array_equal(found, wanted)
    assert not capsys.readouterr().err


@pytest.mark.parametrize(("error", "said"), [(8, "8 bytes too large"), (-1200, "1200 bytes too small")])
def test_a_size_of_the_whole_file_that_does_not_fit_is_a_warning(error, said, samples, tmp_path, capsys):
    wanted = samples[:, :1]
    data = riff(form(1), chunk(b"data", wanted.tobytes()), size=36 + 1200 + error)
    (tmp_path / "a.wav").write_bytes(data)
    np.testing.assert_array_equal(read_object(f"{tmp_path}/a.wav", "wav")[1], wanted)
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("name", ["file 0", "chunks behind", "too large", "too small", "odd, not padded"])
def test_recordings_in_an_archive_end_where_their_samples_end(name, samples, tmp_path):
    parts = [samples[:, :1], samples[100:300], samples[7:8, :1]]
    kinds = [files(part.shape[1], part.tobytes()) for part in parts]
    for kind, part in zip(kinds, parts, strict=True):
        wav = riff(form(part.shape[1]), chunk(b"data", part.tobytes()))
        kind["too large"] = wav[:4] + struct.pack("<I", len(wav)) + wav[8:]
        kind["too small"] = wav[:4] + struct.pack("<I", 36) + wav[8:]
    archive = b"".join(f"utt{n} ".encode() + kind[name] for n, kind in enumerate(kinds))
    (tmp_path / "w.ark").write_bytes(archive)
    found = dict(read_table(f"ark:{tmp_path}/w.ark", "wav"))
    assert list(found) == ["utt0", "utt1", "utt2"]
    for part, (_, array) in zip(parts, found.values(), strict=True):
        np.testing.assert_array_equal(array, part)


@pytest.mark.parametrize("tag", [(1, 8), (1, 24), (1, 32), (3, 32), (3, 64), (6, 8), (7, 8)], ids=str)
@pytest.mark.parametrize("size", [None, NEVER])
@pytest.mark.parametrize("head", [form, extensible])
def test_other_codings_are_read_to_the_end_too(tag, size, head, samples, tmp_path):
    subtype = {(1, 8): "PCM_U8", (1, 24): "PCM_24", (1, 32): "PCM_32", (3, 32): "FLOAT", (3, 64): "DOUBLE",
               (6, 8): "ALAW", (7, 8): "ULAW"}[tag]  # fmt: skip
    buffer = io.BytesIO()
    soundfile.write(buffer, samples / 32768, RATE, format="WAV", subtype=subtype)
    data = read_wave(in_memory(buffer.getvalue())).data
    (tmp_path / "a.wav").write_bytes(riff(head(2, *tag), chunk(b"data", data, size), size=size))
    found = read_object(f"{tmp_path}/a.wav", "wav")[1]
    buffer.seek(0)
    np.testing.assert_array_equal(found, soundfile.read(buffer, dtype="float32", always_2d=True)[0] * 32768)
    assert np.abs(found - samples).max() <= (0 if tag[1] > 8 else 512)


def test_samples_in_a_second_chunk_are_left_out_with_a_warning(samples, tmp_path, capsys):
    pcm = samples.tobytes()
    (tmp_path / "a.wav").write_bytes(riff(form(2), chunk(b"data", pcm[:1200]), chunk(b"data", pcm[1200:])))
    assert read_object(f"{tmp_path}/a.wav", "wav")[1].tolist() == samples[:300].tolist()
    assert "a.wav: samples in a second chunk are left out" in capsys.readouterr().err


@pytest.mark.parametrize("name", [b"RF64", b"BW64"])
@pytest.mark.parametrize("behind", [b"", chunk(b"LIST", INFO)])
def test_sizes_of_64_bits(name, behind, samples, tmp_path):
    pcm = samples.tobytes()
    wide = chunk(b"ds64", struct.pack("<QQQI", 0, len(pcm), len(samples), 0))
    data = name + riff(wide, form(2), chunk(b"data", pcm, NEVER), behind, size=NEVER)[4:]
    (tmp_path / "a.wav").write_bytes(data)
    for place in (f"{tmp_path}/a.wav", f"cat {tmp_path}/a.wav |"):
        rate, found = read_object(place, "wav")
        assert (rate, found.tolist()) == (RATE, samples.tolist())
    (tmp_path / "a.wav").write_bytes(data[: -len(behind) - 8])
    with pytest.raises(InputError, match="truncated audio: 598 of 600 samples"):
        read_object(f"{tmp_path}/a.wav", "wav")


def test_bytes_in_the_other_order(samples):
    data = (
        b"RIFX" + struct.pack(">I", 36 + 2400) + b"WAVEfmt " + struct.pack(">IHHIIHH", 16, 1, 2, RATE, 4 * RATE, 4, 16)
    )
    found = read_wave(in_memory(data + b"data" + struct.pack(">I", 2400) + samples.astype(">i2").tobytes()))
    np.testing.assert_array_equal(np.frombuffer(found.data, f"{found.order}i2").reshape(-1, 2), samples)


@pytest.mark.parametrize(
    ("subtype", "name"), [("MS_ADPCM", "MS ADPCM"), ("IMA_ADPCM", "IMA ADPCM"), ("GSM610", "GSM 6.10")]
)
def test_a_coding_that_is_not_read_is_named(subtype, name, samples, tmp_path):
    soundfile.write(tmp_path / "a.wav", samples[:, 0], RATE, subtype=subtype)
    with pytest.raises(InputError, match=rf"a\.wav: coding {name} is not read; expected PCM, .*; decode it: sox FILE"):
        read_object(f"{tmp_path}/a.wav", "wav")


@pytest.mark.parametrize("cut", [1, 2, 700])
def test_a_size_that_can_be_right_is_believed(cut, samples, tmp_path):
    data = riff(form(1), chunk(b"data", samples[:, 0].tobytes()))
    (tmp_path / "a.wav").write_bytes(data[:-cut])
    with pytest.raises(InputError, match=rf"truncated audio: {(1200 - cut) // 2} of 600 samples"):
        read_object(f"{tmp_path}/a.wav", "wav")
    smaller = riff(form(1), chunk(b"data", b"\1\2\3\4" * 300, 1200 - 2 * 100))
    (tmp_path / "a.wav").write_bytes(smaller)
    with pytest.raises(InputError, match="behind the samples"):
        read_object(f"{tmp_path}/a.wav", "wav")


@pytest.mark.skipif(shutil.which("sox") is None, reason="sox is not installed")
@pytest.mark.parametrize("words", ["-b 16", "-b 24", "-e mu-law", "-e floating-point -b 32", "-c 2"])
def test_what_sox_writes_into_a_pipe(words, samples, tmp_path):
    soundfile.write(tmp_path / "a.wav", samples[:, :1], RATE, subtype="PCM_16")
    kept = f"sox -V1 -D {tmp_path}/a.wav {words} {tmp_path}/b.wav"
    subprocess.run(kept.split(), check=True)
    piped = read_object(f"sox -V1 -D {tmp_path}/a.wav {words} -t wav - speed 1.0 |", "wav")
    whole = read_object(f"{tmp_path}/b.wav", "wav")
    assert piped[0] == whole[0]
    np.testing.assert_array_equal(piped[1], whole[1])


@pytest.mark.parametrize(
    ("piece", "said"),
    [
        (b"\0" * 8, r"b'\\x00\\x00\\x00\\x00' where a chunk should begin"),
        (b"LIST\0\0\0\0", "more than 1000 chunks and no samples"),
    ],
)
def test_a_header_without_end_is_refused(piece, said):
    endless = in_memory(riff(form(1)) + piece * 5000, "a.wav")
    with pytest.raises(InputError, match=f"a.wav: no readable WAV: {said}"):
        read_wave(endless)
    assert endless.tell() < 20_000


def test_many_chunks_before_the_samples_are_read():
    data = np.arange(-5, 5).astype("<i2").tobytes()
    assert read_wave(in_memory(riff(form(1), *[chunk(b"junk", b"abc")] * 900, chunk(b"data", data)))).data == data
