"""Recordings: WAV, FLAC, SPHERE; any channel; broken ones."""

import io

import numpy as np
import pytest
import soundfile

from houseblend.base.errors import InputError
from houseblend.io.tables import read_object, read_table, write_table

RATE = 8000
FORMS = [
    ("wav", "WAV", "PCM_16", 0), ("wav", "WAV", "PCM_24", 0), ("wav", "WAV", "FLOAT", 0), ("wav", "WAV", "ULAW", 700),
    ("wav", "WAVEX", "PCM_16", 0), ("flac", "FLAC", "PCM_16", 0), ("sph", "NIST", "PCM_16", 0),
    ("sph", "NIST", "ULAW", 700), ("sph", "NIST", "ALAW", 700),
]  # fmt: skip


@pytest.fixture
def samples():
    """Half a second of noise on the int16 scale, shape [4000, 2]."""
    return np.random.default_rng().integers(-9000, 9000, (4000, 2)).astype(np.int16)


@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize(("suffix", "form", "subtype", "error"), FORMS)
def test_forms_of_audio(suffix, form, subtype, error, channels, samples, tmp_path):
    path = tmp_path / f"a.{suffix}"
    written = samples[:, :channels] / np.float32(32768) if subtype == "FLOAT" else samples[:, :channels]
    soundfile.write(path, written, RATE, format=form, subtype=subtype)
    for source in (str(path), f"cat {path} |"):
        rate, found = read_object(source, "wav")
        assert (rate, found.shape, found.dtype) == (RATE, (4000, channels), np.float32)
        assert np.abs(found - samples[:, :channels]).max() <= error


def test_archive_of_recordings(samples, tmp_path):
    entries = {"a": samples, "b": samples[:100, :1], "c": samples[::-1]}
    with write_table(f"ark,scp:{tmp_path}/w.ark,{tmp_path}/w.scp", "wav") as write:
        for key, value in entries.items():
            write(key, (RATE, value))
    for source in (f"ark:{tmp_path}/w.ark", f"scp:{tmp_path}/w.scp"):
        found = dict(read_table(source, "wav"))
        assert list(found) == list(entries)
        for key, value in entries.items():
            np.testing.assert_array_equal(found[key][1], value)


def _encoded(form, samples):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, RATE, format=form, subtype="PCM_16")
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["WAV", "FLAC", "NIST"])
def test_truncated_and_empty_audio_is_refused(form, samples, tmp_path):
    data = _encoded(form, samples)
    for size in (0, 3, 11, 30, 100, len(data) // 2, len(data) - 2):
        (tmp_path / "a.wav").write_bytes(data[:size])
        with pytest.raises(InputError, match=r"a\.wav"):
            read_object(f"{tmp_path}/a.wav", "wav")
    (tmp_path / "a.wav").write_bytes(_encoded(form, samples[:0]))
    with pytest.raises(InputError, match=r"a\.wav"):
        read_object(f"{tmp_path}/a.wav", "wav")


def test_what_is_no_audio(tmp_path):
    for data in (b"hello, this is text, and rather long for a header", bytes(5000), b"RIFF" + bytes(100)):
        (tmp_path / "a.wav").write_bytes(data)
        with pytest.raises(InputError, match=r"a\.wav"):
            read_object(f"{tmp_path}/a.wav", "wav")


@pytest.mark.parametrize(
    ("suffix", "name"),
    [("aiff", "AIFF"), ("au", "AU"), ("caf", "CAF"), ("ogg", "Ogg"), ("w64", "Wave64"), ("voc", "VOC")],
)
def test_other_forms_are_named_with_advice(suffix, name, samples, tmp_path):
    import soundfile

    soundfile.write(tmp_path / f"a.{suffix}", np.zeros(800, np.int16), 8000)
    with pytest.raises(InputError, match=rf"a\.{suffix}: no readable audio: {name}; .*sox FILE -t wav - \|"):
        read_object(f"{tmp_path}/a.{suffix}", "wav")


def test_what_is_no_audio_of_ours_is_named_by_its_first_bytes(tmp_path):
    heads = {
        b"ID3\4" + bytes(40): "MP3; .*ffmpeg",
        b"\xff\xfb\x90" + bytes(40): "MP3; .*ffmpeg",
        b"\0\0\0\x20ftypM4A " + bytes(40): "MP4; .*ffmpeg",
        b"version https://git-lfs.github.com/spec/v1\n": "a pointer of git-lfs; .*git lfs pull",
    }
    for data, expected in heads.items():
        (tmp_path / "a.wav").write_bytes(data)
        with pytest.raises(InputError, match=rf"a\.wav: no readable audio: {expected}"):
            read_object(f"{tmp_path}/a.wav", "wav")
