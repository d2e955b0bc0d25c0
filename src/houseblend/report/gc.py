"""What of finished and killed steps nothing needs any more, and how much deleting it frees."""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.atomic import TEMPORARY
from houseblend.base.errors import BusyError
from houseblend.base.fingerprint import BETWEEN_ROUNDS, LEDGER
from houseblend.base.lock import directory_lock
from houseblend.base.log import warn
from houseblend.base.record import BEGUN, DONE
from houseblend.jobs.parts import FOLDER
from houseblend.report.status import StepState, state_of, step_directories


@dataclass(frozen=True)
class Needless:
    """What can be deleted of a step's directory.

    Args:
        folder: the directory.
        why: nothing needs it.
        paths: files, and folders with all that is in them.
    """

    folder: Path
    why: str
    paths: Sequence[Path]

    @property
    def size(self) -> int:
        """Bytes that deleting it frees."""
        files = [file for path in self.paths for file in (path, *path.rglob("*")) if file.is_file()]
        return sum(512 * file.lstat().st_blocks for file in files)

    def delete(self) -> None:
        """Delete it.

        Raises:
            OSError: that is not allowed.
        """
        for path in self.paths:
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink(missing_ok=True)


def collect(place: Path, dry_run: bool) -> None:
    """Print a line for all that can be deleted below a directory, and delete it unless it is a dry run.

    A step that is under way keeps all, also if it begins meanwhile.

    Raises:
        InputError: no step has written there.
        OSError: something cannot be deleted.
    """
    total = 0
    for folder in step_directories(place):
        for one in needless_in(state_of(folder)):
            size = one.size
            if not dry_run and not _deleted(one):
                continue
            total += size
            print(f"{size / 1e6:10.1f} MB  {folder}: {one.why} ({len(one.paths)})", flush=True)
    print(f"{total / 1e6:10.1f} MB  " + ("can be freed; --dry-run=false does it" if dry_run else "are freed"))


def _deleted(needless: Needless) -> bool:
    """Delete it while nobody works in its directory; whether that was so and it is still of no use."""
    try:
        with directory_lock(needless.folder):
            needless.delete()
    except BusyError as failure:
        warn(str(failure))
        return False
    return True


def needless_in(state: StepState) -> Iterator[Needless]:
    """What can be deleted of a step's directory as it stands; nothing while the step is under way."""
    folder = state.folder
    if state.kind == "running":
        return
    is_done = (folder / DONE).exists()
    if not is_done and (folder / BEGUN).exists() and not state.record.get("resumes"):
        yield from _any(folder, "begun and not finished, made anew by the next run", _visible(folder))
        return
    yield from _any(folder, "left by writers that were killed", _below(folder, TEMPORARY))
    if state.kind == "done":
        yield from _any(folder, "of jobs that have ended", [path for path in [folder / FOLDER] if path.exists()])
        yield from _any(folder, "of a finished training, from between its rounds", _between_rounds(folder))


def _any(folder: Path, why: str, paths: Sequence[Path]) -> Iterator[Needless]:
    if paths:
        yield Needless(folder, why, paths)


def _between_rounds(folder: Path) -> list[Path]:
    """Models and states by number, and what jobs that were late have left, of all trainings in a step's directory."""
    found = []
    for place in (ledger.parent for ledger in _below(folder, LEDGER)):
        found += sorted(path for path in place.iterdir() if BETWEEN_ROUNDS.fullmatch(path.name))
        found += [path for kind in ("raw", "nnet", "npz") for path in sorted(place.glob(f"rounds/*/*.{kind}*"))]
    return found


def _below(folder: Path, pattern: str) -> list[Path]:
    """Files of a step's directory, without those of steps that have written below it."""

    def is_its_own(path: Path) -> bool:
        between = path.relative_to(folder).parents[:-1]
        return not any((folder / parent / BEGUN).exists() for parent in between)

    return sorted(filter(is_its_own, folder.rglob(pattern)))


def _visible(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
