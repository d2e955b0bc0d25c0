"""The text form of transducers and lattices in archives: a line an arc or final state, ended by an empty one."""

from collections.abc import Callable
from typing import Generic, NamedTuple, TypeVar

from houseblend.io.numbers import to_int
from houseblend.io.streams import InputStream

W = TypeVar("W")
_NUMBERS = range(1 << 31)


class TextArc(NamedTuple, Generic[W]):
    """One arc: from and to which state, its labels, and what it costs."""

    state: int
    nextstate: int
    labels: list[int]
    weight: W


class TextFst(NamedTuple, Generic[W]):
    """The lines of one object: start state (-1: none), number of states, arcs, and weights of final states."""

    start: int
    num_states: int
    arcs: list[TextArc[W]]
    finals: dict[int, W]


def read_text_fst(stream: InputStream, num_labels: int, parse_weight: Callable[[str], W], one: W) -> TextFst[W]:
    """Lines `FROM TO LABEL ... [WEIGHT]` and `STATE [WEIGHT]` to an empty one; the first state is the start.

    Args:
        stream: positioned behind the key.
        num_labels: labels of an arc.
        parse_weight: a weight of its text; ValueError if it is none.
        one: the weight where none is written.

    Raises:
        InputError: a line of another form, a state that is final twice, gaps in the numbering, or no empty line.
    """
    arcs: list[TextArc[W]] = []
    finals: dict[int, W] = {}
    start = -1
    if stream.readline().strip():
        raise stream.fail("no transducer here", text=True, expected="an empty line behind the key")
    while (line := stream.next_line()) is None or line.strip():
        if line is None:
            raise stream.fail("the archive ends inside an object", text=True, expected="an empty line")
        words = line.decode(errors="replace").split()
        try:
            numbers = [to_int(word, _NUMBERS) for word in words[: 2 + num_labels if len(words) > 2 else 1]]
            weight = parse_weight(words[-1]) if len(words) > len(numbers) else one
            if len(words) > len(numbers) + 1 or len(numbers) not in (1, 2 + num_labels):
                raise ValueError
            if len(numbers) == 1 and numbers[0] in finals:
                raise ValueError
        except ValueError:
            expected = f"FROM TO{num_labels * ' LABEL'} [WEIGHT] or STATE [WEIGHT], each final state once"
            raise stream.fail(f"cannot read {line[:60]!r}", text=True, expected=expected) from None
        start = numbers[0] if start < 0 else start
        if len(numbers) == 1:
            finals[numbers[0]] = weight
        else:
            arcs.append(TextArc(numbers[0], numbers[1], numbers[2:], weight))
    size = 1 + max([-1, *finals, *(max(arc.state, arc.nextstate) for arc in arcs)])
    if size > 2 * (len(arcs) + len(finals)):
        raise stream.fail(f"state {size - 1} among {len(arcs)} arcs", text=True, expected="states numbered from 0")
    return TextFst(start, size, arcs, finals)
