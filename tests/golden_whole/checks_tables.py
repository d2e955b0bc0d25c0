"""Checks of features and tables that need more than the row's command."""

import dataclasses

from checks import Outcome, by_command, covers
from rows import Row
from workplace import Workplace


@covers(r"^io/htk\.list$")
def htk_files(workplace: Workplace, row: Row) -> Outcome:
    """The list of the files, and the one file in it."""
    return by_command(workplace, dataclasses.replace(row, files=(*row.files, "io/htk/george-1-01-s.htk")))
