"""Cancels what a process has submitted when that process ends, however it ends: `python -m houseblend.jobs.guard scancel --name`.

It is told of a batch on standard input before the batch is submitted (`begin NAME`) and when nothing of it is left
(`end NAME`). The end of the input comes with the death of who wrote it: then the command is run for each name that is
left, again after a while, as what submitted a batch may just have been at it.
"""

import contextlib
import signal
import subprocess
import sys
import time

PAUSES = (0.0, 2.0, 10.0)
"""Seconds before each time that it cancels."""


def main() -> None:
    """Listen until the end of the input, then cancel what is left."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    left: dict[str, None] = {}
    for line in sys.stdin:
        word, _, name = line.strip().partition(" ")
        if word == "begin":
            left[name] = None
        else:
            left.pop(name, None)
    for pause in PAUSES if left else ():
        time.sleep(pause)
        for name in left:
            with contextlib.suppress(OSError, subprocess.SubprocessError):
                subprocess.run(
                    [*sys.argv[1:], name], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL, timeout=60,
                )  # fmt: skip


if __name__ == "__main__":
    main()
