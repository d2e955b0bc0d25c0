"""Tables written by Kaldi: read as Kaldi reads them, and written in Kaldi's bytes."""

import filecmp
from pathlib import Path

import numpy as np
import pytest

from houseblend.io.objects import format_real
from houseblend.io.tables import read_table, write_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
IO = GOLDEN / "io"


@pytest.fixture(autouse=True)
def _in_golden(monkeypatch):
    """Kaldi's scripts name archives as io/...."""
    monkeypatch.chdir(GOLDEN)


def matrices(rspecifier: str) -> dict[str, np.ndarray]:
    return dict(read_table(rspecifier, "matrix"))


def assert_printed(found: dict[str, np.ndarray], text: str) -> None:
    """The values, printed with seven digits, are those of a text archive of Kaldi's."""
    wanted = matrices(f"ark:{text}")
    assert list(found) == list(wanted)
    for key in wanted:
        printed = np.vectorize(lambda value: float(format_real(value)))(found[key]).astype(np.float32)
        np.testing.assert_array_equal(printed, wanted[key])


@pytest.mark.parametrize("source", ["ark:io/base.ark", "scp:io/base.scp", "ark:io/both_t.ark", "scp:io/both_t.scp"])
def test_archive_and_script_binary_and_text(source):
    assert_printed(matrices(source), "io/base.txt")


@pytest.mark.parametrize("source", ["ark:gunzip -c io/gz.ark.gz |", "ark:io/gz.ark.gz"])
def test_gzip_by_a_pipe_and_by_its_name(source):
    base, found = matrices("ark:io/base.ark"), matrices(source)
    assert list(found) == list(base)
    assert all((found[key] == base[key]).all() for key in base)


def test_script_of_pipes():
    base, found = matrices("ark:io/base.ark"), matrices("scp:io/gz.scp")
    assert list(found) == ["george-1-01"]
    np.testing.assert_array_equal(found["george-1-01"], base["george-1-01"])


@pytest.mark.parametrize("name", [*(f"comp{method}" for method in range(1, 8)), "short_c"])
def test_compressed_matrices_are_read_as_kaldi_reads_them(name):
    assert_printed(matrices(f"ark:io/{name}.ark"), f"io/{name}.txt")


@pytest.mark.parametrize("name", ["range", "comp_range"])
def test_ranges(name):
    assert_printed(matrices(f"scp:io/{name}.scp"), f"io/{name}.txt")


@pytest.mark.parametrize("method", range(1, 8))
def test_compression_writes_kaldis_bytes(method, tmp_path):
    with write_table(f"ark:{tmp_path}/out.ark", "matrix", method) as write:
        for key, value in read_table("ark:io/base.ark", "matrix"):
            write(key, value)
    assert filecmp.cmp(tmp_path / "out.ark", IO / f"comp{method}.ark", shallow=False)


KINDS = {
    "base.ark": "matrix", "colsum.ark": "vector", "lens.ark": "int", "dur.ark": "float", "ali.ark": "int-vector",
    "pairs.ark": "int-pairs", "post.ark": "posterior", "weights.ark": "vector",
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_every_kind_is_written_byte_for_byte(name, kind, tmp_path):
    with write_table(f"ark:{tmp_path}/out.ark", kind) as write:
        for key, value in read_table(f"ark:io/{name}", kind):
            write(key, value)
    assert filecmp.cmp(tmp_path / "out.ark", IO / name, shallow=False)


TEXTS = {
    "base": ("matrix", "base.txt"), "colsum": ("vector", "colsum.txt"), "lens": ("int", "nframes.txt"),
    "ali": ("int-vector", "ali.txt"), "post": ("posterior", "post.txt"), "weights": ("vector", "weights.txt"),
}  # fmt: skip


@pytest.mark.parametrize(("name", "kind", "text"), [(name, *rest) for name, rest in TEXTS.items()])
def test_every_kind_is_written_as_kaldis_text(name, kind, text, tmp_path):
    with write_table(f"ark,t:{tmp_path}/out.txt", kind) as write:
        for key, value in read_table(f"ark:io/{name}.ark", kind):
            write(key, value)
    assert (tmp_path / "out.txt").read_text() == (IO / text).read_text()


def test_script_written_beside_an_archive_has_kaldis_offsets(tmp_path):
    for options, name in (("ark,scp", "base"), ("ark,scp,t", "both_t")):
        with write_table(f"{options}:{tmp_path}/{name}.ark,{tmp_path}/{name}.scp", "matrix") as write:
            for key, value in read_table("ark:io/base.ark", "matrix"):
                write(key, value)
        script = (tmp_path / f"{name}.scp").read_text().replace(f"{tmp_path}/", "io/")
        assert script == (IO / f"{name}.scp").read_text()
        assert filecmp.cmp(tmp_path / f"{name}.ark", IO / f"{name}.ark", shallow=False)
