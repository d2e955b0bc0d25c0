"""Cards (GPUs) of this machine as slots: a card is one job's at a time, by a lock file, and free when the job's wrapper ends.

Neither root nor the exclusive mode of the driver is needed; all who take cards in this way keep out of each other's.
"""

import fcntl
import itertools
import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from houseblend.base.errors import HouseBlendError
from houseblend.base.lock import try_lock

VISIBLE = "CUDA_VISIBLE_DEVICES"
LOCKS = Path("/tmp")
"""Where the lock files are, the same for all users of the machine."""
DEVICES = Path("/dev")


@dataclass
class Cards:
    """Cards that are taken.

    Args:
        names: as `cards_here` has them; none on a machine without cards, where the job says what is wrong.
        locks: open files that hold them; a card is free when the last process that has inherited its file has ended.
    """

    names: list[str] = field(default_factory=list)
    locks: list[int] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which a process sees these cards only."""
        return {VISIBLE: ",".join(self.names)} if self.names else {}

    def close(self) -> None:
        """Let go of them here."""
        for lock in self.locks:
            os.close(lock)


def cards_here() -> list[str]:
    """Cards that may be used: those of CUDA_VISIBLE_DEVICES, as a scheduler sets it, or all of the machine by their number."""
    if VISIBLE in os.environ:
        words = (word.strip() for word in os.environ[VISIBLE].split(","))
        return list(itertools.takewhile(lambda word: word not in ("", "-1"), words))
    found = [path for path in DEVICES.glob("nvidia*") if re.fullmatch(r"nvidia\d+", path.name)]
    return [str(number) for number in range(len(found))]


def take_cards(count: int) -> Cards | None:
    """Take so many cards, those that are free first in the order of `cards_here`; None if fewer are free.

    Raises:
        HouseBlendError: there are not so many.
        OSError: a lock file cannot be opened.
    """
    names = cards_here() if count else []
    if 0 < len(names) < count:
        raise HouseBlendError(f"{count} cards for a job", key=VISIBLE, expected=f"at most {len(names)}")
    taken = Cards()
    for name in names:
        if len(taken.names) < count and (lock := _lock(name)) is not None:
            taken.names.append(name)
            taken.locks.append(lock)
    if names and len(taken.names) < count:
        taken.close()
        return None
    return taken


def lock_file(name: str) -> Path:
    """Of a card."""
    return LOCKS / f"houseblend-card-{re.sub(r'[^A-Za-z0-9-]', '-', name)}.lock"


def _lock(name: str) -> int | None:
    """An open file that holds the card; None if another has it."""
    file = _opened(lock_file(name))
    if try_lock(file, fcntl.LOCK_EX):
        return file
    os.close(file)
    return None


def _opened(path: Path) -> int:
    """The file of whichever user, opened for reading: a lock needs no more, and Linux lets nobody write to another's in /tmp."""
    try:
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    except FileNotFoundError:
        file = os.open(path, os.O_RDONLY | os.O_CREAT | os.O_NOFOLLOW, 0o644)
        os.fchmod(file, 0o644)
        return file
