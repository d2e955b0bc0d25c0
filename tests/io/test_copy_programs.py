"""The copying programs, run as a user runs them, on Kaldi's own files."""

import filecmp
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from houseblend.io.tables import read_object, read_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
IO = GOLDEN / "io"
BIN = GOLDEN.parents[1] / "bin"


@pytest.fixture
def run(run_program):
    """Runs in the folder from which Kaldi's scripts name archives; `check=False` to look at the status."""
    return lambda name, *words, check=True, **more: run_program(name, *words, cwd=GOLDEN, check=check, **more)


def same(one: Path, other: Path) -> bool:
    return filecmp.cmp(one, other, shallow=False)


def test_copy_feats_between_all_forms(run, tmp_path):
    run("copy-feats", "scp:io/base.scp", f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp")
    assert same(tmp_path / "a.ark", IO / "base.ark")
    run("copy-feats", f"scp:{tmp_path}/a.scp", f"ark,t:{tmp_path}/a.txt", f"--write-num-frames=ark,t:{tmp_path}/frames")
    assert same(tmp_path / "a.txt", IO / "base.txt")
    assert same(tmp_path / "frames", IO / "nframes.txt")
    piped = run("copy-feats", "ark:-", "ark:-", stdin=(tmp_path / "a.txt").read_bytes()).stdout
    assert len(piped) == (IO / "base.ark").stat().st_size
    packed = run("copy-feats", "ark:gunzip -c io/gz.ark.gz |", f"ark:| gzip -c > {tmp_path}/b.ark.gz")
    assert "done 3 utterances" in packed.stderr
    assert len(list(read_table(f"ark:{tmp_path}/b.ark.gz", "matrix"))) == 3


def test_copy_feats_compresses_as_kaldi(run, tmp_path):
    run("copy-feats", "--compress=true", "--compression-method=2", "ark:io/base.ark", f"ark:{tmp_path}/c.ark")
    assert same(tmp_path / "c.ark", IO / "comp2.ark")
    run("copy-feats", "--compress=true", "ark:io/short.ark", f"ark:{tmp_path}/s.ark")
    assert same(tmp_path / "s.ark", IO / "short_c.ark")
    assert (
        run("copy-feats", "--compress", "--compression-method=9", "ark:io/base.ark", "ark:-", check=False).status == 2
    )


def test_copy_matrix_of_one_file(run, tmp_path):
    run("copy-matrix", "io/mat.bin", tmp_path / "m")
    assert same(tmp_path / "m", IO / "mat.bin")
    assert run("copy-matrix", "--binary=false", "io/mat.bin", "-").stdout == (IO / "mat.txt").read_bytes()
    place = (IO / "base.scp").read_text().split()[1]
    run("copy-matrix", f"{place}[2:5]", tmp_path / "rows")
    wanted = read_object(str(GOLDEN / f"{place}[2:5]"), "matrix")
    np.testing.assert_array_equal(read_object(str(tmp_path / "rows"), "matrix"), wanted)


def test_copy_matrix_changes_elements(run, tmp_path):
    values = read_object(str(IO / "mat.txt"), "matrix").astype(np.float64)
    for options, wanted in (
        (["--scale=-2"], -2 * values),
        (["--scale=-2", "--apply-exp"], np.exp(-2 * values)),
        (["--apply-log"], np.log(np.maximum(values, 1e-20))),
        (["--apply-softmax-per-row"], np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)),
        (["--apply-power=2"], values**2),
    ):
        run("copy-matrix", *options, "io/mat.bin", tmp_path / "m")
        np.testing.assert_allclose(read_object(str(tmp_path / "m"), "matrix"), wanted, rtol=1e-5)
    assert run("copy-matrix", "--apply-log", "--apply-exp", "io/mat.bin", "-", check=False).status == 2


def test_copy_vector(run, tmp_path):
    run("copy-vector", "ark:io/colsum.ark", f"ark,t:{tmp_path}/v.txt")
    assert same(tmp_path / "v.txt", IO / "colsum.txt")
    run("copy-vector", "--change-dim=15", "--scale=0.5", "ark:io/colsum.ark", f"ark:{tmp_path}/v.ark")
    wanted = dict(read_table(f"ark:{IO}/colsum.ark", "vector"))
    for key, value in read_table(f"ark:{tmp_path}/v.ark", "vector"):
        np.testing.assert_allclose(value, [*(0.5 * wanted[key]), 0, 0], rtol=1e-6)


