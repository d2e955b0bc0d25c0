"""What a step leaves beside its output: what it began from, how it ended, its log (formats: docs/formats.md)."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from houseblend.base.errors import HouseBlendError, class_and_message
from houseblend.base.fingerprint import FileRecord, record_files, that_count

FORMAT = 1
FILE_CONTENT = "sha256:"
"""Before the hash that stands for a file among the options."""
BEGUN, DONE, FAILED, LOG, LOCK = ".begun.json", ".done.json", ".failed.json", ".log", ".lock"


def read_record(path: Path) -> dict[str, Any] | None:
    """The record in a file; None without a file, and an empty one, which agrees with nothing, if it is broken."""
    try:
        value = json.loads(path.read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, RecursionError):
        return {}
    return value if _is_whole(value) else {}


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
        old = record.get("inputs", {}).get(name, {})
        if place.exists():
            reasons += changed_files(name, old, record_files(place, old), str(place))
        else:
            reasons.append(f"{name}: {place} is gone")
    return reasons


def changed_files(
    what: str, old: Mapping[str, FileRecord], new: Mapping[str, FileRecord], place: str = ""
) -> list[str]:
    """In words, which files are gone, new, or of other content.

    Args:
        what: the input's name, or "output".
        old: records of its files as they were.
        new: records of its files as they are.
        place: where it lies; told of an input that is a single file.
    """

    def told(name: str, how: str) -> str:
        return f"{what}: {place if name == '.' else name} {how}"

    old = {name: old[name] for name in that_count(old)}
    reasons = [told(name, "is gone") for name in sorted(old.keys() - new.keys())]
    reasons += [told(name, "is new") for name in sorted(new.keys() - old.keys())]
    changed = sorted(name for name in old.keys() & new.keys() if old[name][2] != new[name][2])
    return reasons + [told(name, "has changed") for name in changed]


def differences(old: Mapping[str, Any], new: Mapping[str, Any], folder: Path) -> list[str]:
    """In words, what changed between two records of the step directory `folder`: version, options, inputs."""
    if (old.get("format"), old.get("step"), old.get("version")) != (FORMAT, new["step"], new["version"]):
        return [f"it was written by {old.get('step')} version {old.get('version')}"]
    reasons = []
    options = old.get("options", {})
    for name in sorted({*options, *new["options"]}):
        before, after = options.get(name), new["options"].get(name)
        if before != after:
            reasons.append(_changed_option(f"option --{name.replace('_', '-')}", before, after))
    inputs, places = old.get("inputs", {}), {**places_of(old, folder), **places_of(new, folder)}
    for name in sorted({*inputs, *new["inputs"]}):
        reasons += changed_files(name, inputs.get(name, {}), new["inputs"].get(name, {}), str(places.get(name, name)))
    return reasons


def _changed_option(what: str, before: Any, after: Any) -> str:
    if str(before).startswith(FILE_CONTENT) and str(after).startswith(FILE_CONTENT):
        return f"the file of {what} has changed"
    return f"{what} was {before}, is {after}"


def _is_whole(value: Any) -> bool:
    """Whether all fields that are there are what docs/formats.md says."""
    kinds = {
        "options": dict,
        "inputs": dict,
        "outputs": dict,
        "places": dict,
        "class": str,
        "message": str,
        "command": str,
    }
    if not isinstance(value, dict) or not all(
        isinstance(value.get(name, kind()), kind) for name, kind in kinds.items()
    ):
        return False
    files = [value.get("outputs", {}), *value.get("inputs", {}).values()]
    return all(isinstance(file, dict) and all(map(_is_file_record, file.values())) for file in files) and all(
        isinstance(place, str) for place in value.get("places", {}).values()
    )


def _is_file_record(value: Any) -> bool:
    return isinstance(value, list) and [type(item) for item in value] == [int, int, str]
