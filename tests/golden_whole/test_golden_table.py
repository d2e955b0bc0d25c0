"""docs/kaldi.md: it names every golden row, and what it claims holds, for small copies here and for all in a longer run."""

import os
import shutil
from pathlib import Path

import pytest
from checks import check
from rows import read_rows
from table import STATUS, TABLE, read_table
from workplace import COPIES, REPOSITORY, Workplace

ROWS = read_rows()
CLAIMED = read_table(TABLE.read_text())
WHOLE = os.environ.get("HOUSEBLEND_GOLDEN")
DONE = ("equal", "within tolerance")


@pytest.fixture(scope="session")
def golden(tmp_path_factory) -> Path:
    """The golden folder, or as much of it as has small copies."""
    if WHOLE:
        return Path(WHOLE).resolve()
    folder = tmp_path_factory.mktemp("golden")
    for line in COPIES.read_text().splitlines():
        name, copy = line.split()
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / "tests/golden" / copy, folder / name)
    return folder


@pytest.fixture(scope="session")
def workplace(golden, tmp_path_factory) -> Workplace:
    return Workplace(golden, tmp_path_factory.mktemp("workplace"))


def test_the_table_names_every_row():
    assert list(CLAIMED) == [row.name for row in ROWS]
    assert len(ROWS) >= 250


def test_nothing_differs():
    assert [name for name, status in CLAIMED.items() if not status.startswith((*DONE, "not yet"))] == []


@pytest.mark.parametrize(
    "row", [row for row in ROWS if CLAIMED.get(row.name, "").startswith(DONE)], ids=lambda r: r.name
)
def test_the_claim_holds(row, workplace):
    if workplace.lacks(row):
        pytest.skip("no small copies")
    outcome = check(workplace, row)
    claimed = CLAIMED[row.name]
    words = ("equal",) if claimed == "equal" and "e-" not in row.tolerance else DONE
    assert STATUS[outcome.status] in words, (claimed, outcome)


@pytest.mark.skipif(not WHOLE, reason="HOUSEBLEND_GOLDEN names no golden folder")
def test_the_committed_rows_are_those_of_the_folder(golden):
    assert read_rows(golden / "README.md") == ROWS