def test_copy_int_vector(run, tmp_path):
    run("copy-int-vector", "ark,t:io/ali.txt", f"ark:{tmp_path}/ali.ark")
    assert same(tmp_path / "ali.ark", IO / "ali.ark")
    one = run("copy-int-vector", "-", "-", stdin=b" [ 1 2 3 ]\n").stdout
    assert one == b"\0B\4\3\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0"
    assert run("copy-int-vector", "--binary=false", "-", "-", stdin=one).stdout == b"[ 1 2 3 ]\n"


def test_lengths_and_dimensions(run, tmp_path):
    run("feat-to-len", "scp:io/base.scp", f"ark:{tmp_path}/lens.ark")
    assert same(tmp_path / "lens.ark", IO / "lens.ark")
    total = sum(length for _, length in read_table(f"ark:{IO}/lens.ark", "int"))
    assert run("feat-to-len", "scp:io/base.scp").stdout == b"%d\n" % total
    assert run("feat-to-dim", "scp:io/base.scp", "-").stdout == b"13\n"
    assert run("feat-to-dim", "scp:io/base.scp", "ark,t:-").stdout.count(b" 13 \n") == 3


def test_subset_feats(run, tmp_path):
    keys = [key for key, _ in read_table(f"ark:{IO}/base.ark", "matrix")]
    (tmp_path / "list").write_text(f"{keys[1]} more words\n")
    for options, wanted in (
        (["--n=2"], keys[:2]), ([], keys), (["--include", tmp_path / "list"], keys[1:2]),
        (["--exclude", tmp_path / "list"], [keys[0], keys[2]]),
    ):  # fmt: skip
        run("subset-feats", *options, "ark:io/base.ark", f"ark:{tmp_path}/s.ark")
        assert [key for key, _ in read_table(f"ark:{tmp_path}/s.ark", "matrix")] == wanted
    (tmp_path / "empty").write_text("")
    nothing = run("subset-feats", "--include", tmp_path / "empty", "ark:io/base.ark", f"ark:{tmp_path}/n", check=False)
    assert nothing.status == 1
    assert not (tmp_path / "n").exists()
    assert run("subset-feats", "--n=0", "ark:io/base.ark", "ark:-", check=False).status == 2


@pytest.mark.parametrize(
    ("words", "status", "message"),
    [
        (["copy-feats", "ark:missing.ark", "ark:-"], 1, "missing.ark: no such file"),
        (["copy-feats", "ark:/dev/null", "ark:-"], 1, "no utterances were processed"),
        (["copy-feats", "ark:io/base.ark", "out.mat"], 2, "a table and a file"),
        (["copy-feats", "ark:head -c 3000 io/base.ark |", "ark:/dev/null"], 1, "[george-5-00]"),
        (["copy-feats", "ark:io/base.ark", "ark:/dev/full"], 1, "/dev/full"),
        (["copy-feats", "--compres=true", "ark:io/base.ark", "ark:-"], 2, "--compress"),
        (["copy-feats", "ark:io/ali.ark", "ark:-"], 1, "io/ali.ark"),
        (["copy-int-vector", "ark:io/base.ark", "ark:-"], 1, "[george-1-01]"),
        (["feat-to-dim", "ark:/dev/null", "-"], 1, "no features"),
    ],
)
def test_errors_have_a_status_and_a_place(words, status, message, run):
    done = run(*words, check=False)
    assert done.status == status, done.stderr
    assert message in done.stderr


def test_a_full_disk_leaves_the_old_files(tmp_path):
    """The limit on the size of files stands for a disk that is full."""
    for name in ("a.ark", "a.scp"):
        (tmp_path / name).write_bytes(b"old")
    command = (
        f"ulimit -f 4; {sys.executable} {BIN}/copy-feats ark:io/base.ark ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp"
    )
    done = subprocess.run(["bash", "-c", command], cwd=GOLDEN, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert f"{tmp_path}/a.ark: File too large" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ark", "a.scp"]
    assert all(path.read_bytes() == b"old" for path in tmp_path.iterdir())
