"""All numbers of a network in one flat buffer, and the table that says what lies where."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from ctypes import c_float
from dataclasses import dataclass
from math import prod
from typing import Literal, get_args

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError

CACHE_LINE = 64
"""Bytes."""

Role = Literal["parameter", "statistic", "counter", "frozen"]
"""In the order in which they lie in the buffer."""


@dataclass(frozen=True)
class TensorSpec:
    """A tensor that a component wants in the buffer.

    Attributes:
        name: `<component>.<field>`, unique in the network.
        role: "parameter" (trained, averaged), "statistic" (averaged with its counter as weight),
            "counter" (averaged), "frozen" (must be equal in models that are averaged).
        shape: its shape; a counter has two or three elements whose sum is the count, which is then exact.
        counter: for a statistic, the name of the counter that says over how many frames it was taken.
        power: for a statistic, 1 if it is a mean, 2 if it is a root mean square.
        around: for a variance, the name of the mean that it is around.
    """

    name: str
    role: Role
    shape: tuple[int, ...]
    counter: str = ""
    power: int = 1
    around: str = ""

    @property
    def size(self) -> int:
        """Number of elements."""
        return prod(self.shape)

    @property
    def component(self) -> str:
        """The component that it belongs to."""
        return self.name.rpartition(".")[0]


def split_count(value: float, parts: int = 2) -> list[float]:
    """Float32 numbers whose sum is a count: two hold whole numbers of up to 48 bits, three any float64."""
    numbers = []
    for _ in range(parts):
        numbers.append(c_float(value).value)
        value -= numbers[-1]
    return numbers


def count_of(counter: torch.Tensor) -> float:
    """Value of a counter, the sum of its parts."""
    return sum(counter.tolist())


def set_count(counter: torch.Tensor, value: float) -> None:
    """Make `value` the value of a counter."""
    counter.copy_(counter.new_tensor(split_count(value, len(counter))))


class Counter:
    """A counter that a component counts with: a number of the host, until `settle` writes it into the buffer.

    Args:
        place: its part of the buffer, [2] or [3].
    """

    def __init__(self, place: torch.Tensor) -> None:
        self._place = place
        self._value: float | None = None
        self._is_new = False

    @property
    def value(self) -> float:
        """The count."""
        if self._value is None:
            self._value = count_of(self._place)
        return self._value

    @value.setter
    def value(self, value: float) -> None:
        """Count."""
        self._value, self._is_new = value, True

    def settle(self) -> None:
        """Let the buffer have the count, which others may change there."""
        if self._value is not None and self._is_new:
            set_count(self._place, self._value)
        self._value, self._is_new = None, False


class Layout:
    """Where each tensor lies in the flat buffer: one span for each role, in the order of `Role`.

    Args:
        specs: the tensors; those of one role keep their order.

    Attributes:
        specs: in the order of the buffer.
        size: numbers in the buffer.
        num_trained: numbers of role "parameter", which come first.
        spans: where the trained tensors of each component lie, in one piece.

    Raises:
        InputError: two tensors have one name.
    """

    def __init__(self, specs: Iterable[TensorSpec]) -> None:
        self.specs = tuple(sorted(specs, key=lambda spec: get_args(Role).index(spec.role)))
        self.offsets: dict[str, int] = {}
        self.size = 0
        self.spans: dict[str, slice] = {}
        for spec in self.specs:
            if spec.name in self.offsets:
                raise InputError("two tensors of this name in one network", key=spec.name)
            self.offsets[spec.name] = self.size
            if spec.role == "parameter":
                start = self.spans[spec.component].start if spec.component in self.spans else self.size
                self.spans[spec.component] = slice(start, self.size + spec.size)
            self.size += spec.size
        self.num_trained = sum(spec.size for spec in self.specs if spec.role == "parameter")

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Layout) and self.specs == other.specs

    def __hash__(self) -> int:
        return hash(self.specs)

    def difference(self, other: Layout) -> str | None:
        """First difference to another layout in words, None if they are equal."""
        for mine, theirs in zip(self.specs, other.specs, strict=False):
            if mine != theirs:
                return f"{mine.name} {mine.role} {mine.shape} against {theirs.name} {theirs.role} {theirs.shape}"
        if len(self.specs) != len(other.specs):
            return f"{len(self.specs)} tensors against {len(other.specs)}"
        return None

    def to_json(self) -> list[list[object]]:
        """The table as JSON: (name, role, shape, offset) of each tensor."""
        return [[s.name, s.role, list(s.shape), self.offsets[s.name]] for s in self.specs]


class Tensors:
    """The numbers of a network, tensor by tensor, and their layout.

    Args:
        layout: which tensors there are.
        views: the tensors by name, float32, each in its shape.
    """

    def __init__(self, layout: Layout, views: Mapping[str, torch.Tensor]) -> None:
        self.layout, self._views = layout, views

    @property
    def device(self) -> torch.device:
        """Where the numbers are."""
        return next((view.device for view in self._views.values()), torch.device("cpu"))

    def __getitem__(self, name: str) -> torch.Tensor:
        """One tensor, in its shape."""
        return self._views[name]

    def items(self, role: Role | None = None) -> Iterator[tuple[TensorSpec, torch.Tensor]]:
        """Pairs of description and tensor in the order of the layout, of one role if given."""
        return ((s, self._views[s.name]) for s in self.layout.specs if role is None or s.role == role)

    def not_finite(self) -> str | None:
        """Name of the first tensor that holds NaN or infinity; None if all are finite."""
        for spec, view in self.items():
            if spec.size and not all(torch.isfinite(extreme).item() for extreme in view.aminmax()):
                return spec.name
        return None

    def check_finite(self, file: object = None) -> None:
        """Refuse NaN and infinity.

        Raises:
            NotFiniteError: naming the first tensor that holds one.
        """
        name = self.not_finite()
        if name is not None:
            what = "NaN or infinity among the numbers of the network"
            raise NotFiniteError(what, file=file, key=name, do="take an earlier model")


class Parameters(Tensors):
    """One flat contiguous float32 buffer and its layout; tensors are views into it.

    Args:
        layout: what lies where.
        flat: the buffer, shape [layout.size]; zeros if not given.
        device: where to make the buffer if it is not given.

    Attributes:
        flat: the buffer.
        trained: its part of role "parameter", a view [layout.num_trained].
    """

    def __init__(self, layout: Layout, flat: torch.Tensor | None = None, device: str | torch.device = "cpu") -> None:
        self.flat = _zeros(layout.size).to(device) if flat is None else flat
        if self.flat.shape != (layout.size,) or not self.flat.is_contiguous():
            raise InputError(f"buffer of shape {tuple(self.flat.shape)}", expected=f"contiguous ({layout.size},)")
        views = {
            s.name: self.flat[layout.offsets[s.name] : layout.offsets[s.name] + s.size].view(s.shape)
            for s in layout.specs
        }
        super().__init__(layout, views)
        self.trained = self.flat[: layout.num_trained]
        self._spans = {component: self.flat[span] for component, span in layout.spans.items()}

    def span(self, component: str) -> torch.Tensor:
        """The trained tensors of one component as one flat view, for example for the norm of its change."""
        return self._spans[component]

    def clone(self) -> Parameters:
        """A copy with its own buffer."""
        return Parameters(self.layout, self.flat.clone())

    def trained_zeros(self) -> Parameters:
        """Zeros for the trained tensors alone on the same device, to accumulate an update."""
        return Parameters(Layout(spec for spec, _ in self.items("parameter")), device=self.device)

    def hash(self) -> str:
        """SHA-256 in hexadecimal of the layout and of the buffer's bytes."""
        digest = hashlib.sha256(json.dumps(self.layout.to_json()).encode())
        digest.update(self.flat.detach().cpu().numpy().tobytes())
        return digest.hexdigest()


def _zeros(count: int) -> torch.Tensor:
    """Zeros, [count], in numpy's memory, which comes in huge pages, from a whole cache line on, as products want it."""
    memory = np.zeros(count + CACHE_LINE // 4, np.float32)
    first = -memory.ctypes.data % CACHE_LINE // 4
    return torch.from_numpy(memory[first : first + count])
