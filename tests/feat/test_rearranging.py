"""Columns, frames, transforms, sliding windows, HTK files: against plain loops, and their errors."""

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.feat.cmvn import sliding_cmvn
from houseblend.feat.options import SlidingOptions
from houseblend.feat.rearrange import parse_columns, paste, select_columns, subsample, transform_frames
from houseblend.feat.split_radix import split_radix_power
from houseblend.io.htk import encode_htk
from houseblend.io.tables import read_object, read_table, write_table


def features(frames: int, dim: int) -> np.ndarray:
    return np.random.default_rng().normal(size=(frames, dim)).astype(np.float32)


def test_columns_are_parsed_and_must_exist():
    assert parse_columns("0,5-3,1-2") == [0, 5, 4, 3, 1, 2]
    for text in ("", "1,", "a", "1-b", "-1"):
        with pytest.raises(InputError, match="columns"):
            parse_columns(text)
    with pytest.raises(InputError, match="column 4 of features of dimension 4"):
        select_columns(features(3, 4), [0, 4])


def test_every_nth_frame_and_none_left():
    feats = features(7, 2)
    np.testing.assert_array_equal(subsample(feats, 3, 1), feats[[1, 4]])
    np.testing.assert_array_equal(subsample(feats, -2, 0)[::2], feats)
    with pytest.raises(InputError, match="7 frames"):
        subsample(feats, 1, 7)


def test_pasting_cuts_to_the_shortest_within_the_tolerance():
    parts = [features(7, 2), features(6, 3)]
    assert paste(parts, 1).shape == (6, 5)
    with pytest.raises(InputError, match="7, 6"):
        paste(parts)
    with pytest.raises(InputError, match="1, 0"):
        paste([features(1, 2), features(0, 2)], 3)


def test_transforms_of_another_dimension_are_refused():
    with pytest.raises(InputError, match=r"6 columns; expected 4 or 5"):
        transform_frames(features(3, 4), features(2, 6))


@pytest.mark.parametrize("center", [True, False])
@pytest.mark.parametrize(("window", "least"), [(1, 1), (5, 3), (4, 2), (50, 20)])
def test_sliding_windows_against_a_loop(window, least, center):
    feats = features(23, 3)
    found = sliding_cmvn(feats, SlidingOptions(window, least, center, norm_vars=True))
    for t in range(len(feats)):
        start = t - window // 2 if center else t - window
        start, end = max(start, 0), max(start, 0) + window if center else max(t + 1, least)
        start, end = max(0, start - max(0, end - len(feats))), min(end, len(feats))
        part = feats[start:end].astype(np.float64)
        wanted = (feats[t] - part.mean(axis=0)) / np.maximum(part.std(axis=0), 1e-5) if len(part) > 1 else np.zeros(3)
        np.testing.assert_allclose(found[t], wanted, atol=1e-5)


@pytest.mark.parametrize("size", [4, 8, 16, 64, 512])
def test_the_split_radix_transform_is_a_fourier_transform(size):
    frames = features(300, size)
    wanted = np.abs(np.fft.rfft(frames.astype(np.float64), axis=1)) ** 2
    np.testing.assert_allclose(split_radix_power(frames), wanted, atol=1e-5 * wanted.max())


def test_htk_files_there_and_back(tmp_path, run_program):
    feats = {"a": features(5, 3), "b": features(2, 3)}
    with write_table(f"ark:{tmp_path}/feats.ark", "matrix") as write:
        for key, value in feats.items():
            write(key, value)
    run_program("copy-feats-to-htk", "--output-dir=htk", "--sample-kind=6", "ark:feats.ark", cwd=tmp_path, check=True)
    (tmp_path / "htk.scp").write_text("a htk/a.fea\nb htk/b.fea\n")
    run_program("copy-feats", "--htk-in=true", "scp:htk.scp", "ark:back.ark", cwd=tmp_path, check=True)
    assert (tmp_path / "back.ark").read_bytes() == (tmp_path / "feats.ark").read_bytes()
    with write_table(f"ark:{tmp_path}/htk.ark", "htk") as write:
        write("a", feats["a"])
    ((_, found),) = read_table(f"ark:{tmp_path}/htk.ark", "htk")
    np.testing.assert_array_equal(found, feats["a"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda data: data[:7], "7 bytes"),
        (lambda data: data[:-1], "truncated"),
        (lambda data: data[:10] + b"\4\6" + data[12:], "compressed"),
        (lambda data: data[:10] + b"\0\0" + data[12:], "waveform"),
        (lambda data: b"\xff" + data[1:], "-16777211 frames"),
        (lambda data: data[:8] + b"\0\3" + data[10:], "3 bytes"),
    ],
)
def test_broken_htk_files_are_named(tmp_path, change, message):
    (tmp_path / "a.htk").write_bytes(change(encode_htk(features(5, 3))))
    with pytest.raises(InputError, match=rf"a\.htk.*{message}|{message}"):
        read_object(f"{tmp_path}/a.htk", "htk")
