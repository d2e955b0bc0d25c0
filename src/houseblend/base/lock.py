"""One writer a directory: a lock that names its holder and falls with its process."""

import contextlib
import fcntl
import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from houseblend.base.errors import BusyError


@contextlib.contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of `folder` (made if missing) for the block; the system frees it when the process ends.

    Raises:
        BusyError: another process holds it; the message names its host and process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / ".lock", "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            holder = file.read().strip() or "another process"
            raise BusyError(f"in use by {holder}", file=folder, do="wait for it or stop it") from None
        file.truncate(0)
        file.write(json.dumps({"host": socket.gethostname(), "pid": os.getpid()}) + "\n")
        file.flush()
        yield
