"""The ledger of an experiment: one line of JSON a round, appended after all that it names is on disk."""

import json
import os
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.io.json_files import Fields, parse_json, require_fields

FORMAT = 1


AGAIN = "restore the file, or begin a new directory"
_FIELDS: dict[str, Fields] = {
    "round": {"plan": dict, "state": dict, "model_hash": str, "heldout_objective": float, "dropped": dict},
    "refused": {"reason": dict},
}


def read_ledger(path: Path) -> tuple[list[dict[str, Any]], int]:
    """The whole lines of a ledger, and how many bytes they take; a torn last line (the writer was killed) is left out.

    Raises:
        InputError: a line is broken, of another format, or out of order.
    """
    data = path.read_bytes() if path.exists() else b""
    end = data.rfind(b"\n") + 1
    lines: list[dict[str, Any]] = []
    done = 0
    for number, raw in enumerate(data[:end].split(b"\n")[:-1], start=1):
        line = parse_json(raw, path, {"format": int}, AGAIN, number)
        if line["format"] != FORMAT:
            what, expected = f"format {line['format']}", f"format {FORMAT}"
            raise InputError(what, file=path, line=number, expected=expected, do="begin a new directory")
        require_fields(line, {"kind": str, "round": int, "attempt": int}, path, AGAIN, number)
        require_fields(line, _FIELDS.get(line["kind"], {}), path, AGAIN, number)
        if line["round"] != done:
            raise InputError(f"round {line['round']}", file=path, line=number, expected=f"round {done}", do=AGAIN)
        done += line["kind"] == "round"
        lines.append(line)
    return lines, end


class Ledger:
    """`ledger.jsonl`, read whole and appended to.

    A torn last line is cut off when the ledger is opened.

    Args:
        path: the file; it may not exist yet.

    Raises:
        InputError: see `read_ledger`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.lines, end = read_ledger(path)
        if path.exists() and end != path.stat().st_size:
            warn(f"{path}: the last line is torn and cut off")
            with open(path, "r+b") as file:
                file.truncate(end)
                os.fsync(file.fileno())

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
