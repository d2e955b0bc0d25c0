"""What Kaldi's results owe to the C and C++ libraries of GNU: random numbers, and the order of what is equal."""

from collections import deque
from collections.abc import Iterator
from typing import Any

_DISCARDED = 310


def c_random(seed: int) -> Iterator[int]:
    """The numbers, 0 to 2^31 - 1, of GNU libc's `rand` after `srand(seed)`: o_i = o_(i-3) + o_(i-31) mod 2^32, halved."""
    start = [seed]
    while len(start) < 31:
        start.append(16807 * start[-1] % 2147483647)
    last = deque(start + start[:3], maxlen=31)
    for _ in range(_DISCARDED):
        last.append((last[-3] + last[0]) & 0xFFFFFFFF)
    while True:
        last.append((last[-3] + last[0]) & 0xFFFFFFFF)
        yield last[-1] >> 1


class FirstDecides(tuple[Any, ...]):
    """A tuple of which only the first item decides in a heap.

    Where these are equal, Python's `heapq` and `std::priority_queue` take the same one, if all was pushed and popped alike.
    """

    def __lt__(self, other: tuple[Any, ...]) -> bool:
        return self[0] < other[0]


def nth_element(items: list[Any], nth: int) -> list[Any]:
    """Items so ordered that none before the nth is greater and none behind it less: the order of `std::nth_element`.

    Pieces of more than three items are parted at the median of their second, middle and last one (Musser 1997); the
    library's change to heaps, after twice the logarithm of the length, is left out.
    """
    items, first, last = list(items), 0, len(items)
    if nth == last:
        return items
    while last - first > 3:
        cut = _part(items, first, last)
        first, last = (cut, last) if cut <= nth else (first, cut)
    items[first:last] = sorted(items[first:last])
    return items


def _part(items: list[Any], first: int, last: int) -> int:
    """Part a piece at a median, which goes to its head; returns where the greater ones begin."""
    places = sorted((first + 1, (first + last) // 2, last - 1), key=items.__getitem__)
    items[first], items[places[1]] = items[places[1]], items[first]
    pivot, low, high = items[first], first + 1, last
    while True:
        while items[low] < pivot:
            low += 1
        high -= 1
        while pivot < items[high]:
            high -= 1
        if low >= high:
            return low
        items[low], items[high] = items[high], items[low]
        low += 1
