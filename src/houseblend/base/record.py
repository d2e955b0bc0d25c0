"""What a step leaves beside its output: what it began from, how it ended, its log (formats: docs/formats.md)."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from houseblend.base.errors import HouseBlendError, class_and_message
from houseblend.base.fingerprint import FileRecord, record_files

FORMAT = 1
BEGUN, DONE, FAILED, LOG, LOCK = ".begun.json", ".done.json", ".failed.json", ".log", ".lock"


def read_record(path: Path) -> dict[str, Any] | None:
    """The JSON object in a file; None if there is none that is whole."""
    try:
        value = json.loads(path.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None
    return value if isinstance(value, dict) else None


def relative_places(places: Mapping[str, Path], folder: Path) -> dict[str, str]:
    """Where the inputs lie, as paths from `folder`, so that a work directory can be moved as a whole."""
    return {name: os.path.relpath(os.path.realpath(place), os.path.realpath(folder)) for name, place in places.items()}


def places_of(record: Mapping[str, Any], folder: Path) -> dict[str, Path]:
    """The inverse of `relative_places` for a record of the step directory `folder`."""
    real = os.path.realpath(folder)
    return {name: Path(os.path.relpath(os.path.join(real, path))) for name, path in record.get("places", {}).items()}


def failure_record(failure: BaseException, command: str, places: dict[str, str]) -> dict[str, Any]:
    """What `.failed.json` says of a step that ended with `failure`."""
    kind, message = class_and_message(failure)
    do = failure.do if isinstance(failure, HouseBlendError) else None
    return {"format": FORMAT, "command": command, "class": kind, "message": message, "do": do, "places": places}


def changed_inputs(record: Mapping[str, Any], folder: Path) -> list[str]:
    """In words, how the inputs of the finished step in `folder` differ from what it was made of."""
    reasons = []
    for name, place in places_of(record, folder).items():
        old = record["inputs"].get(name, {})
        if place.exists():
            reasons += changed_files(name, old, record_files(place, old))
        else:
            reasons.append(f"{name}: {place} is gone")
    return reasons


def changed_files(what: str, old: Mapping[str, FileRecord], new: Mapping[str, FileRecord]) -> list[str]:
    """In words, which files are gone, new, or of other content."""
    reasons = [f"{what}: {name} is gone" for name in sorted(old.keys() - new.keys())]
    reasons += [f"{what}: {name} is new" for name in sorted(new.keys() - old.keys())]
    return reasons + [
        f"{what}: {name} has changed" for name in sorted(old.keys() & new.keys()) if old[name][2] != new[name][2]
    ]


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """In words, what changed between two records of a step: version, options, inputs."""
    if (old.get("format"), old.get("step"), old.get("version")) != (FORMAT, new["step"], new["version"]):
        return [f"it was written by {old.get('step')} version {old.get('version')}"]
    reasons = []
    for name in sorted({*old["options"], *new["options"]}):
        before, after = old["options"].get(name), new["options"].get(name)
        if before != after:
            reasons.append(f"option --{name.replace('_', '-')} was {before}, is {after}")
    for name in sorted({*old["inputs"], *new["inputs"]}):
        reasons += changed_files(name, old["inputs"].get(name, {}), new["inputs"].get(name, {}))
    return reasons
