"""The ledger of an experiment: one line of JSON a round, appended after all that it names is on disk."""

import json
import os
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.base.log import warn

FORMAT = 1


class Ledger:
    """`ledger.jsonl`, read whole and appended to.

    A torn last line (the writer was killed) is cut off when the ledger is opened.

    Args:
        path: the file; it may not exist yet.

    Raises:
        InputError: a line before the last is broken, or of another format.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines: list[dict[str, Any]] = []
        data = path.read_bytes() if path.exists() else b""
        end = data.rfind(b"\n") + 1
        if end != len(data):
            warn(f"{path}: the last line is torn and cut off")
            with open(path, "r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())
        for number, raw in enumerate(data[:end].splitlines(), start=1):
            try:
                line = json.loads(raw)
                found = line["format"]
            except (ValueError, KeyError, TypeError):
                raise InputError(
                    "broken line", file=path, line=number, do="restore the file, or begin a new directory"
                ) from None
            if found != FORMAT:
                raise InputError(
                    f"format {found}", file=path, line=number, expected=f"format {FORMAT}", do="begin a new directory"
                )
            self.lines.append(line)

    def append(self, entry: dict[str, Any]) -> None:
        """Append one line and sync it; NaN becomes null."""
        line = {"format": FORMAT, **_finite(entry)}
        with open(self.path, "ab") as file:
            file.write(json.dumps(line, sort_keys=True, allow_nan=False).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        self.lines.append(line)

    def rounds(self) -> list[dict[str, Any]]:
        """The lines of finished rounds, in order."""
        return [line for line in self.lines if line["kind"] == "round"]

    def refused(self, number: int) -> int:
        """How often a round was refused."""
        return sum(1 for line in self.lines if line["kind"] == "refused" and line["round"] == number)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
