"""Compact lattices: words on the arcs, transition-ids in the weights (Kaldi's lat/kaldi-lattice), and their files.

Costs are pairs (graph, acoustic); on disk the acoustic one is unscaled. A path costs the sum of both.
"""

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from houseblend.base.errors import InputError
from houseblend.io.numbers import to_float, to_int
from houseblend.io.streams import InputStream
from houseblend.io.tables import read_table, register_kind
from houseblend.lang.fst_text import read_text_fst

_MAGIC = 2125659606
_ARC_TYPE = b"compactlattice44"


class Weight(NamedTuple):
    """Graph cost, acoustic cost, and the transition-ids passed."""

    graph: float
    acoustic: float
    ids: tuple[int, ...]


class LatticeArc(NamedTuple):
    """One arc: a word (0: none), what it costs, and where it leads."""

    word: int
    weight: Weight
    nextstate: int


@dataclass
class CompactLattice:
    """An acyclic lattice.

    Args:
        arcs: of every state.
        finals: final weight of every state, None where it is not final.
        start: the start state; -1 for an empty lattice.
    """

    arcs: list[list[LatticeArc]] = field(default_factory=list)
    finals: list[Weight | None] = field(default_factory=list)
    start: int = 0

    def scaled(self, graph_scale: float, acoustic_scale: float, penalty: float = 0.0) -> "CompactLattice":
        """With all costs multiplied, and a penalty added to the graph cost of every word."""

        def scale(weight: Weight, word: int = 0) -> Weight:
            extra = penalty if word else 0.0
            return Weight(weight.graph * graph_scale + extra, weight.acoustic * acoustic_scale, weight.ids)

        arcs = [[arc._replace(weight=scale(arc.weight, arc.word)) for arc in state] for state in self.arcs]
        return CompactLattice(arcs, [None if final is None else scale(final) for final in self.finals], self.start)

    def topological_order(self) -> list[int]:
        """States that can be reached, each before those it leads to.

        Raises:
            InputError: the lattice has a cycle.
        """
        order: list[int] = []
        color: dict[int, int] = {}
        stack = [(self.start, 0)] if self.start >= 0 else []
        while stack:
            state, index = stack.pop()
            color[state] = 1
            arcs = self.arcs[state]
            while index < len(arcs) and color.get(arcs[index].nextstate) == 2:
                index += 1
            if index == len(arcs):
                color[state] = 2
                order.append(state)
                continue
            if color.get(arcs[index].nextstate) == 1:
                raise InputError("the lattice has a cycle")
            stack += [(state, index + 1), (arcs[index].nextstate, 0)]
        return order[::-1]

    def in_order(self) -> "CompactLattice":
        """The states that can be reached, numbered in topological order; InputError for a cycle."""
        order = self.topological_order()
        number = {state: index for index, state in enumerate(order)}
        arcs = [[arc._replace(nextstate=number[arc.nextstate]) for arc in self.arcs[state]] for state in order]
        return CompactLattice(arcs, [self.finals[state] for state in order], 0 if order else -1)


def read_lattice_table(rspecifier: str) -> Iterator[tuple[str, CompactLattice]]:
    """Keys and lattices of a table."""
    yield from read_table(rspecifier, "lattice")


def encode_lattice(lattice: CompactLattice, binary: bool) -> bytes:
    """Kaldi's bytes behind the key."""
    return _encode_binary(lattice) if binary else _encode_text(lattice)


def _encode_binary(lattice: CompactLattice) -> bytes:
    num_arcs = sum(map(len, lattice.arcs))
    parts = [struct.pack("<i", _MAGIC), struct.pack("<i", 6), b"vector", struct.pack("<i", len(_ARC_TYPE)), _ARC_TYPE]
    parts.append(struct.pack("<iiQqqq", 2, 0, 3, lattice.start, len(lattice.arcs), num_arcs))
    infinite = Weight(float("inf"), float("inf"), ())
    for arcs, final in zip(lattice.arcs, lattice.finals, strict=True):
        parts += [_pack_weight(final or infinite), struct.pack("<q", len(arcs))]
        for arc in arcs:
            parts += [
                struct.pack("<ii", arc.word, arc.word),
                _pack_weight(arc.weight),
                struct.pack("<i", arc.nextstate),
            ]
    return b"".join(parts)


def _pack_weight(weight: Weight) -> bytes:
    return struct.pack("<ffi", weight.graph, weight.acoustic, len(weight.ids)) + np.array(weight.ids, "<i4").tobytes()


