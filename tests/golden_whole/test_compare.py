"""The comparison behind docs/kaldi.md finds what differs."""

import gzip
import importlib
import re

import numpy as np
import pytest
from checks import CHECKS, SUBJECTS, check
from compare import Deviation, DifferentError, Tolerance, compare
from rows import Row, read_rows
from workplace import FailedError, MissingError, Workplace

from houseblend.io.tables import write_table


@pytest.mark.parametrize(
    ("text", "relative", "absolute"),
    [
        ("rel 1e-4 or abs 1e-3 (float32 order of summation)", 1e-4, 1e-3),
        ("abs 1e-4", 0.0, 1e-4),
        ("stats rel 1e-4, parameters rel 1e-3", 1e-4, 0.0),
        ("exact ids, 1e-5", 1e-5, 1e-5),
        ("exact", 0.0, 0.0),
        ("text carries about 7 digits", 0.0, 0.0),
    ],
)
def test_tolerances_are_read_from_words(text, relative, absolute):
    assert Tolerance.parse(text) == Tolerance(relative, absolute)


def test_values_beyond_the_tolerance_are_counted():
    its = np.array([1.0, 100.0])
    assert Tolerance(1e-2, 0.1).deviation(its + [0.09, 0.9], its).beyond == 0
    assert Tolerance(1e-2, 0.1).deviation(its + [0.11, 1.1], its).beyond == 2
    assert Tolerance(1e-2).deviation(its + [0.9, 0.0], its).beyond == 0
    assert Tolerance(1e-2, 0.1).deviation(its + [np.nan, 0.0], its).beyond == 1
    with pytest.raises(DifferentError, match="shape"):
        Tolerance(1.0, 1.0).deviation(its[:1], its)


def test_texts_differ_by_words_or_by_numbers(tmp_path):
    def deviation(ours: str, kaldis: str) -> Deviation:
        (tmp_path / "a").write_text(ours)
        (tmp_path / "b.gz").write_bytes(gzip.compress(kaldis.encode()))
        return compare(tmp_path / "a", tmp_path / "b.gz", "b.gz", Tolerance(relative=1e-3))

    assert deviation("a [ 1 2 ]\n", "a [ 1 2 ]\n") == Deviation()
    assert deviation("a [ 1 2.001 ]\n", "a [ 1 2 ]\n").beyond == 0
    assert deviation("a [ 1 2.1 ]\n", "a [ 1 2 ]\n").beyond == 1
    for other in ("b [ 1 2 ]\n", "a [ 1 2 3 ]\n", "a [ 1 2 ]\n\n"):
        with pytest.raises(DifferentError):
            deviation("a [ 1 2 ]\n", other)


def test_archives_differ_by_keys_types_and_numbers(tmp_path):
    def write(name: str, key: str, values: np.ndarray) -> None:
        with write_table(f"ark:{tmp_path}/{name}", "matrix") as write_one:
            write_one(key, values)

    ones = np.ones((2, 2), dtype=np.float32)
    write("its.ark", "a", ones)
    for key, values, message in (
        ("b", ones, "keys"),
        ("a", ones.astype(np.float64), "float64"),
        ("a", ones[:1], "sha"),
    ):
        write("ours.ark", key, values)
        with pytest.raises(DifferentError, match=message):
            compare(tmp_path / "ours.ark", tmp_path / "its.ark", "its.ark", Tolerance(1.0, 1.0))
    write("ours.ark", "a", ones + np.float32(1e-3))
    assert compare(tmp_path / "ours.ark", tmp_path / "its.ark", "its.ark", Tolerance(0.0, 1e-4)).beyond == 4
    with pytest.raises(DifferentError, match="was not written"):
        compare(tmp_path / "none.ark", tmp_path / "its.ark", "its.ark", Tolerance())


def test_a_command_that_fails_or_is_missing_says_so(tmp_path):
    (tmp_path / "golden").mkdir()
    workplace = Workplace(tmp_path / "golden", tmp_path / "place")
    row = Row("", "x", (), "", "", "exact")
    for command, error, word in (
        ("no-such-program a b", MissingError, "no-such-program"),
        ("copy-feats --no-such-option=1 ark:a ark:b", MissingError, "--no-such-option"),
        ("copy-feats ark:a ark:b", FailedError, "a: no such file"),
        ("cat a | copy-feats ark:- ark:b", FailedError, "a"),
    ):
        with pytest.raises(error, match=word):
            workplace.run(row, command)


def test_a_row_that_differs_is_told_and_kaldis_files_come_back(tmp_path):
    (tmp_path / "golden/io").mkdir(parents=True)
    (tmp_path / "golden/io/x.txt").write_text("a 1 \n")
    workplace = Workplace(tmp_path / "golden", tmp_path / "place")
    row = Row("", "io/x.txt", ("io/x.txt",), "printf 'a 2 \\n' > io/x.txt", "", "exact")
    assert check(workplace, row).status == "differs"
    assert (tmp_path / "place/io/x.txt").read_text() == "a 1 \n"
    assert check(workplace, Row("", "io/x.txt", ("io/x.txt",), "printf 'a 1 \\n' > io/x.txt", "", "")).status == "equal"


def test_every_check_of_its_own_has_a_row():
    for subject in SUBJECTS:
        importlib.import_module(subject)
    names = [row.name for row in read_rows()]
    assert [pattern for pattern, _ in CHECKS if not any(re.search(pattern, name) for name in names)] == []
