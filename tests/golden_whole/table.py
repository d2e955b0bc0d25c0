"""Runs every golden row and writes docs/kaldi.md; HOUSEBLEND_GOLDEN names the golden folder.

python tests/golden_whole/table.py [PATTERN]: with a pattern, only the rows whose names match, and nothing is written.
"""

import filecmp
import os
import re
import sys
import tempfile
from collections import Counter
from itertools import groupby
from pathlib import Path

from checks import Outcome, check
from rows import Row, read_rows
from workplace import COPIES, REPOSITORY, Workplace

TABLE = REPOSITORY / "docs/kaldi.md"
STATUS = {"equal": "equal", "within": "within tolerance", "later": "not yet", "differs": "**differs**"}
HEAD = """# Equal to Kaldi

What Kaldi's programs and ours make of the same input, row by row of the golden data (Kaldi 5.5.1181, CPU, one BLAS thread).
Written by `python tests/golden_whole/table.py` from a run over all of them; never edited by hand. How it is made and how a row
gets a check of its own: `tests/golden_whole/checks.py`.

- **equal**: the same bytes, or the same numbers where a file carries what no program can repeat (gzip headers, float texts, the
  properties that a lattice file says are known of it).
- **within tolerance**: the largest deviation measured, absolute or relative as the tolerance of the row is; a relative one that
  stands alone is relative to the largest value of its matrix.
- **not yet**: what the row waits for.
"""


def main() -> None:
    """Check the rows, print what became of each, and write the table and the list of small copies."""
    pattern = sys.argv[1] if len(sys.argv) > 1 else ""
    golden = Path(os.environ["HOUSEBLEND_GOLDEN"]).resolve()
    outcomes: list[tuple[Row, Outcome]] = []
    with tempfile.TemporaryDirectory() as place:
        workplace = Workplace(golden, Path(place))
        for row in read_rows():
            if re.search(pattern, row.name):
                outcomes.append((row, check(workplace, row)))
                print(f"{outcomes[-1][1].status:8} {row.name[:70]}  {outcomes[-1][1].remark}", flush=True)
    print(Counter(outcome.status for _, outcome in outcomes))
    if not pattern:
        TABLE.write_text(document(outcomes))
        COPIES.write_text("".join(f"{name} {copy}\n" for name, copy in copies(golden)))


def document(outcomes: list[tuple[Row, Outcome]]) -> str:
    """The table as Markdown."""
    counts = Counter(outcome.status for _, outcome in outcomes)
    text = HEAD + "\n" + ", ".join(f"{counts[name]} {word}" for name, word in STATUS.items() if counts[name]) + ".\n"
    for section, part in groupby(outcomes, lambda pair: pair[0].section):
        text += f"\n## {section}\n\n| files | what it checks | tolerance | status |\n|---|---|---|---|\n"
        for row, outcome in part:
            status = STATUS[outcome.status] + (f": {outcome.remark}" if outcome.remark else "")
            cells = (cell.replace("|", "&#124;") for cell in (row.what, row.tolerance, status))
            text += f"| `{row.name}` | {' | '.join(cells)} |\n"
    return text


def read_table(text: str) -> dict[str, str]:
    """Status of every row of a table written by `document`, by the row's name."""
    return dict(re.findall(r"^\| `([^`]+)` \| .* \| ([^|]*) \|$", text, flags=re.MULTILINE))


def copies(golden: Path) -> list[tuple[str, str]]:
    """Files of the golden folder and the small copies of them in tests/golden."""
    found = []
    by_name: dict[str, list[Path]] = {}
    for path in sorted((REPOSITORY / "tests/golden").rglob("*")):
        if path.is_file() and path.name != "README.md":
            by_name.setdefault(path.name, []).append(path)
    for path in sorted(golden.rglob("*")):
        same = [copy for copy in by_name.get(path.name, []) if filecmp.cmp(copy, path, shallow=False)]
        if path.is_file() and same:
            found.append((str(path.relative_to(golden)), str(same[0].relative_to(REPOSITORY / "tests/golden"))))
    return found


if __name__ == "__main__":
    main()
