"""nnet1's prototypes: a line for each component, and how its numbers are drawn (InitData of nnet/nnet-*.h).

    <Splice> <InputDim> 40 <OutputDim> 440 <BuildVector> -5:5 </BuildVector>
    <AffineTransform> <InputDim> 440 <OutputDim> 1024 <BiasMean> -2.0 <BiasRange> 4.0 <ParamStddev> 0.1 <MaxNorm> 1.0
    <Sigmoid> <InputDim> 1024 <OutputDim> 1024

Weights are normal with <ParamStddev>, biases uniform, <BiasRange> wide around <BiasMean>. Every component draws from a
counter-based generator (Philox) of its own, whose key depends on the seed and on the component's place.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.base.seeds import seed_of
from houseblend.io.numbers import to_float, to_int
from houseblend.io.objects import MAX_DIM
from houseblend.io.streams import read_text
from houseblend.io.tables import read_object
from houseblend.nnet.formats.nnet1 import read_nnet1
from houseblend.nnet.nnet1.components import (
    KINDS,
    AddShift,
    AffineTransform,
    Component,
    LinearTransform,
    Rescale,
    Sigmoid,
    Softmax,
    Splice,
    Tanh,
    kind_called,
)
from houseblend.nnet.nnet1.network import Nnet1
from houseblend.nnet.rbm import Rbm, UnitType

MAX_NUMBERS = 1 << 27
"""Most numbers of one component, so that a slip in a dim cannot take all memory."""
_PROBABILITIES = 1e-4, 0.9999
"""Between which the means of visible units are taken for their biases."""
_UNITS: dict[str, UnitType] = {"bern": "bern", "Bernoulli": "bern", "gauss": "gauss", "Gaussian": "gauss"}


def init_nnet1(path: str | Path, seed: int) -> Nnet1:
    """Make the network of a prototype (extended file name).

    Raises:
        InputError: naming file, line and token.
    """
    components: list[Component] = []
    for number, line in enumerate(read_text(path).split("\n"), start=1):
        words = line.split()
        if words and words[0] not in ("<NnetProto>", "</NnetProto>"):
            random = np.random.Generator(np.random.Philox(key=seed_of(seed, "nnet1", len(components))))
            with np.errstate(over="ignore"):  # numbers that become infinite are refused with the network
                components.append(_Line(words, path, number, random).component())
    return Nnet1(components, path)


@dataclass
class _Line:
    """One line; words are taken from its front."""

    words: list[str]
    file: object
    number: int
    random: np.random.Generator

    def component(self) -> Component:
        """The component that the line describes."""
        name = self.word("a component")
        kind = kind_called(name)
        if kind is None:
            raise self.fail(name, " ".join(KINDS))
        self.input_dim = self.dim("<InputDim>")
        self.output_dim = self.dim("<OutputDim>")
        return _MAKERS[kind](self)

    def fail(self, found: str, expected: str) -> InputError:
        """An error that names the line and the token that was met."""
        what = f"found {found[:200]!r}" if found else "the line ends too early"
        do = "mend the line, or make the prototype again"
        return InputError(what, file=self.file, line=self.number, expected=expected, do=do)

    def word(self, expected: str) -> str:
        """The next word."""
        if not self.words:
            raise self.fail("", expected)
        return self.words.pop(0)

    def real(self) -> float:
        """The next word, a number."""
        word = self.word("a number")
        try:
            number = to_float(word)
        except ValueError:
            number = np.inf
        if not np.isfinite(number) or not np.isfinite(np.float32(number)):
            raise self.fail(word, "a number")
        return number

    def dim(self, key: str) -> int:
        """The next words, a key and a dimension."""
        found = self.word(key)
        if found != key:
            raise self.fail(found, key)
        word = self.word("a dimension")
        try:
            return to_int(word, range(1, MAX_DIM + 1))
        except ValueError:
            raise self.fail(word, f"a whole number from 1 to {MAX_DIM} behind {key}") from None

    def values(self, **known: float) -> dict[str, float]:
        """All words that are left, as keys with their numbers; what is not there keeps its default.

        Args:
            known: defaults by key without its angles.
        """
        while self.words:
            key = self.words.pop(0)
            name = key[1:-1]
            if key != f"<{name}>" or name not in known:
                raise self.fail(key, " ".join(f"<{name}>" for name in known) or "nothing more")
            known[name] = self.real()
        return known

    def same_dims(self) -> int:
        """The dim of a component that gives as many numbers as it takes."""
        if self.output_dim != self.input_dim:
            raise self.fail(f"<OutputDim> {self.output_dim}", f"{self.input_dim}, the <InputDim>")
        return self.input_dim

    def normal(self, stddev: float) -> torch.Tensor:
        """Weights, [output_dim, input_dim]."""
        if self.input_dim * self.output_dim > MAX_NUMBERS:
            raise self.fail(f"{self.output_dim} x {self.input_dim}", f"at most {MAX_NUMBERS} numbers of one component")
        drawn = self.random.standard_normal((self.output_dim, self.input_dim), dtype=np.float32)
        return torch.from_numpy(drawn * np.float32(stddev))

    def uniform(self, mean: float, width: float, dim: int) -> torch.Tensor:
        """Biases, [dim]."""
        drawn = mean + width * (self.random.random(dim) - 0.5)
        return torch.from_numpy(drawn.astype(np.float32))


def _splice(line: _Line) -> Splice:
    offsets: list[int] = []
    if line.words:
        key = line.word("")
        ends = {"<ReadVector>": "]", "<BuildVector>": "</BuildVector>"}
        if key not in ends:
            raise line.fail(key, "<ReadVector> or <BuildVector>")
        if key == "<ReadVector>" and (found := line.word("[")) != "[":
            raise line.fail(found, "[")
        while (word := line.word(ends[key])) != ends[key]:
            offsets += _indices(line, word)
        line.values()
    if len(offsets) * line.input_dim != line.output_dim:
        what = f"{len(offsets)} offsets of {line.input_dim} numbers and <OutputDim> {line.output_dim}"
        raise line.fail(what, f"<OutputDim> {len(offsets) * line.input_dim}")
    return Splice(tuple(offsets), line.input_dim)


def _indices(line: _Line, word: str) -> list[int]:
    """`first`, `first:last` or `first:step:last`, the last included."""
    try:
        bounds = [to_int(part, range(-MAX_DIM, MAX_DIM + 1)) for part in word.split(":")]
    except ValueError:
        bounds = []
    if len(bounds) not in (1, 2, 3) or bounds[0] > bounds[-1] or (len(bounds) == 3 and bounds[1] < 1):
        raise line.fail(word, "FIRST, FIRST:LAST or FIRST:STEP:LAST")
    return list(range(bounds[0], bounds[-1] + 1, bounds[1] if len(bounds) == 3 else 1))


def _add_shift(line: _Line) -> AddShift:
    values = line.values(InitParam=0.0, LearnRateCoef=1.0)
    return AddShift(torch.full((line.same_dims(),), values["InitParam"]), values["LearnRateCoef"])


def _rescale(line: _Line) -> Rescale:
    values = line.values(InitParam=0.0, LearnRateCoef=1.0)
    return Rescale(torch.full((line.same_dims(),), values["InitParam"]), values["LearnRateCoef"])


def _linear(line: _Line) -> LinearTransform:
    path = _taken(line, "<ReadMatrix>")
    values = line.values(ParamStddev=0.1, LearnRateCoef=1.0)
    if path is None:
        return LinearTransform(line.normal(values["ParamStddev"]), values["LearnRateCoef"])
    matrix = read_object(path, "matrix")
    if matrix.shape != (line.output_dim, line.input_dim):
        raise line.fail(f"{len(matrix)} x {matrix.shape[1]} in {path}", f"{line.output_dim} x {line.input_dim}")
    return LinearTransform(torch.tensor(matrix, dtype=torch.float32), values["LearnRateCoef"])


def _affine(line: _Line) -> AffineTransform:
    values = line.values(
        ParamStddev=0.1, BiasMean=-2.0, BiasRange=2.0, LearnRateCoef=1.0, BiasLearnRateCoef=1.0, MaxNorm=0.0
    )
    weights = line.normal(values["ParamStddev"])
    bias = line.uniform(values["BiasMean"], values["BiasRange"], line.output_dim)
    return AffineTransform(weights, bias, values["LearnRateCoef"], values["BiasLearnRateCoef"], values["MaxNorm"])


def _rbm(line: _Line) -> Rbm:
    visible, hidden = _unit_type(line, "<VisibleType>"), _unit_type(line, "<HiddenType>")
    path = _taken(line, "<VisibleBiasCmvnFilename>")
    values = line.values(
        ParamStddev=0.1, VisibleBiasMean=0.0, VisibleBiasRange=0.0, HiddenBiasMean=0.0, HiddenBiasRange=0.0
    )
    weights = line.normal(values["ParamStddev"])
    hidden_bias = line.uniform(values["HiddenBiasMean"], values["HiddenBiasRange"], line.output_dim)
    if path is None:
        visible_bias = line.uniform(values["VisibleBiasMean"], values["VisibleBiasRange"], line.input_dim)
    else:
        visible_bias = _bias_of_means(line, path)
    return Rbm(weights, visible_bias, hidden_bias, visible, hidden)


def _bias_of_means(line: _Line, path: str) -> torch.Tensor:
    """log p - log (1 - p) of the means p of the visible units, from the <AddShift> that takes them off."""
    shift = read_nnet1(path).components[0]
    if not isinstance(shift, AddShift) or shift.input_dim != line.input_dim:
        raise line.fail(path, f"a network that begins with <AddShift> of {line.input_dim} numbers, from cmvn-to-nnet")
    return torch.logit((-shift.shift.double()).clamp(*_PROBABILITIES)).float()


def _taken(line: _Line, key: str) -> str | None:
    """The word behind a key, both taken out of the line; None if it is not there."""
    if key not in line.words:
        return None
    place = line.words.index(key)
    if place + 1 == len(line.words):
        raise line.fail("", f"a word behind {key}")
    _, word = line.words[place : place + 2]
    del line.words[place : place + 2]
    return word


def _unit_type(line: _Line, key: str) -> UnitType:
    found = _taken(line, key)
    if found not in _UNITS:
        raise line.fail(found or "", f"{key} {' or '.join(_UNITS)}")
    return _UNITS[found]


def _without_keys(line: _Line) -> int:
    line.values()
    return line.same_dims()


_MAKERS: dict[type, Callable[[_Line], Component]] = {
    Splice: _splice,
    AddShift: _add_shift,
    Rescale: _rescale,
    LinearTransform: _linear,
    AffineTransform: _affine,
    Sigmoid: lambda line: Sigmoid(_without_keys(line)),
    Tanh: lambda line: Tanh(_without_keys(line)),
    Softmax: lambda line: Softmax(_without_keys(line)),
    Rbm: _rbm,
}
