"""What `hb doctor` runs as a job, `python -m houseblend.report.distant LOCK OUT`: how a node sees the folder and the time."""

import fcntl
import os
import sys
import time

from houseblend.base.atomic import write_json
from houseblend.base.lock import try_lock

SECONDS = 1.0
"""That the job takes."""


def main() -> None:
    """Write the node's name and time, and whether it could take a lock that another process holds."""
    lock, out = sys.argv[1:]
    began = time.time()
    time.sleep(SECONDS)
    write_json(out, {"host": os.uname().nodename, "time": began, "has_lock": is_free(lock)})


def is_free(path: str) -> bool:
    """Whether the lock of a file can be had.

    Raises:
        OSError: the file cannot be read, or its file system knows no locks.
    """
    with open(path, "rb") as file:
        return try_lock(file, fcntl.LOCK_SH)


if __name__ == "__main__":
    main()
