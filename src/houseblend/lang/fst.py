"""Weighted transducers as plain lists, for the few operations that kaldifst lacks, and their bytes (OpenFst's files).

kaldifst does the algebra; a graph goes to it and comes back through OpenFst's vector format in memory.
"""

import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from houseblend.base.atomic import write_bytes
from houseblend.base.errors import InputError
from houseblend.io.objects import read_stream

_MAGIC = 2125659606
_ARC = np.dtype([("ilabel", "<i4"), ("olabel", "<i4"), ("weight", "<f4"), ("nextstate", "<i4")])
_CONST_STATE = np.dtype([("final", "<f4"), ("first", "<u4"), ("arcs", "<u4"), ("ieps", "<u4"), ("oeps", "<u4")])
NO_FINAL = float("inf")
_EXPANDED = 1  # the property of OpenFst's that every const FST has; the others are found out when needed


class Arc(NamedTuple):
    """One arc; weight is a cost (tropical semiring), label 0 is epsilon."""

    ilabel: int
    olabel: int
    weight: float
    nextstate: int


@dataclass
class Graph:
    """A transducer: arcs and final cost (`NO_FINAL`: none) of every state, and the start state (-1: empty)."""

    arcs: list[list[Arc]] = field(default_factory=list)
    finals: list[float] = field(default_factory=list)
    start: int = 0

    def add_state(self, final: float = NO_FINAL) -> int:
        """Add a state; returns its number."""
        self.arcs.append([])
        self.finals.append(final)
        return len(self.arcs) - 1

    @property
    def num_arcs(self) -> int:
        """Number of arcs."""
        return sum(map(len, self.arcs))

    def connect(self) -> "Graph":
        """Only the states that lie on a path from the start to a final state, in their order."""
        import kaldifst

        fst = self.to_kaldifst()
        kaldifst.connect(fst)
        return from_kaldifst(fst)

    def to_bytes(self, arc_type: str = "standard") -> bytes:
        """OpenFst's vector format."""
        head = struct.pack("<i", _MAGIC) + _string("vector") + _string(arc_type)
        head += struct.pack("<iiQqqq", 2, 0, 3, self.start if self.arcs else -1, len(self.arcs), 0)
        parts = [head]
        for arcs, final in zip(self.arcs, self.finals, strict=True):
            parts.append(struct.pack("<fq", final, len(arcs)))
            parts += [struct.pack("<iifi", *arc) for arc in arcs]
        return b"".join(parts)

    def to_kaldifst(self) -> Any:
        """The same as a `kaldifst.StdVectorFst`."""
        import kaldifst

        return _from_memory(kaldifst.StdVectorFst, self.to_bytes())

    def to_text(self) -> str:
        """OpenFst's text form with numeric labels, the start state's lines first."""
        order = [self.start, *(state for state in range(len(self.arcs)) if state != self.start)] if self.arcs else []
        lines = []
        for state in order:
            for arc in self.arcs[state]:
                cost = "" if arc.weight == 0 else f"\t{arc.weight:g}"
                lines.append(f"{state}\t{arc.nextstate}\t{arc.ilabel}\t{arc.olabel}{cost}\n")
            if self.finals[state] != NO_FINAL:
                cost = "" if self.finals[state] == 0 else f"\t{self.finals[state]:g}"
                lines.append(f"{state}{cost}\n")
        return "".join(lines)


def from_kaldifst(fst: Any) -> Graph:
    """The plain form of a kaldifst transducer."""
    return parse_graph(_to_memory(fst), "graph")


def read_fst(rxfilename: str | Path) -> Any:
    """Read an FST file (vector or const type, standard arcs) as a kaldifst transducer, without a plain form between.

    Raises:
        InputError: the file is missing, truncated, or something else.
    """
    import kaldifst

    data = read_stream(rxfilename)
    try:
        fst_type = _read_head(data, rxfilename)[0]
    except (struct.error, ValueError) as failure:
        raise InputError(f"broken FST: {failure}", file=rxfilename, do="make it again") from None
    fst = _from_memory(kaldifst.StdVectorFst if fst_type == "vector" else kaldifst.StdConstFst, data)
    if fst is None:
        raise InputError("broken FST", file=rxfilename, do="make it again")
    return fst


def renumber_inputs(fst: Any) -> tuple[Any, np.ndarray]:
    """The same transducer with its input labels renumbered 1 to K, in their order.

    Args:
        fst: a kaldifst transducer with standard arcs.

    Returns:
        A `kaldifst.StdConstFst`, and the labels that the numbers stand for: shape [K + 1], int32, first epsilon.

    Raises:
        InputError: an arc leads to no state.
    """
    import kaldifst

    const = fst if isinstance(fst, kaldifst.StdConstFst) else kaldifst.StdConstFst(fst)
    data = bytearray(_to_memory(const))
    _, (_, _, num_states, num_arcs), place = _read_head(data, "graph")
    struct.pack_into("<Q", data, place - struct.calcsize("<Qqqq"), _EXPANDED)
    arcs = np.frombuffer(data, dtype=_ARC, count=num_arcs, offset=place + _CONST_STATE.itemsize * num_states)
    if len(arcs) and not 0 <= arcs["nextstate"].min() <= arcs["nextstate"].max() < num_states:
        raise InputError("an arc of the graph leads to no state", do="make the graph again")
    labels = np.unique(np.append(arcs["ilabel"], np.int32(0)))
    arcs["ilabel"] = np.searchsorted(labels, arcs["ilabel"]) - np.searchsorted(labels, 0)
    return _from_memory(kaldifst.StdConstFst, bytes(data)), labels