def _encode_text(lattice: CompactLattice) -> bytes:
    def form(weight: Weight) -> str:
        if weight == Weight(0.0, 0.0, ()):
            return ""
        return f"\t{weight.graph:g},{weight.acoustic:g},{'_'.join(map(str, weight.ids))}"

    lines = [""]
    for state in range(len(lattice.arcs)):
        lines += [f"{state}\t{arc.nextstate}\t{arc.word}{form(arc.weight)}" for arc in lattice.arcs[state]]
        final = lattice.finals[state]
        if final is not None:
            lines.append(f"{state}{form(final)}")
    return "\n".join([*lines, "", ""]).encode()


def decode_lattice(stream: InputStream) -> CompactLattice:
    """Read one lattice of an archive, binary or text; InputError if it is none."""
    if stream.peek(4) == struct.pack("<i", _MAGIC):
        stream.read(4)
        return _checked(_read_binary(stream), stream)
    return _checked(_read_text(stream), stream)


def _read_binary(stream: InputStream) -> CompactLattice:
    reader = _Reader(stream)
    fst_type, arc_type = reader.string(), reader.string()
    if fst_type != b"vector" or arc_type != _ARC_TYPE:
        raise stream.fail(f"FST of type {fst_type!r}, {arc_type!r}", expected="a compact lattice")
    version, flags, _, start, num_states, num_arcs = reader.unpack("<iiQqqq")
    if version != 2 or flags & 3 or num_states < 0:
        raise stream.fail(f"FST of version {version}, flags {flags}", expected="version 2, no symbol tables")
    lattice = CompactLattice([], [], start)
    for _ in range(num_states):
        final = reader.weight()
        lattice.finals.append(None if final.graph == float("inf") else final)
        lattice.arcs.append([reader.arc() for _ in range(reader.unpack("<q")[0])])
    if num_arcs > 0 and sum(map(len, lattice.arcs)) != num_arcs:
        raise stream.fail(f"{sum(map(len, lattice.arcs))} arcs", expected=f"{num_arcs}, as the header says")
    return lattice


class _Reader:
    """Packed numbers from a stream that must not end early."""

    def __init__(self, stream: InputStream) -> None:
        self.stream = stream

    def take(self, size: int) -> bytes:
        data = self.stream.read(size) if 0 <= size <= self.stream.left() else b""
        if len(data) != size:
            raise self.stream.fail("the archive ends inside a lattice", expected=f"{size} more bytes")
        return data

    def unpack(self, form: str) -> tuple:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def string(self) -> bytes:
        return self.take(min(self.unpack("<i")[0], 100))

    def weight(self) -> Weight:
        graph, acoustic, count = self.unpack("<ffi")
        return Weight(graph, acoustic, tuple(np.frombuffer(self.take(4 * count), "<i4").tolist()))

    def arc(self) -> LatticeArc:
        word, same = self.unpack("<ii")
        weight = self.weight()
        if word != same or word < 0:
            raise self.stream.fail(f"an arc with words {word} and {same}", expected="the same word twice")
        return LatticeArc(word, weight, self.unpack("<i")[0])


def _read_text(stream: InputStream) -> CompactLattice:
    text = read_text_fst(stream, 1, _parse_weight, Weight(0.0, 0.0, ()))
    states = range(text.num_states)
    lattice = CompactLattice([[] for _ in states], [text.finals.get(state) for state in states], text.start)
    for arc in text.arcs:
        lattice.arcs[arc.state].append(LatticeArc(arc.labels[0], arc.weight, arc.nextstate))
    return lattice


def _parse_weight(text: str) -> Weight:
    graph, acoustic, ids = text.split(",")
    return Weight(to_float(graph or "0"), to_float(acoustic or "0"), tuple(to_int(i) for i in ids.split("_") if i))


def _checked(lattice: CompactLattice, stream: InputStream) -> CompactLattice:
    size, arcs = len(lattice.arcs), [arc for state in lattice.arcs for arc in state]
    if not -1 <= lattice.start < size or any(not 0 <= arc.nextstate < size for arc in arcs):
        raise stream.fail("an arc leads to no state")
    if any(arc.nextstate <= state for state, leaving in enumerate(lattice.arcs) for arc in leaving):
        lattice.topological_order()
    weights = [*(arc.weight for arc in arcs), *(final for final in lattice.finals if final is not None)]
    if any(not math.isfinite(weight.graph + weight.acoustic) or min(weight.ids, default=0) < 0 for weight in weights):
        raise stream.fail("a weight that is not finite, or has an id below 0")
    return lattice


register_kind("lattice", decode_lattice, encode_lattice)
