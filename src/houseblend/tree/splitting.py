"""Growing trees: the leaf and the question that gain most likelihood are next (Kaldi's SplitDecisionTree)."""

import heapq
from dataclasses import dataclass, field

import numpy as np

from houseblend.hmm.tree import Leaf, Node, Split
from houseblend.tree.gaussian import objective, sums_by_group, total
from houseblend.tree.kmeans import refine
from houseblend.tree.leaves import leaves_of, with_leaves
from houseblend.tree.questions import CLUSTERS_NEAR, KeyQuestions, Questions
from houseblend.tree.statistics import ABSENT, TreeStatistics


@dataclass(frozen=True)
class Growth:
    """A tree that has grown.

    Args:
        root: the tree.
        num_leaves: its leaves, those without statistics included.
        gain: of log-likelihood, all splits together.
        smallest: gain of the split that gained least.
    """

    root: Node
    num_leaves: int
    gain: float
    smallest: float


def grow(
    root: Node, num_leaves: int, stats: TreeStatistics, rows: np.ndarray, questions: Questions, threshold: float,
    max_leaves: int,
) -> Growth:  # fmt: skip
    """Split leaves until no split gains enough, or there are enough leaves.

    A split leaf keeps its number on the side of yes; the side of no takes the next free one.

    Args:
        root: the tree to begin with.
        num_leaves: its leaves are numbered from 0 to one less.
        stats: of phones in context.
        rows: which of them count, [n].
        questions: that may be asked.
        threshold: splits that gain no more are not made.
        max_leaves: wanted at most; 0: no limit.
    """
    asker = _Asker(stats, questions)
    leaf_of = leaves_of(root, stats)[rows]
    branches = [_Branch(leaf, rows[leaf_of == leaf], asker) for leaf in range(leaf_of.max(initial=-1) + 1)]
    queue = [(-branch.gain, -leaf) for leaf, branch in enumerate(branches)]
    heapq.heapify(queue)
    gain, smallest = 0.0, np.inf
    while queue and -queue[0][0] > np.float32(threshold) and (max_leaves <= 0 or num_leaves < max_leaves):
        leaf = -queue[0][1]
        best = float(branches[leaf].gain)
        gain, smallest = gain + best, min(smallest, best)
        branches[leaf].split(num_leaves)
        num_leaves += 1
        heapq.heapreplace(queue, (-branches[leaf].gain, -leaf))
    grown = with_leaves(root, {leaf: branch.node() for leaf, branch in enumerate(branches)})
    return Growth(grown, num_leaves, gain, smallest)


class _Branch:
    """A leaf, and what grows from it; `gain` is that of the best split in it."""

    def __init__(self, leaf: int, rows: np.ndarray, asker: "_Asker") -> None:
        self._leaf, self._rows, self._asker = leaf, rows, asker
        self._sides: tuple[_Branch, _Branch] | None = None
        self.gain, self._key, self._members = asker.best(rows)

    def split(self, number: int) -> None:
        """Make the best split; a leaf with this number comes about."""
        if self._sides is None:
            yes = np.isin(self._asker.stats.column(self._key)[self._rows], list(self._members))
            sides = (self._leaf, self._rows[yes]), (number, self._rows[~yes])
            self._sides = _Branch(*sides[0], self._asker), _Branch(*sides[1], self._asker)
            self._rows = self._rows[:0]
        else:
            yes, no = self._sides
            (yes if yes.gain >= no.gain else no).split(number)
        self.gain = max(side.gain for side in self._sides)

    def node(self) -> Node:
        """The tree that has grown."""
        if self._sides is None:
            return Leaf(self._leaf)
        yes, no = self._sides
        return Split(self._key, self._members, yes.node(), no.node())


@dataclass
class _Key:
    """What is asked about a key, in numbers that stand for its values.

    Args:
        questions: as they were given.
        values: that occur in the statistics, or up to the last of them, [V].
        codes: place of every event's value among them, [N]; ABSENT where the event lacks the key.
        member: has a question a value, [Q, V], float64.
    """

    questions: KeyQuestions
    values: np.ndarray
    codes: np.ndarray
    member: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        inside = [np.isin(self.values, values) for values in self.questions.sets]
        self.member = np.array(inside, dtype=np.float64).reshape(len(inside), len(self.values))


class _Asker:
    """Finds the question that splits some events best."""

    def __init__(self, stats: TreeStatistics, questions: Questions) -> None:
        self.stats = stats
        self._keys = {key: _key(stats.column(key), questions[key]) for key in sorted(questions)}

    def best(self, rows: np.ndarray) -> tuple[np.float32, int, frozenset[int]]:
        """Gain, key and values of the best question about events, [n]; gain 0 if no question gains."""
        best = np.float32(0), 0, frozenset[int]()
        for key, asked in self._keys.items():
            codes = asked.codes[rows]
            if len(rows) > 1 and codes.min() != ABSENT:
                gain, members = self._best_of_key(asked, *sums_by_group(self.stats.moments, rows, codes))
                if gain > best[0]:
                    best = gain, key, members
        return best

    def _best_of_key(self, asked: _Key, present: np.ndarray, sums: np.ndarray) -> tuple[np.float32, frozenset[int]]:
        """Gain and values of the best question about the values present, [V], with these moments, [V, 1 + 2 D]."""
        gain, question, var_floor = np.float32(0), (), self.stats.var_floor
        member = asked.member[:, present]
        parting = np.flatnonzero(member.any(axis=1) & ~member.all(axis=1))
        if len(parting):
            whole = sums.sum(axis=0)
            yes = member[parting] @ sums
            gains = objective(whole - yes, var_floor) + objective(yes, var_floor) - objective(whole, var_floor)
            best = int(np.argmax(gains))
            if gains[best] > 0:
                gain, question = gains[best], asked.questions.sets[parting[best]]
        if asked.questions.refinements > 0 and len(present) > 1:
            return self._refined(asked, present, sums, gain, question)
        return gain, frozenset(question)

    def _refined(
        self, asked: _Key, present: np.ndarray, sums: np.ndarray, gain: np.float32, question: tuple[int, ...]
    ) -> tuple[np.float32, frozenset[int]]:
        """Let values go over to the other side, as long as that gains."""
        points = np.zeros((present[-1] + 1, sums.shape[1]))
        points[present] = sums
        sides = np.isin(asked.values[: len(points)], question).astype(np.int64)
        clusters = np.array([points[sides == side].sum(axis=0) for side in (0, 1)])
        more = refine(points, clusters, sides, self.stats.var_floor, asked.questions.refinements, CLUSTERS_NEAR)
        return total([gain, more]), frozenset(asked.values[: len(points)][sides == 1].tolist())


def _key(column: np.ndarray, questions: KeyQuestions) -> _Key:
    values = np.unique(column[column != ABSENT])
    if questions.refinements > 0:  # values that nobody has may go over to the other side too, by rounding
        values = np.arange(values.max(initial=-1) + 1)
    codes = np.where(column == ABSENT, ABSENT, np.searchsorted(values, column))
    return _Key(questions, values, codes)
