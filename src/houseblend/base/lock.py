"""One writer a directory: a lock that names its holder and falls with its process."""

import contextlib
import fcntl
import json
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from houseblend.base.errors import BusyError
from houseblend.base.record import LOCK

PATIENCE = 2.0
"""Seconds: a holder that was killed, and what it had forked, lets go within moments."""


@contextlib.contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` (made if missing) for the block; the system frees it when the process ends.

    Raises:
        BusyError: another process holds it; the message names its host and process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / LOCK, "a+", encoding="utf-8") as file:
        deadline = time.monotonic() + PATIENCE
        while not try_lock(file, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                raise BusyError(f"in use by {_holder(file)}", file=folder, do="wait for it or stop it")
            time.sleep(0.05)
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}) + "\n")
        file.flush()
        yield


def lock_holder(folder: Path) -> str | None:
    """Who holds the lock of `folder` now; None if nobody does."""
    try:
        with open(folder / LOCK, encoding="utf-8") as file:
            return None if try_lock(file, fcntl.LOCK_SH) else _holder(file)
    except FileNotFoundError:
        return None


def try_lock(file: IO | int, kind: int) -> bool:
    """Take the lock of an open file, if it can be had at once; closing the file gives it back.

    Args:
        file: the file, or its descriptor.
        kind: fcntl.LOCK_EX or fcntl.LOCK_SH.

    Raises:
        OSError: the file system knows no locks.
    """
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _holder(file: IO[str]) -> str:
    file.seek(0)
    return file.read().strip() or "another process"
