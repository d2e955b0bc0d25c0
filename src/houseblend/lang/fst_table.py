"""The kind "fst" of tables: a `kaldifst.StdVectorFst` (Kaldi's VectorFstHolder). Importing this makes it known."""

import struct
from typing import Any

from houseblend.base.errors import InputError
from houseblend.io.holders import register_kind
from houseblend.io.streams import InputStream
from houseblend.lang.fst import Arc, Graph, from_kaldifst, parse_graph

_MAGIC_BYTES = b"\xd6\xfd\xb2\x7e"


def _read(stream: InputStream) -> Any:
    first = stream.read(1)
    stream.seek(-1 if first else 0, 1)
    return (_read_binary if first == _MAGIC_BYTES[:1] else _read_text)(stream).to_kaldifst()


def _read_binary(stream: InputStream) -> Graph:
    data = bytearray()

    def take(form: str) -> tuple:
        part = stream.read(struct.calcsize(form))
        if len(part) != struct.calcsize(form):
            raise InputError(f"the FST ends early at byte {stream.tell()}", file=stream.name)
        data.extend(part)
        return struct.unpack(form, part)

    take("<i")
    for _ in range(2):
        take(f"<{min(max(take('<i')[0], 0), 100)}s")
    _, flags, _, _, num_states, _ = take("<iiQqqq")
    if not flags & 3:
        for _ in range(num_states):
            _, count = take("<fq")
            if not 0 <= count < 1 << 32:
                raise InputError(f"a state of {count} arcs before byte {stream.tell()}", file=stream.name)
            take(f"<{16 * count}s")
    return parse_graph(bytes(data), stream.name)


def _read_text(stream: InputStream) -> Graph:
    """Lines `from to input output [cost]` and `state [cost]` to an empty one; the first state is the start."""
    graph = Graph(start=-1)
    stream.read_line()
    while line := stream.read_line().split():
        try:
            numbers = [int(word) for word in line[: 4 if len(line) > 2 else 1]]
            cost = float(line[len(numbers)]) if len(line) > len(numbers) else 0.0
            if len(line) not in (1, 2, 4, 5) or min(numbers) < 0:
                raise ValueError
        except ValueError:
            raise InputError(f"cannot read {line} before byte {stream.tell()}", file=stream.name) from None
        while len(graph.arcs) <= max(numbers[:2]):
            graph.add_state()
        if graph.start < 0:
            graph.start = numbers[0]
        if len(numbers) == 1:
            graph.finals[numbers[0]] = cost
        else:
            graph.arcs[numbers[0]].append(Arc(numbers[2], numbers[3], cost, numbers[1]))
    return graph


def _write(value: Any, binary: bool) -> bytes:
    graph = from_kaldifst(value)
    return graph.to_bytes() if binary else b"\n" + graph.to_text().encode() + b"\n"


register_kind("fst", _read, _write)
