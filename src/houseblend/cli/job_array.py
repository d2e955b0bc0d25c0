"""What `run`, `slurm` and `queue` have in common: the words of Kaldi's run.pl, slurm.pl and queue.pl."""

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from houseblend.base.errors import UsageError
from houseblend.cli.program import Program, option

if TYPE_CHECKING:
    from houseblend.jobs.launchers.batch_system import BatchLauncher
    from houseblend.jobs.spec import JobSpec

WORDS = "[NAME=FIRST:LAST | NAME=NUMBER] LOG COMMAND ..."
_RANGE = re.compile(r"[A-Za-z_]\w*=[^/]*", re.ASCII)
_NUMBERS = re.compile(r"(\w+)=([0-9]{1,6})(?::([0-9]{1,6}))?", re.ASCII)
_SHELL = {"|", "||", "&&", ";", "<", ">", ">>", "2>&1"}
_MEGABYTES = {"K": 2**-10, "M": 1, "G": 2**10, "": 2**-20}
_VALUES = {"-V": 0, "-pe": 2}
"""Options of batch systems with another number of values than one."""
_OF_ALL = {"-tc": "--max-jobs-run"}
_WITHOUT_MEANING = {"-V", "-sync"}
"""Options of qsub: the environment that matters is always handed on, and all jobs are always waited for."""


def own_first(pass_on: bool, unused: frozenset[str] = frozenset()) -> Callable[[Program, list[str]], list[str]]:
    """What puts a program's own options, wherever Kaldi's scripts take them, before the range and the command.

    Args:
        pass_on: options with one dash are words for the batch system (`--flags`); else they have no effect.
        unused: options with two dashes that have no meaning for this program.
    """

    def before(program: Program, arguments: list[str]) -> list[str]:
        own: list[str] = []
        span: list[str] = []
        rest = list(arguments)
        while rest and (rest[0].startswith("-") or (not span and _RANGE.fullmatch(rest[0]))):
            word = _OF_ALL.get(rest[0], rest[0])
            if not word.startswith("-"):
                span, rest = rest[:1], rest[1:]
            elif word in ("--help", "--print-args", "--dry-run") or (word.startswith("--") and "=" in word):
                own, rest = [*own, word], rest[1:]
            else:
                count = 1 + _VALUES.get(word, 1)
                taken, rest = [word, *rest[1:count]], rest[count:]
                own += _kept(program, taken, pass_on, unused)
        return [*own, "--", *span, *arguments[len(arguments) - len(rest) :]]

    return before


def _kept(program: Program, taken: list[str], pass_on: bool, unused: frozenset[str]) -> list[str]:
    """An option with its values, as the program takes it."""
    from houseblend.base.log import warn

    name = taken[0]
    if name in program.options() or (pass_on and name.startswith("--") and name not in unused):
        return taken
    if pass_on and not name.startswith("--") and name not in _WITHOUT_MEANING:
        return [f"--flags={shlex.join(taken)}"]
    if name.startswith("--") and name not in unused:
        warn(f"{' '.join(taken)}: no option of {program.name}, passed over with its value; see {program.name} --help")
    return []


def with_needs(function: Callable) -> Callable:
    """Declare what every job may ask for."""
    options = [
        option(
            "--max-jobs-run", type=int, multiple=True,
            help="Jobs at a time, the least if given again (also -tc); default: what there is room for",
        ),
        option("--num-threads", type=int, default=1, help="Cores that each job uses"),
        option("--mem", default="1000M", help="Memory of each job: 500M, 4G, or a number of bytes"),
    ]  # fmt: skip
    for declare in reversed(options):
        function = declare(function)
    return function


def with_batch_options(function: Callable) -> Callable:
    """Declare what jobs of a batch system may ask for besides."""
    options = [
        option("--gpu", type=int, default=0, help="GPUs of each job"),
        option("--time", type=int, default=0, help="Minutes that each job may take; 0: as the site's file has it"),
        option("--config", default="", help="The site's options; default: conf/{slurm,queue}.conf, here or the toolkit's"),
        option("--flags", multiple=True, help="Words for the batch system, as on a command line (also -X VALUE)"),
        option("--dry-run", type=bool, default=False, help="Print the batch script instead of submitting it"),
    ]  # fmt: skip
    for declare in reversed(options):
        function = declare(function)
    return function


def array_of(words: tuple[str, ...], num_threads: int, mem: str, **needs: int) -> tuple["JobSpec", Path]:
    """The jobs that the words of a command line ask for, and the folder of their specification.

    Raises:
        UsageError: they are not what the program takes.
    """
    from houseblend.jobs.array import spec_of_range

    name, numbers = _numbers(words[0]) if _RANGE.fullmatch(words[0]) else ("", range(1, 2))
    log, *command = words[1:] if name else words
    if not command or (len(numbers) > 1 and name not in log):
        expected = f"[NAME=FIRST:LAST] LOG COMMAND ..., with {name or 'NAME'} in LOG if there are several"
        raise UsageError("bad arguments", expected=expected, do="see --help")
    if num_threads < 1 or any(value < 0 for value in needs.values()):
        raise UsageError("--num-threads below 1, or --gpu or --time below 0", expected="at least that")
    return spec_of_range(
        _for_bash(command), log, numbers, name, cores=num_threads, memory_mb=_megabytes(mem), **needs
    )  # fmt: skip


def slots_of(max_jobs_run: tuple[int, ...]) -> int | None:
    """The least of what was given; UsageError if it is below 1."""
    if min(max_jobs_run, default=1) < 1:
        raise UsageError("--max-jobs-run below 1", expected="at least 1")
    return min(max_jobs_run, default=None)


def run_or_show(spec: "JobSpec", folder: Path, launcher: "BatchLauncher", dry_run: bool) -> None:
    """Run an array on a batch system, or print the script that would be submitted."""
    from houseblend.jobs.array import check, run_spec
    from houseblend.jobs.launcher import Batch

    if dry_run:
        batch = Batch(spec, folder / "spec.json", tuple(spec.numbers))
        print(launcher.script_of(launcher.prepare(batch)), end="")
        return
    check(run_spec(spec, folder, launcher))


def _numbers(word: str) -> tuple[str, range]:
    """Name and numbers of `JOB=1:4` or `JOB=1`."""
    found = _NUMBERS.fullmatch(word)
    first, last = (int(found[2]), int(found[3] or found[2])) if found else (0, 0)
    if found is None or not 1 <= first <= last:
        expected = "NAME=NUMBER or NAME=FIRST:LAST, whole numbers from 1 to 999999, FIRST not above LAST"
        raise UsageError(f"{word!r} is no range of jobs", expected=expected, do="a log file of such a name: ./NAME=...")
    return found[1], range(first, last + 1)


def _for_bash(command: list[str]) -> list[str]:
    """The command, by way of bash if words of it are the shell's."""
    if not _SHELL & set(command):
        return command
    text = " ".join(word if word in _SHELL else shlex.quote(word) for word in command)
    return ["bash", "-o", "pipefail", "-c", text]


def _megabytes(mem: str) -> int:
    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMG]?)", mem.upper())
    if found is None:
        raise UsageError(f"--mem={mem}", expected="a number of bytes, or one with K, M or G behind it")
    return int(float(found[1]) * _MEGABYTES[found[2]])
