"""Ours beside a floor in one process on one core: the ratio, and where our time goes.

Times are seconds of the processor, not of the clock: on a core of one's own they are the same, and on a busy machine
what others do falls out of them.
"""

import os
import statistics
import time
from collections import Counter
from collections.abc import Callable
from typing import Any


def pin() -> None:
    """Stay on one core with one thread; to be called before numpy or torch is imported."""
    os.environ |= dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})


def alternate(
    *runs: Callable[[], object], repetitions: int = 5, clock: Callable[[], float] = time.process_time
) -> list[float]:
    """Median seconds of each run; they take turns, and each has run once before the clock starts."""
    for run in runs:
        run()
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repetitions):
        for run, own in zip(runs, seconds, strict=True):
            start = clock()
            run()
            own.append(clock() - start)
    return [statistics.median(own) for own in seconds]


class Lines:
    """Where the time goes: seconds by label, each function's own without those of the functions counted inside it."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self._replaced: list[tuple[Any, str, Any]] = []
        self._inside = 0.0

    def count(self, label: str, owner: Any, *names: str) -> None:
        """Count functions of a module or class under a label, inside `show`."""
        for name in names:
            function = vars(owner)[name]
            self._replaced.append((owner, name, function))
            setattr(owner, name, self._counted(label, function))

    def _counted(self, label: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any, **named: Any) -> Any:
            outside, self._inside = self._inside, 0.0
            start = time.process_time()
            try:
                return function(*arguments, **named)
            finally:
                seconds = time.process_time() - start
                self.seconds[label] += seconds - self._inside
                self._inside = outside + seconds

        return run

    def show(self, run: Callable[[], object]) -> None:
        """Run once, counted, and print a line a label, the largest share first; the functions are as before then."""
        try:
            run()
        finally:
            for owner, name, function in reversed(self._replaced):
                setattr(owner, name, function)
        total = sum(self.seconds.values())
        for label, share in self.seconds.most_common():
            print(f"    {share / total:6.1%}  {label}")
