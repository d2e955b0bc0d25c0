"""Weighted transducers as plain lists, for the few operations that kaldifst lacks, and their bytes (OpenFst's files).

kaldifst does the algebra; a graph goes to it and comes back through OpenFst's vector format in memory.
"""

import errno
import os
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from houseblend.base.atomic import write_bytes
from houseblend.base.errors import InputError
from houseblend.io.streams import open_stream

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
        counts = np.array([len(arcs) for arcs in self.arcs], np.int64)
        arcs = np.array([arc for arcs in self.arcs for arc in arcs], _ARC)
        words = np.empty(3 * len(counts) + 4 * len(arcs), "<i4")
        starts, is_arc = _layout(counts)
        words[starts] = np.array(self.finals, "<f4").view("<i4")
        words[starts + 1], words[starts + 2] = counts & 0xFFFFFFFF, counts >> 32
        words[is_arc] = arcs.view("<i4")
        return head + words.tobytes()

    def to_kaldifst(self) -> Any:
        """The same as a `kaldifst.StdVectorFst`."""
        import kaldifst

        return from_memory(kaldifst.StdVectorFst, self.to_bytes())

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
    return parse_graph(to_memory(fst), "graph")


def read_fst(rxfilename: str | Path) -> Any:
    """Read an FST file (vector or const type, standard arcs) as a kaldifst transducer, without a plain form between.

    The properties that the file claims are found out anew when they are needed.

    Raises:
        InputError: the file is missing, truncated, or something else.
    """
    import kaldifst

    data = bytearray(_read_file(rxfilename))
    _parse(data, rxfilename)
    fst_type, _, place = _read_head(data, rxfilename)
    kind, properties = (kaldifst.StdVectorFst, 3) if fst_type == "vector" else (kaldifst.StdConstFst, _EXPANDED)
    _set_properties(data, place, properties)
    fst = from_memory(kind, bytes(data))
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
    data = bytearray(to_memory(const))
    _, head, place = _read_head(data, "graph")
    _set_properties(data, place, _EXPANDED)
    place += _CONST_STATE.itemsize * head.num_states
    arcs = np.frombuffer(data, dtype=_ARC, count=head.num_arcs, offset=place)
    if len(arcs) and not 0 <= arcs["nextstate"].min() <= arcs["nextstate"].max() < head.num_states:
        raise InputError("an arc of the graph leads to no state", do="make the graph again")
    labels, numbers = np.unique(np.append(arcs["ilabel"], np.int32(0)), return_inverse=True)
    arcs["ilabel"] = numbers[:-1] - numbers[-1]
    return from_memory(kaldifst.StdConstFst, bytes(data)), labels


def read_graph(rxfilename: str | Path) -> Graph:
    """Read an FST file (vector or const type, standard arcs).

    Raises:
        InputError: the file is missing, truncated, or something else.
    """
    return parse_graph(_read_file(rxfilename), rxfilename)


def write_graph(path: str | Path, graph: Graph) -> None:
    """Write an FST file of vector type; it appears whole or not at all."""
    write_bytes(path, graph.to_bytes())


def parse_graph(data: bytes, name: object) -> Graph:
    """A graph from the bytes of one FST file; InputError if they are none."""
    states = _parse(data, name)
    flat = [Arc(*arc) for arc in states.arcs.tolist()]
    ends = np.cumsum(states.counts).tolist()
    arcs = [flat[end - count : end] for end, count in zip(ends, states.counts.tolist(), strict=True)]
    return Graph(arcs, states.finals.tolist(), states.start)


class _Head(NamedTuple):
    """Of a file's header: whether its arrays are aligned, the start, the numbers of states and of arcs."""

    is_aligned: bool
    start: int
    num_states: int
    num_arcs: int


def _read_head(data: bytes | bytearray, name: object) -> tuple[str, _Head, int]:
    """Type of FST, what its header says, and where the states begin."""
    if len(data) < 8 or struct.unpack_from("<i", data)[0] != _MAGIC:
        raise InputError("no FST", file=name, expected="OpenFst's binary format", do="make it again")
    fst_type, place = _read_string(data, 4)
    arc_type, place = _read_string(data, place)
    version, flags, _, start, num_states, num_arcs = struct.unpack_from("<iiQqqq", data, place)
    if arc_type != "standard" or flags & 3 or fst_type not in ("vector", "const"):
        raise InputError(
            f"FST of type {fst_type}, arcs {arc_type}{', with symbol tables' if flags & 3 else ''}", file=name,
            expected="vector or const, standard arcs, no symbols", do="use fstconvert or fstprint",
        )  # fmt: skip
    if version != 2 and (version, fst_type) != (1, "const"):
        expected = "2" if fst_type == "vector" else "1 or 2"
        raise InputError(f"FST of version {version}", file=name, expected=expected, do="make it again")
    is_aligned = bool(flags & 4) or (fst_type == "const" and version == 1)
    return fst_type, _Head(is_aligned, start, num_states, num_arcs), place + struct.calcsize("<iiQqqq")


class States(NamedTuple):
    """What lies in a file: the start, and of every state its final cost and number of arcs; all arcs, in order."""

    start: int
    finals: np.ndarray
    counts: np.ndarray
    arcs: np.ndarray


def flat_states(fst: Any) -> States:
    """The arrays of a kaldifst transducer with standard arcs."""
    return _parse(to_memory(fst), "graph")


