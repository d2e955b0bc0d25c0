"""Random networks and examples of nnet2 for tests."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import torch

from houseblend.frames.nnet2_egs import Nnet2Example
from houseblend.nnet.nnet2.components import (
    AffineComponent,
    AffineComponentPreconditionedOnline,
    Component,
    FixedAffineComponent,
    NormalizeComponent,
    PnormComponent,
    SoftmaxComponent,
    SpliceComponent,
    SumGroupComponent,
    TanhComponent,
)
from houseblend.nnet.nnet2.network import Nnet2, Nnet2Model

DIM, PDFS = 3, 5


def draw(*shape: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng().normal(size=shape).astype(np.float32))


def components(preconditioned: bool = True, groups: bool = False) -> list[Component]:
    """Every kind of component, two of them splices."""
    kind = AffineComponentPreconditionedOnline if preconditioned else AffineComponent
    outputs = PDFS + 2 if groups else PDFS
    return [
        SpliceComponent(DIM, (-2, 0, 1)), FixedAffineComponent(draw(4, 3 * DIM), draw(4)),
        kind(draw(6, 4), draw(6), 0.01), PnormComponent(6, 3), NormalizeComponent(3),
        SpliceComponent(3, (-1, 1)), kind(draw(4, 6), draw(4), 0.02), TanhComponent(4),
        kind(draw(outputs, 4), draw(outputs), 0.03), SoftmaxComponent(outputs),
        *([SumGroupComponent((1, 3, 1, 1, 1))] if groups else []),
    ]  # fmt: skip


def parts(network: Any) -> list[Any]:
    """The components, whose kinds the test knows."""
    return list(network.components)


def example(frames: int = 9) -> Nnet2Example:
    """Random features, and a pdf or two."""
    rng = np.random.default_rng()
    labels = [(int(rng.integers(PDFS)), 1.0)] if rng.random() < 0.5 else [(0, 0.25), (PDFS - 1, 0.5)]
    return Nnet2Example(draw(frames, DIM).numpy(), 4, labels)


def encoded(one: Nnet2Example, form: str = "<Lab2>") -> bytes:
    """As Kaldi writes an example, uncompressed."""
    count = b"\4" + struct.pack("<i", 1) if form == "<Lab2>" else b""
    pairs = b"".join(b"\4" + struct.pack("<i", pdf) + b"\4" + struct.pack("<f", weight) for pdf, weight in one.labels)
    labels = count + b"\4" + struct.pack("<i", len(one.labels)) + pairs
    if form == "<Lab1>":
        labels = b"\4" + struct.pack("<ii", 1, one.labels[0][0])
    rows, columns = one.frames_TD.shape
    sizes = b"\4" + struct.pack("<i", rows) + b"\4" + struct.pack("<i", columns)
    return (
        b"\0B<NnetExample> " + form.encode() + b" " + labels + b"<InputFrames> FM " + sizes
        + one.frames_TD.astype("<f4").tobytes() + b"<LeftContext> \4" + struct.pack("<i", one.left_context)
        + b"<SpkInfo> FV \4" + struct.pack("<i", 0) + b"</NnetExample> "
    )  # fmt: skip


def write_egs(path: Path, examples: list[Nnet2Example]) -> None:
    """An archive of examples e0, e1, ..."""
    path.write_bytes(b"".join(b"e%d " % number + encoded(one) for number, one in enumerate(examples)))


def some_model(priors: bool = False) -> Nnet2Model:
    """With the transition model of a topology with one state a phone."""
    from houseblend.hmm.topology import HmmState, HmmTopology
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency

    phones = list(range(1, PDFS + 1))
    topology = HmmTopology(phones, dict.fromkeys(phones, 0), [[HmmState(0, [(0, 0.5), (1, 0.5)]), HmmState(-1)]])
    tree = ContextDependency.monophone([[phone] for phone in phones], dict.fromkeys(phones, 1))
    numbers = np.random.default_rng().dirichlet(np.ones(PDFS)).astype(np.float32) if priors else np.empty(0, np.float32)
    return Nnet2Model(TransitionModel.initial(topology, tree), Nnet2(components()), numbers)
