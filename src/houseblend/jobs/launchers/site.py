"""What a site's batch system wants to be asked: one small file, `conf/slurm.conf` or `conf/queue.conf`."""

import difflib
import shlex
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from houseblend.base.errors import UsageError
from houseblend.base.options import declared, declared_fields, option_name

_LONGEST = 1 << 16
_OWN = Path(__file__).resolve().parents[4] / "conf"
"""The toolkit's own folder of default options, where it runs from a checkout."""


@dataclass(frozen=True)
class Site:
    """Options that every job of a site has; `{}` in flags becomes the number asked for."""

    partition: str = declared("", "Partition (Slurm) or queue (GridEngine)")
    account: str = declared("", "Account (Slurm) or project (GridEngine)")
    mem: int = declared(0, "Megabytes that a job has at least")
    minutes: int = declared(0, "Time that a job has, unless it says itself; 0: as the partition has it")
    modules: str = declared("", "Environment modules that a job loads, with blanks between them")
    flags: str = declared("", "More flags of sbatch or qsub, as on a command line")
    mem_flags: str = declared("", "Flags that ask for memory, in megabytes")
    time_flags: str = declared("", "Flags that ask for time: in minutes (Slurm) or seconds (GridEngine)")
    thread_flags: str = declared("", "Flags that ask for cores")
    rank_flags: str = declared("", "Flags that ask for the ranks of a job of MPI (GridEngine: slots)")
    gpu_flags: str = declared("", "Flags that ask for GPUs")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        if self.mem < 0 or self.minutes < 0:
            raise UsageError("--mem or --minutes below 0", expected="0 or more")
        for one in declared_fields(self):
            if "flags" in one.name:
                self.words(one.name, "1")

    def words(self, name: str, value: object = "") -> list[str]:
        """The words of flags, with a number in them.

        Raises:
            UsageError: quotes that do not close.
        """
        try:
            return [word.replace("{}", str(value)) for word in shlex.split(getattr(self, name))]
        except ValueError as failure:
            raise UsageError(f"{option_name(name)}: {failure}", expected="words as a shell reads them") from None


def site_of(launcher: str, path: Path | None, defaults: Site) -> Site:
    """The site's options.

    Args:
        launcher: `slurm` or `queue`.
        path: its file; None: `conf/LAUNCHER.conf` in the working directory, or that of the toolkit, or none.
        defaults: where the file says nothing.

    Raises:
        InputError: the file is missing.
        UsageError: it has other options, or values that make no sense.
    """
    if path is not None:
        return read_site(path, defaults)
    places = (Path("conf") / f"{launcher}.conf", _OWN / f"{launcher}.conf")
    return next((read_site(place, defaults) for place in places if place.is_file()), defaults)


def read_site(path: Path, defaults: Site) -> Site:
    """The options in a file, one `--name=value` a line; as `site_of`."""
    from houseblend.io.streams import read_text

    known = {option_name(one.name): one for one in declared_fields(defaults)}
    values: dict[str, Any] = {}
    for number, raw in enumerate(read_text(path, _LONGEST).split("\n"), start=1):
        line = raw.partition("#")[0].strip()
        if not line:
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        if not name.startswith("--") or not equals:
            do = "write the flags of Kaldi's `option` lines as --flags=..., --gpu-flags=..., --mem-flags=..."
            raise UsageError(f"{line[:60]!r} is no option", file=path, line=number, expected="--name=value", do=do)
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            do = f"did you mean {near[0]}?" if near else f"take one of {', '.join(known)}"
            raise UsageError(f"unknown option {name[:60]}", file=path, line=number, do=do)
        values[known[name].name] = _converted(value, known[name].type, path, number, name)
    try:
        return replace(defaults, **values)
    except UsageError as failure:
        raise failure.but(file=path, do="mend the line") from None


def _converted(value: str, kind: Any, path: Path, line: int, name: str) -> Any:
    if kind not in (int, "int"):
        return value
    if not (value.isascii() and value.isdigit() and len(value) < 10):
        raise UsageError(
            f"found {value[:60]!r}", file=path, line=line, key=name, expected="a whole number", do="mend the line"
        )
    return int(value)
