"""The first of many in the order that the GNU C++ library's `std::nth_element` leaves, which Kaldi's clustering works by."""

from typing import Any


def nth_element(items: list[Any], nth: int) -> list[Any]:
    """Items so ordered that none before the nth is greater and none behind it less; the rest is the library's introselect.

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
