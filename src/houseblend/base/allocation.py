"""How memory is handed out by the C library, and looked through by Python."""

import contextlib
import ctypes
import gc
from collections.abc import Iterator

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES, LARGEST_BLOCK = 1 << 28, 1 << 25


def keep_freed_memory() -> None:
    """Let glibc keep up to 256 MB of freed memory for the next arrays; elsewhere nothing happens.

    By default every array of some hundred kilobytes goes back to the system at once, and the page faults of the next
    one cost more than the arithmetic on it: MFCC of short utterances take 3.5 times as long.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)
    mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)


@contextlib.contextmanager
def no_search_for_cycles() -> Iterator[None]:
    """Where millions of small objects are made, none of them in a cycle: looking for cycles takes a quarter of the time."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
