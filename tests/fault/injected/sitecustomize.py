"""Imported by every Python of a disturbed recipe: a clock that is wrong, jobs that die or lie.

FAULT_CLOCK: seconds by which the clock is ahead. FAULT_JOB: `dies` (a worker writes its model and is killed) or `lies`
(it says that all is well and has done nothing); it happens once for every file in the directory FAULT_TICKETS.
"""

import atexit
import contextlib
import os
import signal
import sys
import time


def _take_ticket(folder: str) -> bool:
    for name in os.listdir(folder):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(folder, name))
            return True
    return False


if "FAULT_CLOCK" in os.environ:
    _ahead, _time, _time_ns = float(os.environ["FAULT_CLOCK"]), time.time, time.time_ns
    time.time = lambda: _time() + _ahead
    time.time_ns = lambda: _time_ns() + int(_ahead * 1e9)

if "FAULT_JOB" in os.environ and "train-worker" in sys.orig_argv and _take_ticket(os.environ["FAULT_TICKETS"]):
    if os.environ["FAULT_JOB"] == "lies":
        os._exit(0)
    atexit.register(os.kill, os.getpid(), signal.SIGKILL)
