"""The beats of every step: check the inputs, skip what is up to date, work, check the output, mark it done.

A step reads files and directories and writes one directory. Beside its output it keeps `.begun.json` (what the work
in the directory was started from) and `.done.json` (the same, and all output files); formats: docs/formats.md.
"""

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from houseblend import __version__
from houseblend.base.atomic import write_json
from houseblend.base.errors import InputError
from houseblend.base.fingerprint import FileRecord, hash_file, record_files
from houseblend.base.lock import directory_lock
from houseblend.base.log import log
from houseblend.base.process import die_with_parent
from houseblend.cli.program import Program, argument, command_line, option

__all__ = ["argument", "execution_option", "option", "step"]

FORMAT = 1


def execution_option(name: str, **keywords: Any) -> Callable:
    """Declare an option that cannot change the result (number of jobs, slots, launcher)."""

    def declare(function: Callable) -> Callable:
        function.__dict__.setdefault("execution_options", set()).add(name.lstrip("-").replace("-", "_"))
        return option(name, **keywords)(function)

    return declare


def step(
    *, version: int, inputs: tuple[str, ...], output: str, example: str, kind: str | None = None, resumes: bool = False
) -> Callable[[Callable[..., None]], "Step"]:
    """Make a step of a function.

    Args:
        version: raised whenever the step's result changes for the same inputs.
        inputs: names of the arguments and options that are read (files or directories; options may be absent).
        output: name of the argument that is the directory to write.
        example: a command line that works, shown by `--help`.
        kind: kind of the output directory, for its validator.
        resumes: the step continues in a directory that it had begun with the same inputs and options.
    """

    def declare(function: Callable[..., None]) -> Step:
        name = Path(function.__code__.co_filename).name
        return Step(name, function, example, version, inputs, output, kind, resumes)

    return declare


class Step(Program):
    """A program with the beats around it; see `step` for its parameters."""

    def __init__(
        self, name: str, function: Callable[..., None], example: str, version: int,
        inputs: tuple[str, ...], output: str, kind: str | None, resumes: bool,
    ) -> None:  # fmt: skip
        super().__init__(name, function, example)
        self.version, self.inputs, self.output, self.kind, self.resumes = version, inputs, output, kind, resumes
        self.arguments: list[str] = []

    def run(self, arguments: list[str]) -> None:
        """Parse `arguments` and go through the beats; errors are raised."""
        self.arguments = arguments
        if os.environ.get("HOUSEBLEND_RECIPE") == str(os.getppid()):
            die_with_parent()
        super().run(arguments)

    def _callback(self, config: tuple[str, ...], **values: Any) -> None:
        out = Path(values[self.output])
        log(f"{command_line(self.name, self.arguments)}  # houseblend {__version__}{_git_state()}")
        places = {name: Path(values[name]) for name in self.inputs if values[name] is not None}
        for name, place in places.items():
            _check_input(name, place)
        with directory_lock(out):
            begun = self._fingerprint(values, places, _read_record(out / ".done.json") or {})
            if _up_to_date(out, begun):
                log(f"{out} is up to date")
                return
            self._make_room(out, begun)
            start = time.monotonic()
            self.function(**values)
            if self.kind is not None:
                from houseblend.io.directories import validate

                validate(self.kind, out)
            seconds = round(time.monotonic() - start, 1)
            done = {**begun, "outputs": record_files(out, {}), "seconds": seconds, "houseblend": __version__}
            write_json(out / ".done.json", done)
            log(f"{out} done in {seconds} s")

    def _fingerprint(self, values: dict[str, Any], places: dict[str, Path], known: dict[str, Any]) -> dict[str, Any]:
        execution = self.function.__dict__.get("execution_options", set())
        options = {
            name: _option_value(value)
            for name, value in sorted(values.items())
            if name != self.output and name not in self.inputs and name not in execution
        }
        records = {}
        for name, place in places.items():
            produced = (_read_record(place / ".done.json") or {}).get("outputs", {}) if place.is_dir() else {}
            records[name] = record_files(place, {**produced, **known.get("inputs", {}).get(name, {})})
        return {"format": FORMAT, "step": self.name, "version": self.version, "options": options, "inputs": records}

    def _make_room(self, out: Path, begun: dict[str, Any]) -> None:
        """Remove what an earlier run left in `out`, unless it can be continued."""
        before = _read_record(out / ".begun.json")
        if before is None and out.exists() and any(not name.name.startswith(".") for name in out.iterdir()):
            raise InputError(
                "the output directory holds files that no step has written", file=out, do="name another or remove it"
            )
        if before is not None and self.resumes and not _differences(before, begun):
            log(f"continuing in {out}")
            (out / ".done.json").unlink(missing_ok=True)
            return
        out.mkdir(parents=True, exist_ok=True)
        for entry in sorted(out.iterdir()):
            if entry.name not in (".lock", ".begun.json"):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        write_json(out / ".begun.json", begun)


def _check_input(name: str, place: Path) -> None:
    if not place.exists():
        raise InputError("no such file or directory", file=place, key=name, do="run the step that makes it first")
    if not place.is_dir():
        return
    if (place / ".begun.json").exists() and not (place / ".done.json").exists():
        raise InputError("the directory is unfinished", file=place, key=name, do="run the step that makes it again")
    from houseblend.io.directories import KINDS, validate

    if name in KINDS:
        validate(name, place)


def _up_to_date(out: Path, begun: dict[str, Any]) -> bool:
    """Whether `out` was finished from the same inputs and options, and its files are still as they were."""
    done = _read_record(out / ".done.json")
    if done is None:
        return False
    reasons = _differences(done, begun)
    if not reasons:
        reasons = _changed_files("output", done["outputs"], record_files(out, done["outputs"]))
    for reason in reasons[:5]:
        log(f"{out} is made again: {reason}")
    return not reasons


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    """What changed between two records, in words."""
    if (old.get("format"), old.get("step"), old.get("version")) != (FORMAT, new["step"], new["version"]):
        return [f"it was written by {old.get('step')} version {old.get('version')}"]
    reasons = []
    for name in sorted({*old["options"], *new["options"]}):
        before, after = old["options"].get(name), new["options"].get(name)
        if before != after:
            reasons.append(f"option --{name.replace('_', '-')} was {before}, is {after}")
    for name in sorted({*old["inputs"], *new["inputs"]}):
        reasons += _changed_files(name, old["inputs"].get(name, {}), new["inputs"].get(name, {}))
    return reasons


def _changed_files(what: str, old: dict[str, FileRecord], new: dict[str, FileRecord]) -> list[str]:
    reasons = [f"{what}: {name} is gone" for name in sorted(old.keys() - new.keys())]
    reasons += [f"{what}: {name} is new" for name in sorted(new.keys() - old.keys())]
    return reasons + [
        f"{what}: {name} has changed" for name in sorted(old.keys() & new.keys()) if old[name][2] != new[name][2]
    ]


def _read_record(path: Path) -> dict[str, Any] | None:
    try:
        return json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return None


def _option_value(value: Any) -> Any:
    if isinstance(value, Path):
        return f"sha256:{hash_file(value)}" if value.is_file() else str(value)
    return list(value) if isinstance(value, tuple) else value


def _git_state() -> str:
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", os.fspath(folder), "describe", "--always", "--dirty"]
    try:
        return " git " + subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
