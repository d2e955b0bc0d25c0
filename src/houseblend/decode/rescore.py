"""Rescoring of lattices with another language model (Kaldi's lattice-lmrescore and steps/lmrescore.sh)."""

from collections import deque
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_file
from houseblend.base.log import log
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.lattice_dir import read_lattices, write_lattices
from houseblend.lang.fst import NO_FINAL, Graph, read_graph

Members = tuple[tuple[int, float], ...]
"""States of a grammar that some words lead to, and what the best path to each costs beyond the best of all."""

_MAX_STEPS = 100_000


class Grammar:
    """A grammar G, followed word by word along all its paths at once; the cheapest counts.

    Args:
        graph: G; its output side is read, so that back-off arcs read nothing.
    """

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self._by_word: dict[int, dict[int, list[tuple[float, int]]]] = {}
        self._seen: dict[tuple[Members, int], tuple[float, Members] | None] = {}

    @cached_property
    def start(self) -> tuple[float, Members]:
        """Cost and states before the first word."""
        return self._close({self.graph.start: 0.0} if self.graph.start >= 0 else {}) or (0.0, ())

    def step(self, members: Members, word: int) -> tuple[float, Members] | None:
        """Cost of a word and the states behind it; None if it cannot follow."""
        if (members, word) not in self._seen:
            reached: dict[int, float] = {}
            for state, beyond in members:
                for cost, target in self._arcs(state).get(word, ()):
                    reached[target] = min(reached.get(target, NO_FINAL), beyond + cost)
            self._seen[members, word] = self._close(reached)
        return self._seen[members, word]

    def final(self, members: Members) -> float:
        """Cost of ending here, `NO_FINAL` if that cannot be."""
        return min((beyond + self.graph.finals[state] for state, beyond in members), default=NO_FINAL)

    def _arcs(self, state: int) -> dict[int, list[tuple[float, int]]]:
        if state not in self._by_word:
            arcs = self._by_word[state] = {}
            for arc in self.graph.arcs[state]:
                arcs.setdefault(arc.olabel, []).append((arc.weight, arc.nextstate))
        return self._by_word[state]

    def _close(self, reached: dict[int, float]) -> tuple[float, Members] | None:
        """Follow arcs without a word; costs beyond the best."""
        pending = deque(reached)
        for _ in range(_MAX_STEPS):
            if not pending:
                break
            state = pending.popleft()
            for cost, target in self._arcs(state).get(0, ()):
                if reached[state] + cost < reached.get(target, NO_FINAL):
                    reached[target] = reached[state] + cost
                    pending.append(target)
        else:
            raise InputError("the grammar has a cycle without words that gains by being passed", do="make G.fst again")
        if not reached:
            return None
        best = min(reached.values())
        return best, tuple(sorted((state, round(cost - best, 4)) for state, cost in reached.items()))


def rescore(lattice: CompactLattice, grammar: Grammar, scale: float) -> CompactLattice | None:
    """Add `scale` times the grammar's cost of its best path to the graph costs.

    Args:
        lattice: determinised; acyclic.
        grammar: what is added; with a negative scale, what is taken out.
        scale: factor on its costs.

    Returns:
        A lattice in topological order; None if the grammar takes no path of it.

    Raises:
        InputError: the lattice has a cycle.
    """
    if lattice.start < 0:
        return None
    lattice = lattice.in_order()
    cost, members = grammar.start
    result = CompactLattice([[]], [None], 0)
    numbers = {(0, members): 0}
    pending = deque([(0, members, cost)])
    while pending:
        state, members, first = pending.popleft()
        number = numbers[state, members]
        final, last = lattice.finals[state], grammar.final(members)
        if final is not None and last != NO_FINAL:
            result.finals[number] = _plus(final, scale * (first + last))
        for arc in lattice.arcs[state]:
            step = grammar.step(members, arc.word) if arc.word else (0.0, members)
            if step is None:
                continue
            target = (arc.nextstate, step[1])
            if target not in numbers:
                numbers[target] = len(result.arcs)
                result.arcs.append([])
                result.finals.append(None)
                pending.append((*target, 0.0))
            weight = _plus(arc.weight, scale * (first + step[0]))
            result.arcs[number].append(LatticeArc(arc.word, weight, numbers[target]))
    return _connected(result)


def rescore_directory(lattices: Path, old: Path, new: Path, out: Path) -> None:
    """Take the grammar of one lang directory out of a decode directory's lattices, and put in another's.

    Args:
        lattices: decode directory.
        old: lang directory whose G.fst it was decoded with.
        new: lang directory with another G.fst and the same words.
        out: directory to write: lat.1.gz, num_jobs.

    Raises:
        InputError: the words differ, or a lattice holds no path that the new grammar takes.
    """
    if hash_file(old / "words.txt") != hash_file(new / "words.txt"):
        raise InputError("the words have other numbers", file=new / "words.txt", expected=f"those of {old}/words.txt",
                         do="make both with format_lm from one lang directory")  # fmt: skip
    grammars = [(Grammar(read_graph(lang / "G.fst")), scale) for lang, scale in ((old, -1.0), (new, 1.0))]

    def rescored() -> Iterator[tuple[str, CompactLattice]]:
        count = 0
        for key, lattice in read_lattices(lattices):
            found: CompactLattice | None = lattice
            for grammar, scale in grammars:
                found = None if found is None else rescore(found, grammar, scale)
            if found is None:
                raise InputError("the grammars take no path of the lattice", file=lattices, key=key,
                                 do="check that it was decoded with the first lang directory's G.fst")  # fmt: skip
            yield key, found
            count += 1
        log(f"rescored {count} lattices")

    write_lattices(out, rescored())


def _plus(weight: Weight, cost: float) -> Weight:
    return weight._replace(graph=weight.graph + cost)


def _connected(lattice: CompactLattice) -> CompactLattice | None:
    """In topological order, without the states from which no end can be reached."""
    lattice = lattice.in_order()
    ends = [final is not None for final in lattice.finals]
    for state in reversed(range(len(ends))):
        ends[state] = ends[state] or any(ends[arc.nextstate] for arc in lattice.arcs[state])
    if not ends[0]:
        return None
    lattice.arcs = [[arc for arc in arcs if ends[arc.nextstate]] for arcs in lattice.arcs]
    lattice = CompactLattice(lattice.arcs, lattice.finals, 0)
    return lattice.in_order()
