"""SPHERE recordings: sph2pipe and a direct read give the same samples, or the same words."""

import io
import struct

import numpy as np
import pytest
import soundfile

from houseblend.base.errors import InputError
from houseblend.io.sphere import sphere_to_wav
from houseblend.io.streams import in_memory
from houseblend.io.tables import read_object
from houseblend.io.wave import read_wave

COUNT = 500


def sphere(body: bytes, start: int = 1024, **changes: object) -> bytes:
    """A file of two channels at 8 kHz, 16 bits unless `changes` (None: the field is missing) say otherwise."""
    fields = {"sample_count": COUNT, "sample_n_bytes": 2, "channel_count": 2, "sample_byte_format": "01",
              "sample_rate": 8000, "sample_coding": "pcm", **changes}  # fmt: skip
    lines = [f"{key} -i {value}" for key, value in fields.items() if value is not None]
    head = "\n".join(["NIST_1A", f"{start:7d}", *lines, "end_head", ""]).encode()
    return head.ljust(start) + body


@pytest.fixture
def samples():
    """Fresh noise, [COUNT, 2]."""
    return np.random.default_rng().integers(-9000, 9000, (COUNT, 2)).astype("<i2")


def both(data: bytes, folder) -> list[np.ndarray]:
    """What a direct read gives, and what the channels of sph2pipe give; [samples, 2] each."""
    path = folder / "a.sph"
    path.write_bytes(data)
    sides = [np.frombuffer(read_wave(in_memory(sphere_to_wav(path, side))).data, "<i2") for side in (1, 2)]
    return [read_object(str(path), "wav")[1], np.stack(sides, axis=1)]


@pytest.mark.parametrize(
    ("order", "behind", "start"), [("01", 0, 1024), ("10", 0, 1024), ("01", 100, 1024), ("01", 4, 2048)]
)
def test_the_samples_that_the_header_counts(order, behind, start, samples, tmp_path, capsys):
    body = samples.astype("<i2" if order == "01" else ">i2").tobytes() + b"\7" * behind
    for found in both(sphere(body, start, sample_byte_format=order), tmp_path):
        np.testing.assert_array_equal(found, samples)
    assert capsys.readouterr().err.count(f"{behind} bytes behind the last sample are left out") == (3 if behind else 0)


def test_mu_law(samples, tmp_path):
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, 8000, format="WAV", subtype="ULAW")
    coded = read_wave(in_memory(buffer.getvalue())).data
    data = sphere(coded + bytes(50), sample_coding="ulaw", sample_n_bytes=1, sample_byte_format="1")
    direct, piped = both(data, tmp_path)
    np.testing.assert_array_equal(direct, piped)
    assert np.abs(direct - samples).max() <= 256


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"sample_coding": "pcm,embedded-shorten-v2.00"}, r"coding pcm,embedded-shorten-v2.00 is not read; .* of LDC"),
        ({"sample_coding": "ulaw,embedded-shorten-v2.00", "sample_n_bytes": 1}, "not with the one here.*sox cannot"),
        ({"sample_coding": "wavpack"}, "coding wavpack is not read"),
        ({"sample_count": None}, "broken SPHERE header: sample_count is missing; "),
        ({"sample_rate": None}, "broken SPHERE header: sample_rate is missing; "),
        ({"channel_count": "two"}, "broken SPHERE header: channel_count is two; "),
        ({"sample_count": 0}, "broken SPHERE header: sample_count is 0; "),
        ({"sample_count": 2 * COUNT}, "3024 bytes, the header says 5024; "),
    ],
)
def test_what_cannot_be_read_is_said_in_the_same_words(changes, words, samples, tmp_path):
    path = tmp_path / "a.sph"
    path.write_bytes(sphere(samples.tobytes(), **changes))
    for read in (lambda: read_object(str(path), "wav"), lambda: sphere_to_wav(path, 1)):
        with pytest.raises(InputError, match=words) as caught:
            read()
        assert str(caught.value).startswith(f"{path}: ")
        assert "BytesIO" not in str(caught.value)
        assert "b'" not in str(caught.value)


def test_a_coding_that_sph2pipe_leaves_to_the_reader(samples, tmp_path):
    path = tmp_path / "a.sph"
    soundfile.write(path, samples, 8000, format="NIST", subtype="PCM_24")
    np.testing.assert_array_equal(read_object(str(path), "wav")[1], samples)
    with pytest.raises(InputError, match="it is read directly"):
        sphere_to_wav(path, 1)


def test_a_header_of_an_impossible_size(tmp_path):
    (tmp_path / "a.sph").write_bytes(b"NIST_1A\n" + struct.pack("8s", b"9999999\n") + bytes(3000))
    with pytest.raises(InputError, match="a header of '9999999' bytes"):
        read_object(f"{tmp_path}/a.sph", "wav")
