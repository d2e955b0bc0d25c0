"""Who called whom: LDC's table of conversations."""

from pathlib import Path

from recordings import SIDES, files_below

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.streams import read_text

NAMES = ("conv_tab.csv", "conv.tab")
EXPECTED = 'CONVERSATION, "ACTIVE", CALLER OF A, CALLER OF B, ...'


def callers_of(disc: Path, sides: set[str]) -> dict[str, str]:
    """Callers by side of a call (sw02001-A), from the table of conversations below a directory; who is missing is told.

    Raises:
        InputError: there is no table, or a line of another form.
    """
    files = files_below(disc)
    path = next((path for name in NAMES for path in files if path.name == name), None)
    if path is None:
        raise InputError(
            "no table of conversations", file=disc, expected=" or ".join(NAMES), do="copy it from the documentation"
        )
    callers = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip():
            continue
        fields = [field.strip().strip('"') for field in line.split(",")]
        if len(fields) < 4 or not all(fields[place].isdigit() for place in (0, 2, 3)):
            raise InputError(f"cannot read {line[:60]!r}", file=path, line=number, expected=EXPECTED)
        for side, caller in zip(SIDES, fields[2:4], strict=True):
            callers[f"sw0{fields[0]}-{side}"] = f"sw{caller}"
    unknown = sorted(sides - callers.keys())
    if unknown:
        warn(f"{path}: without {len(unknown)} sides, such as {unknown[0]}: each is a speaker of its own")
    return callers
