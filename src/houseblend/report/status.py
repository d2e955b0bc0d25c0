"""How steps stand: done, running, stale, failed or unfinished, from the records that they keep in their directories."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import record_files
from houseblend.base.lock import lock_holder
from houseblend.base.record import BEGUN, DONE, FAILED, changed_files, changed_inputs, places_of, read_record
from houseblend.report.late import count_late, rounds_in


@dataclass(frozen=True)
class StepState:
    """How the step that writes a directory stands.

    Args:
        folder: the directory.
        kind: running, failed, unfinished (it ended without a word), stale or done.
        detail: who holds the lock, why it failed, what has changed, or how long it took.
        record: `.begun.json`, and over it `.failed.json` or `.done.json`, whichever speaks of this.
    """

    folder: Path
    kind: str
    detail: str
    record: dict[str, Any]

    def __str__(self) -> str:
        return f"{self.kind:10} {self.folder}: {self.detail}"

    @property
    def inputs(self) -> list[Path]:
        """Where the step's inputs lie."""
        return list(places_of(self.record, self.folder).values())


def step_directories(place: Path) -> list[Path]:
    """`place`, if a step writes it; else all directories below it that steps write, in the order of the pipeline.

    Raises:
        InputError: there is no such directory, or no step has written there.
    """
    if not place.is_dir():
        raise InputError("no such directory", file=place, expected="an experiment or a recipe's work directory")
    found = [place] if _is_step(place) else _in_order(sorted(_below(place), key=_began))
    if not found:
        raise InputError(
            "no step has written here", file=place, expected="an experiment or a recipe's work directory",
            do="name a step's output, or what was given to run.sh as --work",
        )  # fmt: skip
    return found


def lineage(folder: Path) -> list[Path]:
    """A step's directory, those that it was made of, and those in it or beside it that were made of it, in the order of the pipeline.

    Raises:
        InputError: see `step_directories`.
    """
    step_directories(folder)
    real = Path(os.path.realpath(folder))
    above, left = {real}, [real]
    while left:
        for place in _inputs(left.pop()):
            made_by = next((part for part in (place, *place.parents) if _is_step(part)), None)
            if made_by is not None and made_by not in above:
                above.add(made_by)
                left.append(made_by)
    near = [*filter(_is_step, real.parent.iterdir()), *_below(real)]
    below = {real}
    for place in _in_order(sorted(near, key=_began)):
        if any(below & {read, *read.parents} for read in _inputs(place)):
            below.add(place)
    return [Path(os.path.relpath(place)) for place in _in_order(sorted(above | below, key=_began))]


def state_of(folder: Path) -> StepState:
    """How the step that writes `folder` stands now."""
    begun, done, failed = (read_record(folder / name) for name in (BEGUN, DONE, FAILED))
    holder = lock_holder(folder)
    if holder is not None:
        return StepState(folder, "running", f"in use by {holder}{_training(folder)}", begun or {})
    if failed is not None:
        first, _, _ = failed.get("message", "for a reason that cannot be read").partition("\n")
        detail = f"{failed.get('class', 'failed')}: {first}"
        return StepState(folder, "failed", detail, {**(begun or {}), **failed})
    if done is None:
        return StepState(folder, "unfinished", "ended without a word", begun or {})
    made = done.get("outputs", {})
    reasons = changed_inputs(done, folder) or changed_files("output", made, record_files(folder, made))
    if reasons:
        more = f" and {len(reasons) - 1} more" if len(reasons) > 1 else ""
        return StepState(folder, "stale", reasons[0] + more, done)
    times = f"{done.get('seconds')} s, {done.get('cpu_seconds')} s of processors{count_late(rounds_in(folder))}"
    return StepState(folder, "done", f"{done.get('step')}, {times}", done)


def _training(folder: Path) -> str:
    """How far a training has come, from its ledger: rounds, held-out objective, and what the rest takes at its pace."""
    rounds = rounds_in(folder)
    if not rounds:
        return ""
    last, before = rounds[-1], sum(one.plan.frames - one.frames_unseen for one in rounds[:-1])
    said = f"; {len(rounds)} rounds done, held out {last.measured.heldout_objective:.4f}"
    if last.plan.seen:
        share = (before + last.plan.frames) * last.plan.seen / before
        left = sum(one.seconds for one in rounds) * (1.0 - share) / share
        said += f", {share:.0%} of the frames, about {left / 60:.0f} min left"
    return said + count_late(rounds)


def _is_step(folder: Path) -> bool:
    return any((folder / name).exists() for name in (BEGUN, DONE, FAILED))


def _began(folder: Path) -> tuple[int, Path]:
    """When the step began, as far as its records tell, and its name."""
    paths = [folder / name for name in (BEGUN, DONE, FAILED)]
    return min(path.stat().st_mtime_ns for path in paths if path.exists()), folder


def _in_order(folders: list[Path]) -> list[Path]:
    """Each behind those that its step reads from; otherwise the order stays."""
    by_place = {os.path.realpath(folder): folder for folder in folders}
    seen: set[Path] = set()
    order: list[Path] = []

    def visit(folder: Path) -> None:
        if folder in seen:
            return
        seen.add(folder)
        for real in _inputs(folder):
            for read in (by_place[str(part)] for part in (real, *real.parents) if str(part) in by_place):
                visit(read)
        order.append(folder)

    for folder in folders:
        visit(folder)
    return order


def _inputs(folder: Path) -> list[Path]:
    """Where what a step reads lies, as its records tell."""
    record = next(filter(None, (read_record(folder / name) for name in (BEGUN, FAILED, DONE))), {})
    return [Path(os.path.realpath(place)) for place in places_of(record, folder).values()]


def _below(place: Path) -> Iterator[Path]:
    for parent, folders, _ in os.walk(place):
        folders[:] = [name for name in folders if not name.startswith(".")]
        if _is_step(Path(parent)):
            yield Path(parent)
