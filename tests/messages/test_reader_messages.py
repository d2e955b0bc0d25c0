"""What the readers say of broken files: reader_messages.txt has a line for every refusal that the fuzz meets.

A line: reader of tests/fuzz | file that is broken | how | message. How is `cut N` (N bytes are left) or `put N M BYTES`
(M bytes at N are replaced), `is BYTES` (that is all), or `pipe N BYTES` (N bytes are left, then BYTES again and again).
{folder} is the directory of the files, <N> a number.
"""

import ast
import contextlib
import io
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "fuzz"))
from cases import Bench, endless
from readers import READERS

from houseblend.base.errors import HouseBlendError

LINES = Path(__file__).with_name("reader_messages.txt").read_text().splitlines()
TABLE = [tuple(line.split(" | ", 3)) for line in LINES if line and not line.startswith("#")]
READER = {reader.name: reader for reader in READERS}
SEED, CASES = 40, 12
PASSED_ON = {"but", "fail", "parsing", "_decode", "_read_script_entry", "init_network", "read_egs"}
"""Functions that add a place to an error made elsewhere."""


def broken(honest: bytes, how: str) -> bytes:
    """A file's bytes as a line of the table wants them."""
    word, place, *rest = how.split(" ", 3)
    if word == "is":
        return ast.literal_eval(how.partition(" ")[2])
    if word == "put":
        return honest[: int(place)] + ast.literal_eval(rest[1]) + honest[int(place) + int(rest[0]) :]
    return honest[: int(place)]


@contextlib.contextmanager
def in_place(how: str, path: Path, data: bytes) -> Iterator[None]:
    """The broken file in its place: a pipe where the table wants one."""
    if how.startswith("pipe "):
        with endless(path, data, ast.literal_eval(how.split(" ", 2)[2]) * 1000):
            yield
    else:
        path.write_bytes(data)
        yield


@pytest.fixture
def places(monkeypatch):
    """Where errors are made, in their order: file, line, text of the source around."""
    found: list[tuple[str, int]] = []
    original = HouseBlendError.__init__

    def note(self: HouseBlendError, *words: object, **named: object) -> None:
        frame = sys._getframe(1)
        while frame.f_back is not None and frame.f_code.co_name in PASSED_ON:
            frame = frame.f_back
        if sys._getframe(1).f_code.co_name != "but":
            found.append((frame.f_code.co_filename, frame.f_lineno))
        original(self, *words, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(HouseBlendError, "__init__", note)
    return found


def refused(row: tuple, folder: Path) -> HouseBlendError:
    """What is said of the broken file of a line."""
    name, file, how, _ = row
    bench = Bench(READER[name], folder)
    data = broken(bench.honest[file], how.replace("{folder}", str(folder)))
    with in_place(how, folder / file, data), pytest.raises(HouseBlendError) as caught:
        READER[name].read(folder)
    return caught.value


@pytest.mark.parametrize("row", TABLE, ids=lambda row: f"{row[0]}-{row[3][:60]}")
def test_a_broken_file_is_refused_in_these_words(row, tmp_path):
    error, message = refused(row, tmp_path), row[-1]
    wanted = re.escape(message.replace("{folder}", str(tmp_path))).replace("<N>", r"\d+")
    assert re.fullmatch(wanted, str(error)), f"\n{error}\n{message}"
    assert str(tmp_path) in str(error.file)
    assert error.do


def test_every_refusal_that_some_cases_of_the_fuzz_meet_has_its_line(tmp_path_factory, places):
    seen, missing = set(), {}
    for row in TABLE:
        refused(row, tmp_path_factory.mktemp("line"))
        seen.add(places[-1])
    for reader in READERS:
        bench = Bench(reader, tmp_path_factory.mktemp("reader"))
        for case in range(-1, -1 - CASES, -1):
            places.clear()
            with contextlib.redirect_stderr(io.StringIO()):
                result, words = bench.run(case, SEED)
            if result == "refused" and places and places[-1] not in seen:
                missing[places[-1]] = f"{reader.name} {case}: {words}"
    assert not missing, "\n".join(f"{place}: {words}" for place, words in missing.items())