def _parse(data: bytes | bytearray, name: object) -> States:
    """The arrays of a file, checked: kaldifst would believe them."""
    try:
        fst_type, head, place = _read_head(data, name)
        states, end = (_parse_const if fst_type == "const" else _parse_vector)(data, place, head)
        if end != len(data):
            raise ValueError(f"it should end at byte {end}, the file has {len(data)}")
        _check(states)
    except (struct.error, ValueError, OverflowError) as failure:
        raise InputError(f"broken FST: {failure}", file=name, do="make it again") from None
    return states


def _parse_vector(data: bytes | bytearray, place: int, head: _Head) -> tuple[States, int]:
    """Every state is its final cost, the number of its arcs, and these."""
    if head.num_states < -1:
        raise ValueError(f"{head.num_states} states")
    begin, found = place, []
    while len(found) != head.num_states and (head.num_states >= 0 or place < len(data)):
        (count,) = struct.unpack_from("<q", data, place + 4)
        if not 0 <= count <= (len(data) - place - 12) // _ARC.itemsize:
            raise ValueError(f"state {len(found)} at byte {place} has {count} arcs")
        found.append(count)
        place += 12 + _ARC.itemsize * count
    words = np.frombuffer(data, dtype="<i4", count=(place - begin) // 4, offset=begin)
    counts = np.array(found, np.int64)
    starts, is_arc = _layout(counts)
    arcs = words[is_arc].view(_ARC)
    if head.num_arcs > 0 and len(arcs) != head.num_arcs:
        raise ValueError(f"{len(arcs)} arcs, the header says {head.num_arcs}")
    return States(head.start, words[starts].view("<f4"), counts, arcs), place


def _layout(counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of a vector FST in words of 4 bytes, by the states' numbers of arcs: where states begin, and which words are arcs'.

    A state is its final cost (a word), the number of its arcs (two), and these (four each).
    """
    starts = 3 * np.arange(len(counts)) + 4 * (np.cumsum(counts) - counts)
    is_arc = np.ones(3 * len(counts) + 4 * int(counts.sum()), bool)
    is_arc[starts] = is_arc[starts + 1] = is_arc[starts + 2] = False
    return starts, is_arc


def _parse_const(data: bytes | bytearray, place: int, head: _Head) -> tuple[States, int]:
    """All states, then all arcs."""
    if head.num_states < 0 or head.num_arcs < 0:
        raise ValueError(f"{head.num_states} states and {head.num_arcs} arcs")
    place += -place % 16 if head.is_aligned else 0
    states = np.frombuffer(data, dtype=_CONST_STATE, count=head.num_states, offset=place)
    place += _CONST_STATE.itemsize * head.num_states
    place += -place % 16 if head.is_aligned else 0
    arcs = np.frombuffer(data, dtype=_ARC, count=head.num_arcs, offset=place)
    counts = states["arcs"].astype(np.int64)
    if counts.sum() != len(arcs) or (states["first"] != np.cumsum(counts) - counts).any():
        raise ValueError("the states do not share out the arcs")
    for label, column in (("ilabel", "ieps"), ("olabel", "oeps")):
        before = np.append(0, np.cumsum(arcs[label] == 0))
        ends = np.cumsum(counts)
        if (before[ends] - before[ends - counts] != states[column]).any():
            raise ValueError(f"a state does not have as many epsilons as it says ({label})")
    return States(head.start, states["final"], counts, arcs), place + _ARC.itemsize * head.num_arcs


def _check(states: States) -> None:
    size, targets = len(states.counts), states.arcs["nextstate"]
    if not -1 <= states.start < size or (len(targets) and not 0 <= targets.min() <= targets.max() < size):
        raise ValueError("an arc leads to no state")
    for costs in (states.finals, states.arcs["weight"]):
        if not (costs > -np.inf).all():
            raise ValueError("a cost is not a number")


def _read_file(rxfilename: str | Path) -> bytes:
    with open_stream(rxfilename) as stream:
        if stream.peek(4) != struct.pack("<i", _MAGIC):
            raise stream.fail("no FST", expected="OpenFst's binary format")
        return stream.read_all()


def _set_properties(data: bytearray, behind_head: int, properties: int) -> None:
    struct.pack_into("<Q", data, behind_head - struct.calcsize("<Qqqq"), properties)


def _string(text: str) -> bytes:
    return struct.pack("<i", len(text)) + text.encode()


def _read_string(data: bytes | bytearray, place: int) -> tuple[str, int]:
    size = struct.unpack_from("<i", data, place)[0]
    if not 0 < size < 100:
        raise ValueError("no type name")
    return data[place + 4 : place + 4 + size].decode(), place + 4 + size


def to_memory(fst: Any) -> bytes:
    """The bytes that kaldifst writes of a transducer or lattice.

    Raises:
        OSError: it could not write them; a limit on the size of files holds in memory too.
    """
    handle = os.memfd_create("fst")
    try:
        if not fst.write(f"/proc/self/fd/{handle}"):
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG), "a graph in memory")
        with open(handle, "rb", buffering=0, closefd=False) as file:
            file.seek(0)
            return file.readall()
    finally:
        os.close(handle)


def from_memory(kind: Any, data: bytes) -> Any:
    """The transducer of a kind of kaldifst's in bytes, which are believed; None if kaldifst cannot read them."""
    handle = os.memfd_create("fst")
    try:
        with open(handle, "wb", closefd=False) as file:
            file.write(data)
        return kind.read(f"/proc/self/fd/{handle}")
    finally:
        os.close(handle)
