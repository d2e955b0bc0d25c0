"""Phonetic decision trees: from phones in context and pdf-class to pdf (Kaldi's tree/event-map, tree/context-dep)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from houseblend.io.objects import KaldiInput, KaldiOutput, open_input

PDF_CLASS_KEY = -1
MAX_WIDTH = 100
"""Phones of a window; Kaldi's recipes have 1, 2 or 3."""


@dataclass(frozen=True)
class Leaf:
    """A pdf."""

    pdf: int


@dataclass(frozen=True)
class Table:
    """Chooses by the value of a key: a position in the context window, or PDF_CLASS_KEY."""

    key: int
    branches: "tuple[Node | None, ...]"


@dataclass(frozen=True)
class Split:
    """Chooses by whether the value of a key is in a set."""

    key: int
    members: frozenset[int]
    yes: "Node"
    no: "Node"


Node = Leaf | Table | Split


@dataclass
class ContextDependency:
    """A tree over windows of `context_width` phones, the central one at `central_position`."""

    context_width: int
    central_position: int
    root: Node

    def compute(self, phones: Sequence[int], pdf_class: int) -> int | None:
        """The pdf of a window of phones (0: no phone) and a pdf-class; None if the tree has no answer."""
        values = {PDF_CLASS_KEY: pdf_class, **dict(enumerate(phones))}
        return next(_pdfs(self.root, values), None)

    def possible_pdfs(self, phone: int, pdf_class: int) -> list[int]:
        """All pdfs of a phone's pdf-class, over all contexts, sorted."""
        return sorted(set(_pdfs(self.root, {PDF_CLASS_KEY: pdf_class, self.central_position: phone})))

    @property
    def num_pdfs(self) -> int:
        """One more than the largest pdf."""
        return 1 + max(_pdfs(self.root, {}))

    @classmethod
    def monophone(cls, sets: Sequence[Sequence[int]], num_pdf_classes: Mapping[int, int]) -> "ContextDependency":
        """A tree without context.

        Args:
            sets: phones that share their pdfs, one list each.
            num_pdf_classes: phone -> number of pdf-classes.
        """
        table: dict[int, Node] = {}
        count = 0
        for phones in sets:
            classes = num_pdf_classes[phones[0]]
            shared = Table(PDF_CLASS_KEY, tuple(Leaf(count + index) for index in range(classes)))
            count += classes
            table.update(dict.fromkeys(phones, shared))
        branches = tuple(table.get(phone) for phone in range(max(table) + 1))
        return cls(1, 0, Table(0, branches))

    @classmethod
    def load(cls, rxfilename: str | Path) -> "ContextDependency":
        """Read a tree file; InputError if it is none."""
        with open_input(rxfilename) as source:
            tree = cls.read(source)
            source.stream.expect_end()
        return tree

    @classmethod
    def read(cls, source: KaldiInput) -> "ContextDependency":
        """Read Kaldi's binary or text form; InputError if it is none."""
        source.expect("ContextDependency")
        width, position = source.read_int(), source.read_int()
        source.expect("ToPdf")
        if not 0 <= position < width <= MAX_WIDTH:
            found = f"a window of {width} phones with the central one at {position}"
            raise source.fail(found, f"a place inside of at most {MAX_WIDTH} phones")
        root = _read_node(source, range(PDF_CLASS_KEY, width))
        source.expect("EndContextDependency")
        pdfs = set(_pdfs(root, {}))
        if root is None or not pdfs or pdfs != set(range(len(pdfs))):
            raise source.fail("the leaves are not all pdfs from 0 to the last")
        return cls(width, position, root)

    def write(self, target: KaldiOutput) -> None:
        """Write Kaldi's form."""
        target.write_token("ContextDependency")
        target.write_int(self.context_width)
        target.write_int(self.central_position)
        target.write_token("ToPdf")
        _write_node(target, self.root)
        target.write_token("EndContextDependency")


def _pdfs(node: Node | None, values: Mapping[int, int]) -> Iterator[int]:
    """The pdfs that can be reached when only `values` are known."""
    if node is None:
        return
    if isinstance(node, Leaf):
        yield node.pdf
    elif isinstance(node, Table):
        if node.key not in values:
            for branch in node.branches:
                yield from _pdfs(branch, values)
        elif 0 <= values[node.key] < len(node.branches):
            yield from _pdfs(node.branches[values[node.key]], values)
    elif node.key not in values:
        yield from _pdfs(node.yes, values)
        yield from _pdfs(node.no, values)
    else:
        yield from _pdfs(node.yes if values[node.key] in node.members else node.no, values)


def _read_node(source: KaldiInput, keys: range) -> Node | None:
    token = source.read_token()
    if token == "NULL":
        return None
    if token == "CE":
        return Leaf(source.read_int())
    if token == "TE":
        key, size = _read_key(source, keys), source.read_uint()
        source.expect("(")
        branches = []
        for _ in range(size):
            branches.append(_read_node(source, keys))
        source.expect(")")
        return Table(key, tuple(branches))
    if token == "SE":
        key, members = _read_key(source, keys), frozenset(source.read_int_vector().tolist())
        source.expect("{")
        yes, no = _read_node(source, keys), _read_node(source, keys)
        source.expect("}")
        if yes is None or no is None:
            raise source.fail("a split with an empty side")
        return Split(key, members, yes, no)
    raise source.fail(f"found {token[:60]!r}", "CE, TE, SE or NULL")


def _read_key(source: KaldiInput, keys: range) -> int:
    key = source.read_int()
    if key not in keys:
        raise source.fail(f"a question of position {key}", f"{keys.start} to {keys.stop - 1}")
    return key


def _write_node(target: KaldiOutput, node: Node | None) -> None:
    if node is None:
        target.write_token("NULL")
    elif isinstance(node, Leaf):
        target.write_token("CE")
        target.write_int(node.pdf)
    elif isinstance(node, Table):
        target.write_token("TE")
        target.write_int(node.key)
        target.write_uint(len(node.branches))
        target.write_token("(")
        for branch in node.branches:
            _write_node(target, branch)
        target.write_token(")")
        target.newline()
    else:
        target.write_token("SE")
        target.write_int(node.key)
        target.write_int_vector(sorted(node.members))
        target.write_token("{")
        _write_node(target, node.yes)
        _write_node(target, node.no)
        target.write_token("}")
        target.newline()
