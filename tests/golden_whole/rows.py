"""The rows of the golden data's README: files, the command that made them, what they check, how close we must be."""

import re
from dataclasses import dataclass
from pathlib import Path

COMMITTED = Path(__file__).with_name("rows.md")


@dataclass(frozen=True)
class Row:
    """One row; `name` identifies it."""

    section: str
    name: str
    files: tuple[str, ...]
    command: str
    what: str
    tolerance: str


def read_rows(path: Path = COMMITTED) -> list[Row]:
    """All rows in their order; the row of the natural-gradient cases becomes one row for each case."""
    cases: list[list[str]] = []
    rows: list[Row] = []
    section = ""
    for line in path.read_text().splitlines():
        cells = [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split(" | ")]
        if line.startswith("## "):
            section = line[3:].strip()
        elif not section and len(cells) >= 7 and cells[1][0].isdigit():
            cases.append(cells)
        elif section and line.startswith("|") and cells[0] not in ("file", "|---", "---") and "---" not in cells[0]:
            rows += _row(section, cells, cases)
    return rows


def _row(section: str, cells: list[str], cases: list[list[str]]) -> list[Row]:
    files, command = re.findall(r"`([^`]*)`", cells[0]), cells[1].strip("`").replace("&#124;", "|")
    what, tolerance = cells[2], " | ".join(cells[3:])
    if "<case>" not in cells[0]:
        return [Row(section, " ".join(files) or command.split()[0], tuple(files), command, what, tolerance)]
    return [
        Row(section, f"ng/{case[0]}.*", tuple(name.replace("<case>", case[0]) for name in files), " ".join(case),
            f"30 calls: {case[-1] or 'as named'}", "rel 5e-2" if _has_few_rows(case) else "rel 1e-4")
        for case in cases
    ]  # fmt: skip


def _has_few_rows(case: list[str]) -> bool:
    """Whether a natural-gradient case has calls with fewer rows than its rank; these move by 2e-2 between kernels."""
    return int(case[1].partition("..")[0]) < int(case[3]) < int(case[2])
