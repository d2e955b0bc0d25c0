"""Words with times and confidences, by minimum Bayes risk (Xu, Povey, Mangu and Zhu 2011, "Minimum Bayes Risk decoding
and system combination based on a recursion for edit distance", Computer Speech and Language 25; Figures 4 to 6).

The reference that the paths of a lattice are held against has a place for an inserted word, 0, between its words and at
both ends. As in Kaldi's lat/sausages the small extra cost of a word left out is charged only where there is a word.
"""

import math
from collections import defaultdict
from typing import NamedTuple

import numpy as np

from houseblend.decode.lattice import CompactLattice, Weight
from houseblend.decode.paths import best_path
from houseblend.decode.sweep import Hop, Sweep, log_plus, require_path

MAX_ROUNDS = 100
_FREE = Weight(0.0, 0.0, ())
_LEFT_OUT = 1.0 + float(np.float32(1e-5))
"""What a word of the lattice costs that stands for none of the reference; delta of section 4 in it, to Kaldi's bits:
which of two equal divisions of a path is taken depends on them."""
_MATCH, _SKIP, _MISS = range(3)
"""A word of a path stands for one of the reference; for none; a word of the reference is missing."""


class Timed(NamedTuple):
    """A word, the frames it begins and ends at (means over paths, so fractions), and its posterior probability."""

    word: int
    begin: float
    end: float
    confidence: float


class _Sums(NamedTuple):
    """Of one word at one place of the reference: its probability, and that times the frames it begins and ends at."""

    share: float = 0.0
    begin: float = 0.0
    end: float = 0.0


_Bin = dict[int, _Sums]
"""The words at one place of the reference."""


def timed_words(
    lattice: CompactLattice, graph_scale: float = 1.0, acoustic_scale: float = 1.0, decode: bool = True
) -> list[Timed]:
    """The words of least expected edit distance to the paths of a lattice, or those of its best path.

    Args:
        lattice: acyclic; times mean something if its arcs are whole words.
        graph_scale: factor on graph costs.
        acoustic_scale: factor on acoustic costs.
        decode: improve on the best path.

    Raises:
        InputError: the lattice has a cycle, no path, or paths of other lengths.
    """
    edits = _Edits(Sweep(lattice, graph_scale, acoustic_scale))
    path = best_path(lattice, graph_scale, acoustic_scale)
    words = path.words if path else []
    for _ in range(MAX_ROUNDS):
        places = [0, *(place for word in words for place in (word, 0))]
        bins = edits.bins(places)
        gain = 0.0
        if decode:
            chosen = [max(found, key=lambda word, found=found: (found[word].share, word)) for found in bins]
            pairs = zip(bins, places, chosen, strict=True)
            gain = sum(found[new].share - found.get(old, _Sums()).share for found, old, new in pairs)
            places = chosen
        words = [word for word in places if word]
        if gain == 0.0:
            break
    return _without_overlaps([_timed(found, word) for found, word in zip(bins, places, strict=True) if word])


class _Edits:
    """Expected edit distances of a lattice."""

    def __init__(self, sweep: Sweep) -> None:
        self.start, self.times = sweep.start, sweep.times()
        forward = sweep.forward(log_plus)
        require_path(forward[sweep.end])
        hops, self.end = _to_one_end(sweep)
        self.hops = [(hop, math.exp(forward[hop.target] - (forward[hop.source] + hop.cost))) for hop in hops]
        """Hops, and the share of each among those into its target."""

    def bins(self, reference: list[int]) -> list[_Bin]:
        """What stands at every place of the reference (Figure 5)."""
        rows = self._distances(reference)
        size = len(reference)
        shares = [[0.0] * (size + 1) for _ in rows]
        shares[self.end][size] = 1.0
        sums: list[dict[int, list[float]]] = [defaultdict(lambda: [0.0, 0.0, 0.0]) for _ in reference]
        for hop, share in reversed(self.hops):
            _, choices = _extend(rows[hop.source], hop.word, reference)
            begin, end = self.times[hop.source], self.times[hop.target]
            over = 0.0
            for place in range(size, -1, -1):
                mass = over + share * shares[hop.target][place]
                over = 0.0
                if choices[place] == _SKIP:
                    shares[hop.source][place] += mass
                elif choices[place] == _MATCH:
                    shares[hop.source][place - 1] += mass
                    _add(sums[place - 1][hop.word], mass, begin, end)
                else:
                    over = mass
                    _add(sums[place - 1][0], mass, end, end)
        mass = 0.0
        for place in range(size, 0, -1):
            mass += shares[self.start][place]
            _add(sums[place - 1][0], mass, 0, 0)
        return [{word: _Sums(*values) for word, values in found.items() if values[0]} for found in sums]

    def _distances(self, reference: list[int]) -> list[list[float]]:
        """Mean edit distance of the paths to every state from every beginning of the reference (Figure 4)."""
        rows = [[0.0] * (len(reference) + 1) for _ in self.times]
        first = rows[self.start]
        for place, wanted in enumerate(reference, start=1):
            first[place] = first[place - 1] + (wanted != 0)
        for hop, share in self.hops:
            costs, _ = _extend(rows[hop.source], hop.word, reference)
            row = rows[hop.target]
            for place, cost in enumerate(costs):
                row[place] += share * cost
        return rows


def _to_one_end(sweep: Sweep) -> tuple[list[Hop], int]:
    """The hops and the state that all paths end in: the only final one, if it is free and nothing leaves it."""
    finals = [hop for hop in sweep.hops if hop.target == sweep.end]
    last = finals[0]
    if len(finals) > 1 or last.weight != _FREE or sum(hop.source == last.source for hop in sweep.hops) > 1:
        return sweep.hops, sweep.end
    return [hop for hop in sweep.hops if hop is not last], last.source


def _add(sums: list[float], mass: float, begin: int, end: int) -> None:
    sums[0] += mass
    sums[1] += mass * begin
    sums[2] += mass * end


def _extend(before: list[float], word: int, reference: list[int]) -> tuple[list[float], list[int]]:
    """Distances behind one more word, and what became of it at every place."""
    left_out = _LEFT_OUT if word else 0.0
    costs, choices = [before[0] + left_out], [_SKIP]
    for place, wanted in enumerate(reference, start=1):
        options = before[place - 1] + (word != wanted), before[place] + left_out, costs[-1] + (wanted != 0)
        costs.append(min(options))
        choices.append(options.index(costs[-1]))
    return costs, choices


def _timed(found: _Bin, word: int) -> Timed:
    share, begin, end = found.get(word, _Sums())
    return Timed(word, begin / share, end / share, share) if share else Timed(word, 0.0, 0.0, 0.0)


def _without_overlaps(words: list[Timed]) -> list[Timed]:
    """Two words that overlap share the time of both in proportion to their durations."""
    result: list[Timed] = []
    for word in words:
        if result and result[-1].end > word.begin:
            last = result[-1]
            earliest = result[-2].end if len(result) > 1 else 0.0
            left, right = max(earliest, min(last.begin, word.begin)), max(last.end, word.end)
            first, second = last.end - last.begin, word.end - word.begin
            middle = left + (right - left) * first / (first + second) if first > 0 else left
            result[-1] = last._replace(begin=left, end=middle)
            word = word._replace(begin=middle, end=right)
        result.append(word)
    return result
