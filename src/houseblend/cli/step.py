"""The beats of every step: check the inputs, skip what is up to date, work, check the output, mark it done.

A step reads files and directories and writes one directory. Beside its output it keeps what `base/record` describes:
what the work was started from, its log, and either what was made or why not.
"""

import contextlib
import os
import resource
import shlex
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from click import IntRange

from houseblend import __version__
from houseblend.base.atomic import remove_unfinished, write_json
from houseblend.base.errors import HouseBlendError, InputError, StaleError, UsageError
from houseblend.base.fingerprint import hash_file, record_files
from houseblend.base.lock import directory_lock
from houseblend.base.log import copied_to, log
from houseblend.base.options import chosen
from houseblend.base.process import die_with_parent, is_alive
from houseblend.base.record import (
    BEGUN,
    DONE,
    FAILED,
    FILE_CONTENT,
    FORMAT,
    LOCK,
    LOG,
    changed_files,
    changed_inputs,
    differences,
    failure_record,
    read_record,
    relative_places,
)  # fmt: skip
from houseblend.cli.program import Program, argument, command_line, option, options_of

__all__ = [
    "argument",
    "execution_option",
    "jobs_option",
    "max_skipped_option",
    "option",
    "options_of",
    "step",
    "transforms_option",
    "workers_option",
]


def execution_option(name: str, **keywords: Any) -> Callable:
    """Declare an option that cannot change the result (number of jobs, launcher)."""

    def declare(function: Callable) -> Callable:
        function.__dict__.setdefault("execution_options", set()).add(name.lstrip("-").replace("-", "_"))
        return option(name, **keywords)(function)

    return declare


def jobs_option(function: Callable, help: str = "Parallel processes") -> Callable:
    """Declare `--jobs`, for steps that share out their work among processes of this machine."""
    return execution_option("--jobs", type=IntRange(1), default=2, help=help)(function)


def workers_option(function: Callable) -> Callable:
    """Declare `--jobs` and `--launcher`, for steps that share out their work among `workers`, which the function is given."""
    function.__dict__["shares_out"] = True
    launcher = "local, slurm, queue, or slurm:FILE with the site's options; default: $HOUSEBLEND_LAUNCHER, or local"
    function = execution_option("--launcher", default="", help=f"Where the work is done: {launcher}")(function)
    return jobs_option(function, "Parallel processes, or jobs of the launcher")


def max_skipped_option(help: str) -> Callable:
    """Declare `--max-skipped`, for steps that may leave something out (default: nothing)."""
    return option("--max-skipped", type=IntRange(0), default=0, help=help)


def transforms_option(function: Callable) -> Callable:
    """Declare `--transforms`, for steps that use models; name it among their inputs."""
    return option(
        "--transforms", type=Path,
        help="Where transforms of the data's speakers lie (trans.*), for a model of adapted features: what decode or align wrote",
    )(function)  # fmt: skip


def step(
    *, version: int, inputs: tuple[str, ...], output: str, example: str, kind: str | None = None, resumes: bool = False,
    grows: str | None = None, execution: Sequence[str] = (), check: Callable[[dict[str, Any]], None] | None = None,
) -> Callable[[Callable[..., None]], "Step"]:  # fmt: skip
    """Make a step of a function.

    Args:
        version: raised whenever the step's result changes for the same inputs.
        inputs: names of the arguments and options that are read (files or directories; options may be absent).
        output: name of the argument that is the directory to write.
        example: a command line that works, shown by `--help`.
        kind: kind of the output directory, for its validator.
        resumes: the step continues in a directory that it had begun with the same inputs and options.
        grows: a number among the options of a step that resumes: with a larger one it continues what a smaller one made.
        execution: names of options that cannot change the result, beside those of `execution_option`.
        check: called with the options before anything is touched; it may refuse them, or take the process over.
    """

    def declare(function: Callable[..., None]) -> Step:
        name = Path(function.__code__.co_filename).name
        function.__dict__.setdefault("execution_options", set()).update(execution)
        return Step(name, function, example, version, inputs, output, kind, resumes, grows, check)

    return declare


