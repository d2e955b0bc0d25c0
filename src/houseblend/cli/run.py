"""run: run a command, or one for each number of a range, on this machine, each with its log."""

import re

from houseblend.cli.program import Program, argument, option, program

_RANGE = re.compile(r"[A-Za-z_]\w*=[^/]*", re.ASCII)
_NUMBERS = re.compile(r"(\w+)=([0-9]{1,6})(?::([0-9]{1,6}))?", re.ASCII)
_NOT_HERE = {"--config": 2, "--gpu": 2, "-l": 2, "-pe": 3, "-q": 2, "-sync": 2, "-V": 1}
"""Options of queueing systems without meaning on this machine: how many words each takes."""
_SHELL = {"|", "||", "&&", ";", "<", ">", ">>", "2>&1"}
_MEGABYTES = {"K": 2**-10, "M": 1, "G": 2**10, "": 2**-20}


def _own_first(program: Program, arguments: list[str]) -> list[str]:
    """The options of `run`, wherever Kaldi's run.pl takes them, then the range and the command."""
    from houseblend.base.log import warn

    own: list[str] = []
    span: list[str] = []
    rest = ["--max-jobs-run" if word == "-tc" else word for word in arguments]
    while rest and (rest[0].startswith("-") or (not span and _RANGE.fullmatch(rest[0]))):
        word = rest[0]
        if not word.startswith("-"):
            span, rest = rest[:1], rest[1:]
        elif word in ("--help", "--print-args") or "=" in word:
            own, rest = [*own, word], rest[1:]
        else:
            known = word in program.options()
            taken, rest = rest[: _NOT_HERE.get(word, 2)], rest[_NOT_HERE.get(word, 2) :]
            own += taken if known else []
            if not known and word not in _NOT_HERE:
                warn(f"{' '.join(taken)}: no option of run, passed over with its value; see run --help")
    return [*own, "--", *span, *arguments[len(arguments) - len(rest) :]]


@program(
    example="run --max-jobs-run=2 JOB=1:4 exp/x/log/feats.JOB.log copy-feats ark:in.JOB.ark ark:out.JOB.ark",
    before=_own_first,
)
@argument("words", nargs=-1, help="[NAME=FIRST:LAST | NAME=NUMBER] LOG COMMAND ...")
@option(
    "--max-jobs-run", type=int, multiple=True,
    help="Jobs at a time, the least if given again (also -tc); default: what cores and memory allow",
)  # fmt: skip
@option("--num-threads", type=int, default=1, help="Cores that each job uses")
@option("--mem", default="1000M", help="Memory of each job: 500M, 4G, or a number of bytes")
def main(words: tuple[str, ...], max_jobs_run: tuple[int, ...], num_threads: int, mem: str) -> None:
    """Run a command once, or for every number of a range; NAME in the log's name and in the command becomes the number.

    Options stand before the log file, as for Kaldi's run.pl; those of queueing systems (-l, -q, -pe, --gpu, ...) are taken
    and have no effect. The command is not seen by a shell unless one of its words is |, ||, &&, ;, <, > or >>.
    """
    from houseblend.base.errors import UsageError
    from houseblend.jobs.array import run_array
    from houseblend.jobs.launchers.local import LocalLauncher

    name, numbers = _numbers(words[0]) if _RANGE.fullmatch(words[0]) else ("", range(1, 2))
    log, *command = words[1:] if name else words
    if min((num_threads, *max_jobs_run)) < 1:
        raise UsageError("--max-jobs-run or --num-threads below 1", expected="at least 1")
    if not command or (len(numbers) > 1 and name not in log):
        expected = f"[NAME=FIRST:LAST] LOG COMMAND ..., with {name or 'NAME'} in LOG if there are several"
        raise UsageError("bad arguments", expected=expected, do="see run --help")
    launcher = LocalLauncher(min(max_jobs_run, default=None))
    run_array(_for_bash(command), log, numbers, name, launcher, cores=num_threads, memory_mb=_megabytes(mem))


def _numbers(word: str) -> tuple[str, range]:
    """Name and numbers of `JOB=1:4` or `JOB=1`."""
    from houseblend.base.errors import UsageError

    found = _NUMBERS.fullmatch(word)
    first, last = (int(found[2]), int(found[3] or found[2])) if found else (0, 0)
    if found is None or not 1 <= first <= last:
        expected = "NAME=NUMBER or NAME=FIRST:LAST, whole numbers from 1 to 999999, FIRST not above LAST"
        raise UsageError(f"{word!r} is no range of jobs", expected=expected, do="a log file of such a name: ./NAME=...")
    return found[1], range(first, last + 1)


def _for_bash(command: list[str]) -> list[str]:
    """The command, by way of bash if words of it are the shell's."""
    import shlex

    if not _SHELL & set(command):
        return command
    text = " ".join(word if word in _SHELL else shlex.quote(word) for word in command)
    return ["bash", "-o", "pipefail", "-c", text]


def _megabytes(mem: str) -> int:
    from houseblend.base.errors import UsageError

    found = re.fullmatch(r"([0-9]{1,15}(?:\.[0-9]{1,9})?)([KMG]?)", mem.upper())
    if found is None:
        raise UsageError(f"--mem={mem}", expected="a number of bytes, or one with K, M or G behind it")
    return int(float(found[1]) * _MEGABYTES[found[2]])