def read_graph(rxfilename: str | Path) -> Graph:
    """Read an FST file (vector or const type, standard arcs).

    Raises:
        InputError: the file is missing, truncated, or something else.
    """
    return parse_graph(read_stream(rxfilename), rxfilename)


def write_graph(path: str | Path, graph: Graph) -> None:
    """Write an FST file of vector type; it appears whole or not at all."""
    write_bytes(path, graph.to_bytes())


def parse_graph(data: bytes, name: object) -> Graph:
    """A graph from the bytes of one FST file; InputError if they are none."""
    return parse_prefix(data, name)[0]


def parse_prefix(data: bytes, name: object) -> tuple[Graph, int]:
    """A graph from the start of `data`, and how many bytes it took."""
    try:
        return _parse(data, name)
    except (struct.error, ValueError, IndexError) as failure:
        raise InputError(f"broken FST: {failure}", file=name, do="make it again") from None


def _read_head(data: bytes | bytearray, name: object) -> tuple[str, tuple[bool, int, int, int], int]:
    """Type of FST; whether its arrays are aligned, start, number of states and of arcs; where the states begin."""
    if len(data) < 8 or struct.unpack_from("<i", data)[0] != _MAGIC:
        raise InputError("no FST", file=name, expected="OpenFst's binary format")
    fst_type, place = _read_string(data, 4)
    arc_type, place = _read_string(data, place)
    version, flags, _, start, num_states, num_arcs = struct.unpack_from("<iiQqqq", data, place)
    if arc_type != "standard" or flags & 3 or fst_type not in ("vector", "const"):
        raise InputError(
            f"FST of type {fst_type}, arcs {arc_type}{', with symbol tables' if flags & 3 else ''}", file=name,
            expected="vector or const, standard arcs, no symbols", do="use fstconvert or fstprint",
        )  # fmt: skip
    is_aligned = bool(flags & 4) or (fst_type == "const" and version == 1)
    return fst_type, (is_aligned, start, num_states, num_arcs), place + struct.calcsize("<iiQqqq")


def _parse(data: bytes, name: object) -> tuple[Graph, int]:
    fst_type, head, place = _read_head(data, name)
    if fst_type == "const":
        return _parse_const(data, place, head)
    _, start, num_states, _ = head
    arcs: list[list[Arc]] = []
    finals: list[float] = []
    while len(arcs) != num_states and place < len(data):
        final, count = struct.unpack_from("<fq", data, place)
        place += 12
        block = np.frombuffer(data, dtype=_ARC, count=count, offset=place) if count else []
        arcs.append([Arc(*arc) for arc in block.tolist()] if count else [])  # type: ignore[union-attr]
        finals.append(final)
        place += 16 * count
    if num_states >= 0 and len(arcs) != num_states:
        raise ValueError(f"{len(arcs)} of {num_states} states")
    return _checked(Graph(arcs, finals, start)), place


def _parse_const(data: bytes, place: int, head: tuple[bool, int, int, int]) -> tuple[Graph, int]:
    is_aligned, start, num_states, num_arcs = head
    place += -place % 16 if is_aligned else 0
    states = np.frombuffer(data, dtype=_CONST_STATE, count=num_states, offset=place)
    place += _CONST_STATE.itemsize * num_states
    place += -place % 16 if is_aligned else 0
    flat = [Arc(*arc) for arc in np.frombuffer(data, dtype=_ARC, count=num_arcs, offset=place).tolist()]
    arcs = [
        flat[first : first + count]
        for first, count in zip(states["first"].tolist(), states["arcs"].tolist(), strict=True)
    ]
    return _checked(Graph(arcs, states["final"].tolist(), start)), place + 16 * num_arcs


def _checked(graph: Graph) -> Graph:
    size = len(graph.arcs)
    if not -1 <= graph.start < size or any(not 0 <= arc.nextstate < size for arcs in graph.arcs for arc in arcs):
        raise ValueError("an arc leads to no state")
    return graph


def _string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()


def _read_string(data: bytes | bytearray, place: int) -> tuple[str, int]:
    size = struct.unpack_from("<i", data, place)[0]
    if not 0 < size < 100:
        raise ValueError("no type name")
    return data[place + 4 : place + 4 + size].decode(), place + 4 + size


def _to_memory(fst: Any) -> bytes:
    """The bytes that kaldifst writes."""
    handle = os.memfd_create("fst")
    try:
        fst.write(f"/proc/self/fd/{handle}")
        with open(handle, "rb", closefd=False) as file:
            file.seek(0)
            return file.read()
    finally:
        os.close(handle)


def _from_memory(kind: Any, data: bytes) -> Any:
    """What kaldifst reads from bytes; None if it cannot."""
    handle = os.memfd_create("fst")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(data)
        return kind.read(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
