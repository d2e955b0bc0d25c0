"""Sets of phones that sound alike: questions for trees (Kaldi's AutomaticallyObtainQuestions, TreeCluster)."""

import heapq
import itertools
from collections.abc import Iterator, Sequence

import numpy as np

from houseblend.base.c_library import c_random
from houseblend.base.errors import InputError
from houseblend.base.log import warn
from houseblend.hmm.tree import PDF_CLASS_KEY
from houseblend.tree.gaussian import sums_by_group
from houseblend.tree.kmeans import k_means
from houseblend.tree.statistics import TreeStatistics

QUESTION_TRIES, CLUSTER_TRIES = 10, 2
SEED = 1
"""What a program of Kaldi's begins with."""

PhoneSets = Sequence[Sequence[int]]


def phone_questions(
    stats: TreeStatistics, phone_sets: PhoneSets, pdf_classes: Sequence[int], central: int
) -> list[list[int]]:
    """Questions: the sets are split in two again and again; all parts are questions, the largest first.

    Args:
        stats: of phones in context.
        phone_sets: phones that stay together.
        pdf_classes: only their frames count.
        central: position of the phone meant.

    Raises:
        InputError: a phone is in two sets, or no frames are left.
    """
    points = _moments_of_sets(stats, phone_sets, pdf_classes, central)
    parts = _split_all(points, stats.var_floor, c_random(SEED))
    found = [sorted(phone for place in part for phone in phone_sets[place]) for part in parts]
    questions = {tuple(phones): None for phones in [*found, *map(sorted, phone_sets)]}
    return [list(phones) for phones in questions if phones]


def phone_classes(
    stats: TreeStatistics, phone_sets: PhoneSets, pdf_classes: Sequence[int], central: int, num_classes: int
) -> list[list[int]]:
    """The sets joined to a number of classes by k-means; arguments as of `phone_questions`.

    Raises:
        InputError: as `phone_questions`, or there are fewer sets than classes.
    """
    if not 1 < num_classes <= len(phone_sets):
        raise InputError(f"{num_classes} classes of {len(phone_sets)} sets", expected=f"2 to {len(phone_sets)} classes")
    points = _moments_of_sets(stats, phone_sets, pdf_classes, central)
    _, assignments, _ = k_means(points, num_classes, stats.var_floor, c_random(SEED), CLUSTER_TRIES)
    classes: list[list[int]] = [[] for _ in range(num_classes)]
    for phones, number in zip(phone_sets, assignments, strict=True):
        classes[number] = sorted([*classes[number], *phones])
    return classes


def _moments_of_sets(
    stats: TreeStatistics, phone_sets: PhoneSets, pdf_classes: Sequence[int], central: int
) -> np.ndarray:
    """Moments of the frames of each set, [S, 1 + 2 D]."""
    phones = [phone for phones in phone_sets for phone in phones]
    if len(set(phones)) < len(phones):
        twice = sorted({phone for phone in phones if phones.count(phone) > 1})
        raise InputError(f"phones {twice} are in two sets", do="take sets.int of the lang directory")
    chosen = np.flatnonzero(np.isin(stats.column(PDF_CLASS_KEY), list(pdf_classes)))
    if 10 * len(chosen) < len(stats):
        warn(f"pdf-classes {list(pdf_classes)} have {len(chosen)} of {len(stats)} statistics; see --pdf-class-list")
    if not len(chosen):
        raise InputError(f"no statistics of pdf-classes {list(pdf_classes)}", do="name others by --pdf-class-list")
    present, sums = sums_by_group(stats.moments, chosen, stats.column(central)[chosen])
    of_phone = dict(zip(present.tolist(), sums, strict=True))
    if others := sorted(of_phone.keys() - set(phones)):
        warn(f"phones {others} have statistics, but are in no set")
    nothing = np.zeros(sums.shape[1])
    points = np.array([sum((of_phone.get(phone, nothing) for phone in group), nothing) for group in phone_sets])
    if empty := [list(group) for group, point in zip(phone_sets, points, strict=True) if not point[0]]:
        warn(f"no statistics of these sets of phones: {empty}")
    return points


def _split_all(points: np.ndarray, var_floor: float, random: Iterator[int]) -> list[list[int]]:
    """Split the points in two, then the part whose split gains most, and so on.

    Returns:
        All parts that came about but for the whole: those that were split, in that order, then the others from the last
        to the first.
    """
    queue: list[tuple[float, int, int, list[list[int]]]] = []
    parts, split = [list(range(len(points)))], []
    number = itertools.count()

    def consider(place: int) -> None:
        if len(members := parts[place]) > 1:
            gain, sides, _ = k_means(points[members], 2, var_floor, random, QUESTION_TRIES)
            halves = [[member for member, side in zip(members, sides, strict=True) if side == half] for half in (0, 1)]
            if gain > 0:
                heapq.heappush(queue, (-float(gain), -next(number), place, halves))

    consider(0)
    while queue:
        _, _, place, (first, second) = heapq.heappop(queue)
        split.append(parts[place])
        parts[place] = first
        parts.append(second)
        consider(place)
        consider(len(parts) - 1)
    return [*split[1:], *reversed(parts)]
