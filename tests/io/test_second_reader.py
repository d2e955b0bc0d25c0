"""Every form of matrix, vector and alignment against kaldiio, a second reader and writer of Kaldi's files."""

import gzip

import kaldiio
import numpy as np
import pytest

from houseblend.io.tables import open_table, read_table, write_table


def arrays(kind, dtype="f4"):
    """Fresh ones, some of them small; kaldiio takes no empty ones."""
    draw = np.random.default_rng()
    if kind == "matrix":
        return {f"key{n}": draw.normal(0, 50, (n, draw.integers(1, 30))).astype(dtype) for n in (1, 2, 9, 40)}
    if kind == "vector":
        return {f"key{n}": draw.normal(0, 50, n).astype("f4") for n in (1, 2, 40)}
    return {f"key{n}": draw.integers(0, 2**31, n).astype("i4") for n in (1, 2, 40)}


def write(wspecifier, kind, entries, method=None):
    with write_table(wspecifier, kind, method) as writer:
        for key, value in entries.items():
            writer(key, value)


def assert_same(found, wanted, rtol):
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        np.testing.assert_allclose(found[key], value, rtol=rtol, atol=0)


def assert_within_some_roundings(ours, theirs, method):
    """Both compute in float32 from the start of the range, which is -32768 in method 4."""
    start = 32768.0 if method == 4 else np.abs(theirs).max()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=start * 2.0**-20)


@pytest.mark.parametrize("packed", ["", "gzip"])
@pytest.mark.parametrize(("text", "rtol"), [("", 0), (",t", 1e-6)])
@pytest.mark.parametrize(
    ("kind", "dtype"), [("matrix", "f4"), ("matrix", "f8"), ("vector", "f4"), ("int-vector", "i4")]
)
def test_it_reads_what_we_write(kind, dtype, text, rtol, packed, tmp_path):
    entries = arrays(kind, dtype)
    name = tmp_path / ("a.ark.gz" if packed else "a.ark")
    if packed:
        write(f"ark{text}:| gzip -c > {name}", kind, entries)
        with gzip.open(name) as file:
            found = dict(kaldiio.load_ark(file))
    else:
        write(f"ark,scp{text}:{name},{tmp_path}/a.scp", kind, entries)
        found = dict(kaldiio.load_scp(f"{tmp_path}/a.scp").items())
        assert_same(dict(kaldiio.load_ark(str(name))), entries, rtol)
    assert_same(found, entries, rtol)


@pytest.mark.parametrize("method", range(1, 8))
def test_it_reads_what_we_compress(method, tmp_path):
    entries = arrays("matrix")
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", "matrix", entries, method)
    ours = dict(read_table(f"ark:{tmp_path}/a.ark", "matrix"))
    for key, value in kaldiio.load_scp(f"{tmp_path}/a.scp").items():
        assert_within_some_roundings(ours[key], value, method)


@pytest.mark.parametrize(
    ("kind", "dtype", "text"),
    [("matrix", "f4", False), ("matrix", "f4", True), ("matrix", "f8", False), ("matrix", "f8", True),
     ("vector", "f4", False), ("vector", "f4", True), ("int-vector", "i4", False)],
)  # fmt: skip
def test_we_read_what_it_writes(kind, dtype, text, tmp_path):
    # its text form of whole numbers, in brackets, is not Kaldi's
    entries = arrays(kind, dtype)
    kaldiio.save_ark(str(tmp_path / "a.ark"), entries, scp=str(tmp_path / "a.scp"), text=text)
    rtol = 1e-6 if text else 0
    assert_same(dict(read_table(f"ark:{tmp_path}/a.ark", kind)), entries, rtol)
    assert_same(dict(read_table(f"scp:{tmp_path}/a.scp", kind)), entries, rtol)


@pytest.mark.parametrize("method", range(1, 8))
def test_we_read_what_it_compresses(method, tmp_path):
    entries = arrays("matrix")
    kaldiio.save_ark(str(tmp_path / "a.ark"), entries, compression_method=method)
    theirs = dict(kaldiio.load_ark(str(tmp_path / "a.ark")))
    for key, value in read_table(f"ark:{tmp_path}/a.ark", "matrix"):
        assert_within_some_roundings(value, theirs[key], method)


def test_ranges_are_the_same(tmp_path):
    entries = {"a": np.random.default_rng().normal(size=(20, 9)).astype("f4")}
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", "matrix", entries)
    line = (tmp_path / "a.scp").read_text().strip()
    (tmp_path / "part.scp").write_text(f"{line}[3:10,2:4]\n")
    with open_table(f"scp:{tmp_path}/part.scp", "matrix") as table:
        np.testing.assert_array_equal(table["a"], entries["a"][3:11, 2:5])
    np.testing.assert_array_equal(kaldiio.load_scp(f"{tmp_path}/part.scp")["a"], entries["a"][3:11, 2:5])
