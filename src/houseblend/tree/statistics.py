"""Statistics for trees: moments of the frames of every phone in context and pdf-class (Kaldi's tree/build-tree-utils)."""

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.tree import MAX_WIDTH
from houseblend.io.objects import MAX_DIM, KaldiInput, KaldiOutput, open_input

Event = tuple[tuple[int, int], ...]
"""(key, value) of the pdf-class and of those phones of the window that count, sorted by key (see hmm/tree.py)."""
ABSENT = -1
VARIANCE_FLOOR = 0.01


class TreeStatistics:
    """Moments of the frames of every event.

    Args:
        events: all different, in any order; values are not negative.
        moments: count, sums and sums of squares of each event's frames, [N, 1 + 2 D], float64.
        var_floor: floor of variances when likelihoods are computed.
    """

    def __init__(self, events: list[Event], moments: np.ndarray, var_floor: float = VARIANCE_FLOOR) -> None:
        self.events, self.moments, self.var_floor = events, moments, var_floor
        self._columns: dict[int, np.ndarray] = {}

    def __len__(self) -> int:
        return len(self.events)

    @property
    def dim(self) -> int:
        """Numbers per frame."""
        return self.moments.shape[1] // 2

    def column(self, key: int) -> np.ndarray:
        """The value of a key in every event, [N], int32; ABSENT where an event lacks it."""
        if key not in self._columns:
            values = (next((value for one, value in event if one == key), ABSENT) for event in self.events)
            self._columns[key] = np.fromiter(values, dtype=np.int32, count=len(self.events))
        return self._columns[key]

    @classmethod
    def sum(cls, parts: "Iterable[TreeStatistics]") -> "TreeStatistics":
        """The statistics of all parts together, sorted by event.

        Raises:
            InputError: they are of other dimensions.
        """
        rows: dict[Event, int] = {}
        parts = list(parts)
        if len({(part.dim, part.var_floor) for part in parts}) > 1:
            found = ", ".join(f"{part.dim} ({part.var_floor:g})" for part in parts)
            raise InputError(
                f"statistics of dimension (and variance floor) {found}", expected="one for all",
                do="accumulate them with the same features and options",
            )  # fmt: skip
        for part in parts:
            for event in part.events:
                rows.setdefault(event, len(rows))
        moments = np.zeros((len(rows), parts[0].moments.shape[1]))
        for part in parts:
            moments[[rows[event] for event in part.events]] += part.moments
        events = sorted(rows)
        return cls(events, moments[[rows[event] for event in events]], parts[0].var_floor)

    @classmethod
    def load(cls, rxfilename: str | Path) -> "TreeStatistics":
        """Read Kaldi's file, binary or text.

        Raises:
            InputError: it is another, or has no statistics.
        """
        with open_input(rxfilename) as source:
            result = cls._read(source)
            source.stream.expect_end()
        return result

    @classmethod
    def _read(cls, source: KaldiInput) -> "TreeStatistics":
        source.expect("BTS")
        rows: dict[Event, np.ndarray] = {}
        seen, floors = set(), set()
        for _ in range(source.read_uint()):
            event = _read_event(source)
            if event in seen:
                raise source.fail(f"statistics of {dict(event)} for a second time")
            seen.add(event)
            if source.read_bool():
                rows[event], floor = _read_moments(source)
                floors.add(floor)
        if not rows:
            raise source.fail("no statistics at all")
        if len({row.shape for row in rows.values()}) > 1 or len(floors) > 1:
            raise source.fail("statistics of several dimensions or variance floors", "one for all")
        return cls(list(rows), np.array(list(rows.values())), floors.pop())

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("BTS")
        target.write_uint(len(self.events))
        for event, row in zip(self.events, self.moments, strict=True):
            _write_event(target, event)
            target.write_bool(True)
            target.write_token("GCL")
            target.write_double(float(row[0]))
            target.write_double(self.var_floor)
            target.write_matrix(row[1:].reshape(2, -1))
        target.newline()


def _read_event(source: KaldiInput) -> Event:
    source.expect("EV")
    size = source.read_uint()
    if size > MAX_WIDTH + 1:
        raise source.fail(f"an event of {size} keys", f"at most {MAX_WIDTH + 1}")
    pairs = []
    for _ in range(size):
        pairs.append((source.read_int(), source.read_int()))
    keys = [key for key, _ in pairs]
    if keys != sorted(set(keys)) or not all(0 <= value < MAX_DIM for _, value in pairs):
        raise source.fail(f"found the event {pairs}"[:100], f"keys that grow, values from 0 to below {MAX_DIM}")
    return tuple(pairs)


def _write_event(target: KaldiOutput, event: Event) -> None:
    target.write_token("EV")
    target.write_uint(len(event))
    for pair in event:
        for number in pair:
            target.write_int(number)
    target.newline()


def _read_moments(source: KaldiInput) -> tuple[np.ndarray, float]:
    """Moments, [1 + 2 D], and the variance floor."""
    source.expect("GCL")
    count, floor, matrix = source.read_double(), source.read_double(), source.read_matrix(np.float64)
    if matrix.shape[0] != 2 or not np.isfinite(matrix).all() or not 0 <= count < np.inf or not 0 < floor < np.inf:
        raise source.fail(
            f"count {count:g}, variance floor {floor:g} and a matrix of {matrix.shape[0]} x {matrix.shape[1]}",
            "a count, a floor above 0, sums and sums of squares, all finite",
        )
    return np.concatenate([[count], matrix.ravel()]).astype(np.float64), floor
