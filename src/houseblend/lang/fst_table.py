"""The kind "fst" of tables: a `kaldifst.StdVectorFst` (Kaldi's VectorFstHolder). Importing this makes it known."""

import math
import struct
from typing import Any

from houseblend.io.holders import register_kind
from houseblend.io.numbers import to_float
from houseblend.io.streams import InputStream
from houseblend.lang.fst import NO_FINAL, Arc, Graph, from_kaldifst, parse_graph
from houseblend.lang.fst_text import read_text_fst

_MAGIC_BYTES = b"\xd6\xfd\xb2\x7e"


def _read(stream: InputStream) -> Any:
    return (_read_binary if stream.peek(1) == _MAGIC_BYTES[:1] else _read_text)(stream).to_kaldifst()


def _read_binary(stream: InputStream) -> Graph:
    data = bytearray()

    def take(size: int) -> bytes:
        part = stream.read(size) if 0 <= size <= stream.left() else b""
        if len(part) != size:
            raise stream.fail("the FST ends early", expected=f"{size} more bytes")
        data.extend(part)
        return part

    take(4)
    for _ in range(2):
        take(int.from_bytes(take(4), "little", signed=True))
    num_states = struct.unpack("<iiQqqq", take(40))[4]
    for _ in range(num_states):
        take(16 * struct.unpack("<fq", take(12))[1])
    return parse_graph(bytes(data), stream.name)


def _read_text(stream: InputStream) -> Graph:
    text = read_text_fst(stream, 2, _parse_cost, 0.0)
    states = range(text.num_states)
    graph = Graph([[] for _ in states], [text.finals.get(state, NO_FINAL) for state in states], text.start)
    for arc in text.arcs:
        graph.arcs[arc.state].append(Arc(arc.labels[0], arc.labels[1], arc.weight, arc.nextstate))
    return graph


def _parse_cost(word: str) -> float:
    cost = to_float(word)
    if not cost > -math.inf:
        raise ValueError("a cost is not a number")
    return cost


def _write(value: Any, binary: bool) -> bytes:
    graph = from_kaldifst(value)
    return graph.to_bytes() if binary else b"\n" + graph.to_text().encode() + b"\n"


register_kind("fst", _read, _write)