class Step(Program):
    """A program with the beats around it; see `step` for its parameters."""

    def __init__(
        self, name: str, function: Callable[..., None], example: str, version: int,
        inputs: tuple[str, ...], output: str, kind: str | None, resumes: bool, grows: str | None = None,
        check: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(name, function, example)
        self.version, self.inputs, self.output, self.kind = version, inputs, output, kind
        self.resumes, self.grows, self.check = resumes, grows, check
        self.arguments: list[str] = []

    def run(self, arguments: list[str]) -> None:
        """Parse `arguments` and go through the beats; errors are raised."""
        self.arguments = arguments
        recipe = int(os.environ.get("HOUSEBLEND_RECIPE", 0))
        if recipe == os.getppid():
            die_with_parent()
        elif recipe and not is_alive(recipe):
            raise HouseBlendError("the recipe that started this step has ended", key=recipe, do="run the recipe again")
        super().run(arguments)

    def _callback(self, **values: Any) -> None:
        out = Path(values[self.output])
        command = command_line(self.name, self.arguments)
        log(f"{command}  # houseblend {__version__}{_git_state()}")
        places = {name: Path(values[name]) for name in self.inputs if values[name] is not None}
        record = partial(_record_failure, out, command, places)
        for options, names in self.function.__dict__.get("option_kinds", ()):
            chosen(options, {name: values[name] for name in names})
        work = partial(self.function, **self._with_workers(values, out))
        if self.check is not None:
            try:
                self.check(values)
            except UsageError:
                raise
            except HouseBlendError as failure:
                record(failure)
                raise
        with directory_lock(out):
            try:
                self._make(out, places, values, command, work)
            except BaseException as failure:
                record(failure)
                raise
            (out / FAILED).unlink(missing_ok=True)

    def _make(
        self, out: Path, places: dict[str, Path], values: dict[str, Any], command: str, work: Callable[[], None]
    ) -> None:
        """The beats under the lock of the output directory."""
        for name, place in places.items():
            _check_input(name, place)
        begun = self._fingerprint(values, places, read_record(out / DONE) or {})
        if _up_to_date(out, begun):
            log(f"{out} is up to date")
            return
        self._make_room(out, begun)
        with copied_to(out / LOG, f"# {_here(command)}"):
            start = time.monotonic()
            work()
            if self.kind is not None:
                from houseblend.io.directories import validate

                validate(self.kind, out)
            if changes := changed_inputs(begun, out):
                raise StaleError(
                    f"an input changed while the step ran: {changes[0]}", file=out, do=f"run {self.name} again"
                )
            seconds = round(time.monotonic() - start, 1)
            done = {
                **begun, "outputs": record_files(out, {}), "seconds": seconds, "cpu_seconds": _cpu_seconds(),
                "houseblend": __version__,
            }  # fmt: skip
            write_json(out / DONE, done)
            log(f"{out} done in {seconds} s")

    def _with_workers(self, values: dict[str, Any], out: Path) -> dict[str, Any]:
        """The options, those of `workers_option` as the workers that they ask for."""
        if "shares_out" not in self.function.__dict__:
            return values
        from houseblend.jobs.parts import workers_of

        others = {name: value for name, value in values.items() if name not in ("jobs", "launcher")}
        return {**others, "workers": workers_of(values["launcher"], values["jobs"], out)}

    def _fingerprint(self, values: dict[str, Any], places: dict[str, Path], known: dict[str, Any]) -> dict[str, Any]:
        execution = self.function.__dict__.get("execution_options", set())
        options = {
            name: _option_value(value)
            for name, value in sorted(values.items())
            if name != self.output and name not in self.inputs and name not in execution
        }
        records = {}
        for name, place in places.items():
            produced = (read_record(place / DONE) or {}).get("outputs", {}) if place.is_dir() else {}
            records[name] = record_files(place, {**produced, **known.get("inputs", {}).get(name, {})})
        return {
            "format": FORMAT, "step": self.name, "version": self.version, "options": options, "inputs": records,
            "places": relative_places(places, Path(values[self.output])), "resumes": self.resumes,
        }  # fmt: skip

    def _make_room(self, out: Path, begun: dict[str, Any]) -> None:
        """Remove what an earlier run left in `out`, unless it can be continued.

        While files are removed `.begun.json` is nobody's, so that nothing is continued of what is half removed.
        """
        before = read_record(out / BEGUN)
        if before is None and out.exists() and any(not name.name.startswith(".") for name in out.iterdir()):
            raise InputError(
                "the output directory holds files that no step has written", file=out, do="name another or remove it"
            )
        if before is not None and self.resumes and not differences(self._grown(before, begun), begun, out):
            log(f"continuing in {out}")
            (out / DONE).unlink(missing_ok=True)
            write_json(out / BEGUN, begun)
            remove_unfinished(out)
            return
        if before is not None:
            write_json(out / BEGUN, {"format": FORMAT})
        for entry in sorted(out.iterdir()):
            if entry.name not in (LOCK, BEGUN):
                shutil.rmtree(entry) if entry.is_dir() and not entry.is_symlink() else entry.unlink()
        write_json(out / BEGUN, begun)

    def _grown(self, before: dict[str, Any], begun: dict[str, Any]) -> dict[str, Any]:
        """The record of an earlier run as if it had asked for as much as this one, if it asked for less."""
        options, wanted = before.get("options", {}), begun["options"].get(self.grows)
        if wanted is None or not isinstance(options.get(self.grows), int | float) or options[self.grows] > wanted:
            return before
        return {**before, "options": {**options, self.grows: wanted}}


def _record_failure(out: Path, command: str, places: dict[str, Path], failure: BaseException) -> None:
    """Note beside the output why the step failed; where nothing was begun, nothing is left behind."""
    if (out / LOCK).exists():
        with contextlib.suppress(OSError):
            write_json(out / FAILED, failure_record(failure, _here(command), relative_places(places, out)))


def _check_input(name: str, place: Path) -> None:
    if not place.exists():
        raise InputError(
            "no such file or directory", file=place, key=name, do="check the name, or run the step that makes it first"
        )
    if not place.is_dir():
        return
    if (place / BEGUN).exists() and not (place / DONE).exists():
        raise InputError("the directory is unfinished", file=place, key=name, do="run the step that makes it again")
    from houseblend.io.directories import KINDS, validate

    if name in KINDS:
        validate(name, place)


def _up_to_date(out: Path, begun: dict[str, Any]) -> bool:
    """Whether `out` was finished from the same inputs and options, and its files are still as they were."""
    done = read_record(out / DONE)
    if done is None:
        return False
    reasons = differences(done, begun, out)
    if not reasons:
        reasons = changed_files("output", done.get("outputs", {}), record_files(out, done.get("outputs", {})))
    for reason in reasons[:5]:
        log(f"{out} is made again: {reason}")
    return not reasons


def _option_value(value: Any) -> Any:
    if isinstance(value, Path):
        return f"{FILE_CONTENT}{hash_file(value)}" if value.is_file() else str(value)
    return list(value) if isinstance(value, tuple) else value


def _here(command: str) -> str:
    """The command with the folder in which it was given."""
    return f"cd {shlex.quote(os.getcwd())} && {command}"


def _cpu_seconds() -> float:
    """What this process and those that it has waited for have taken of the processors, starting up included."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(usage.ru_utime + usage.ru_stime for usage in usages), 1)


def _git_state() -> str:
    folder = Path(__file__).resolve().parents[3]
    if not (folder / ".git").exists():
        return ""
    command = ["git", "-C", os.fspath(folder), "describe", "--always", "--dirty"]
    try:
        return " git " + subprocess.run(command, capture_output=True, text=True, timeout=10, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
