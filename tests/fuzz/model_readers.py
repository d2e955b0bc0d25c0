"""Readers of trees, topologies, transition models, mixtures, statistics, networks, graphs."""

import functools
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cases import Reader
from table_readers import GRAPH

from houseblend.gmm.accumulate import Accumulators
from houseblend.gmm.diag import AmDiagGmm, DiagGmm
from houseblend.gmm.model import read_model, write_model
from houseblend.hmm.search import SearchGraph
from houseblend.hmm.topology import HmmState, HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency, Leaf, Split
from houseblend.io.objects import KaldiOutput, open_output
from houseblend.io.text import MARK
from houseblend.lang.fst import read_fst, read_graph, renumber_inputs, write_graph
from houseblend.tree.gaussian import objective
from houseblend.tree.questions import KeyQuestions, read_questions, write_questions
from houseblend.tree.statistics import TreeStatistics

CHANCE = np.random.default_rng(2)
TOPOLOGY = HmmTopology(
    [1, 2, 3], {1: 0, 2: 1, 3: 1},
    [[HmmState(0, [(0, 0.5), (1, 0.5)]), HmmState(-1)],
     [HmmState(0, [(0, 0.75), (1, 0.25)]), HmmState(1, [(1, 0.75), (2, 0.25)]), HmmState(-1)]],
)  # fmt: skip
FLAT = ContextDependency.monophone([[1], [2], [3]], {1: 1, 2: 2, 3: 2})
TREE = ContextDependency(3, 1, Split(0, frozenset({1, 2}), FLAT.root, Leaf(5)))
TRANSITIONS = TransitionModel.initial(TOPOLOGY, FLAT)
DIM = 3
Write = Callable[[KaldiOutput], None]


def _mixture(size: int) -> DiagGmm:
    weights = np.full(size, 1 / size)
    return DiagGmm.from_moments(weights, CHANCE.normal(size=(size, DIM)), CHANCE.uniform(0.5, 2, size=(size, DIM)))


MIXTURES = AmDiagGmm([_mixture(1 + pdf % 2) for pdf in range(TRANSITIONS.num_pdfs)])
FRAMES = CHANCE.normal(size=(9, 4))


def written(write: Write, name: str, binary: bool) -> Callable[[Path], None]:
    """A maker of one file."""

    def make(folder: Path) -> None:
        with open_output(folder / name, binary) as target:
            write(target)

    return make


def canonical(name: str, write: Callable[[KaldiOutput, Any], None]) -> Callable[[Path, Any], str | None]:
    """A judge: what was read from a binary file, written again, is as long as the file but for a mark and blanks."""

    def judge(folder: Path, value: Any) -> str | None:
        if not (folder / name).is_file():
            return None  # a pipe without end
        buffer = io.BytesIO()
        write(KaldiOutput(buffer), value)
        rest = (folder / name).read_bytes().removeprefix(MARK)[len(buffer.getvalue()) :]
        return "bytes without meaning" if rest.strip() else None

    return judge


def _use_tree(folder: Path) -> ContextDependency:
    tree = ContextDependency.load(folder / "tree")
    assert tree.num_pdfs > 0
    tree.compute([1] * tree.context_width, 0)
    return tree


STATISTICS = TreeStatistics(
    [((-1, 0), (0, 2), (1, 2), (2, 0)), ((-1, 0), (1, 1)), ((-1, 1), (0, 0), (1, 3), (2, 1))],
    np.random.default_rng(3).uniform(1, 2, size=(3, 1 + 2 * DIM)),
)
QUESTIONS = {-1: KeyQuestions(((0,),)), 0: KeyQuestions(((1,), (2, 3)), 2), 1: KeyQuestions(())}


def _use_statistics(folder: Path) -> TreeStatistics:
    stats = TreeStatistics.load(folder / "acc")
    with np.errstate(all="ignore"):
        objective(stats.moments, stats.var_floor)
    return stats


def _use_model(folder: Path) -> Any:
    model, mixtures = read_model(folder / "final.mdl")
    assert model.num_pdfs == mixtures.num_pdfs
    with np.errstate(all="ignore"):
        mixtures.log_likelihoods(np.zeros((2, mixtures.dim), dtype=np.float32))
    model.scaled_log_probs(1.0, 0.1)
    return model, mixtures


def _write_accumulators(folder: Path, binary: bool) -> None:
    acc = Accumulators.for_model(TRANSITIONS, MIXTURES)
    acc.add_alignment(TRANSITIONS, MIXTURES, FRAMES[:4, :DIM].astype(np.float32), np.array([1, 2, 3, 4]))
    acc.write(folder / "0.acc", binary)


def _write_lda(folder: Path) -> None:
    from houseblend.gmm.lda import LdaStats

    x = FRAMES
    with open_output(folder / "lda.acc") as target:
        LdaStats(np.array([4.0, 5.0]), np.stack([x[:4].sum(0), x[4:].sum(0)]), x.T @ x).write(target)


def _read_lda(folder: Path) -> Any:
    from houseblend.gmm.lda import LdaStats

    return LdaStats.load(folder / "lda.acc")


def _mllt_stats() -> Any:
    from houseblend.gmm.mllt import MlltStats

    stats = MlltStats.zeros(DIM)
    stats.rows.count = 9.0
    stats.rows.add_outer_products(np.abs(FRAMES[:, :DIM]), FRAMES[:, :DIM])
    return stats


def _read_mllt(folder: Path) -> Any:
    from houseblend.gmm.mllt import MlltStats

    return MlltStats.load(folder / "1.macc")


CONFIG = """input dim=3 name=input
relu-renorm-layer name=h1 dim=4 input=Append(-1,0,1)
pnorm-layer name=h2 dim=2 pnorm-input-dim=4
tanh-dropout-layer name=h3 dim=2
output-layer name=output dim=5
"""
NODES = """input-node name=input dim=3
component name=a type=NaturalGradientAffineComponent input-dim=6 output-dim=4 rank-in=2 max-change=0.75
component-node name=a component=a input=Append(Offset(input, -1), input)
component name=s type=SigmoidComponent dim=4
component-node name=s component=s input=a
component name=b type=AffineComponent input-dim=4 output-dim=2 bias-stddev=0.5
component-node name=b component=b input=Offset(s, 2)
output-node name=output input=b objective=quadratic
"""


def _network() -> Any:
    from houseblend.nnet.init import init_network

    return init_network(CONFIG, 1, "c")


def _write_network(folder: Path, binary: bool) -> None:
    from houseblend.nnet.formats.nnet3 import write_network

    write_network(folder / "0.raw", _network(), binary)


def _read_network(folder: Path) -> Any:
    from houseblend.nnet.formats.nnet3 import read_network

    return _used(read_network(folder / "0.raw"))


def _used(network: Any) -> Any:
    import torch

    width = network.left_context + network.right_context + 1
    network.forward(torch.zeros(1, width, network.input_dim))
    return network


def _write_nnet1(folder: Path, binary: bool) -> None:
    import torch

    from houseblend.nnet.formats.nnet1 import write_nnet1
    from houseblend.nnet.nnet1.components import (
        AddShift,
        AffineTransform,
        LinearTransform,
        Rescale,
        Sigmoid,
        Softmax,
        Splice,
        Tanh,
    )
    from houseblend.nnet.nnet1.network import Nnet1
    from houseblend.nnet.rbm import Rbm

    def draw(*shape: int) -> torch.Tensor:
        return torch.from_numpy(CHANCE.normal(size=shape).astype(np.float32))

    front = [Splice((-1, 0, 2), 2), AddShift(draw(6), 0.0), Rescale(draw(6), 0.0)]
    layers = [AffineTransform(draw(4, 6), draw(4), 1.0, 0.5, 2.0), Tanh(4), Rbm(draw(3, 4), draw(4), draw(3), "gauss")]
    write_nnet1(folder / "net", Nnet1([*front, *layers, LinearTransform(draw(3, 3)), Sigmoid(3), Softmax(3)]), binary)


def _read_nnet1(folder: Path) -> Any:
    from houseblend.nnet.formats.nnet1 import read_nnet1

    return _computed(read_nnet1(folder / "net"))


def _computed(network: Any) -> Any:
    import torch

    network.forward(torch.zeros(2, network.input_dim))
    return network


def _nnet2() -> Any:
    import torch

    from houseblend.nnet.nnet2 import components as nnet2
    from houseblend.nnet.nnet2.network import Nnet2

    chance = np.random.default_rng(5)

    def draw(*shape: int) -> torch.Tensor:
        return torch.from_numpy(chance.normal(size=shape).astype(np.float32))

    front = [nnet2.SpliceComponent(2, (-1, 0, 2)), nnet2.FixedAffineComponent(draw(4, 6), draw(4))]
    layers = [nnet2.AffineComponent(draw(4, 4), draw(4), 0.1), nnet2.PnormComponent(4, 2), nnet2.NormalizeComponent(2)]
    layers += [
        nnet2.AffineComponentPreconditionedOnline(draw(3, 2), draw(3), 0.1),
        nnet2.TanhComponent(3, draw(3), draw(3), 2.0),
    ]
    outputs = [nnet2.AffineComponentPreconditionedOnline(draw(7, 3), draw(7), 0.1), nnet2.SoftmaxComponent(7)]
    return Nnet2([*front, *layers, *outputs, nnet2.SumGroupComponent((1, 2, 1, 1, 2))])


def _write_nnet2(folder: Path, binary: bool) -> None:
    from houseblend.nnet.formats.nnet2 import write_nnet2

    write_nnet2(folder / "net", _nnet2(), binary)


def _read_nnet2(folder: Path) -> Any:
    from houseblend.nnet.formats.nnet2 import read_nnet2

    return _windowed(read_nnet2(folder / "net"))


def _windowed(network: Any) -> Any:
    import torch

    network.forward(torch.zeros(1, network.left_context + 1 + network.right_context, network.input_dim))
    return network


def _write_nnet2_model(folder: Path, binary: bool) -> None:
    from houseblend.nnet.formats.nnet2 import write_nnet2_model
    from houseblend.nnet.nnet2.network import Nnet2Model

    write_nnet2_model(folder / "final.mdl", Nnet2Model(TRANSITIONS, _nnet2(), np.full(5, 0.2, np.float32)), binary)


def _read_nnet2_model(folder: Path) -> Any:
    from houseblend.nnet.formats.nnet2 import read_nnet2_model

    model = read_nnet2_model(folder / "final.mdl")
    _windowed(model.network)
    return model


PROTOTYPE = """<NnetProto>
<Splice> <InputDim> 2 <OutputDim> 6 <BuildVector> -1:1 </BuildVector>
<AddShift> <InputDim> 6 <OutputDim> 6 <InitParam> 0.5
<Rbm> <InputDim> 6 <OutputDim> 3 <VisibleType> gauss <HiddenType> bern <ParamStddev> 0.1 <HiddenBiasRange> 2
<AffineTransform> <InputDim> 3 <OutputDim> 4 <BiasMean> -2.0 <BiasRange> 4.0 <ParamStddev> 0.1 <MaxNorm> 1.0
<Sigmoid> <InputDim> 4 <OutputDim> 4
<LinearTransform> <InputDim> 4 <OutputDim> 2 <LearnRateCoef> 0.1
<Softmax> <InputDim> 2 <OutputDim> 2
</NnetProto>
"""


def _read_prototype(folder: Path) -> Any:
    from houseblend.nnet.nnet1.prototype import init_nnet1

    return _computed(init_nnet1(folder / "proto", 1))


def _write_acoustic_model(folder: Path, binary: bool) -> None:
    from houseblend.nnet.acoustic_model import AcousticModel
    from houseblend.nnet.formats.nnet3 import write_acoustic_model

    model = AcousticModel(TRANSITIONS, _network(), np.full(5, 0.2, dtype=np.float32))
    write_acoustic_model(folder / "final.mdl", model, binary)


def _read_acoustic_model(folder: Path) -> Any:
    from houseblend.nnet.formats.nnet3 import read_acoustic_model

    model = read_acoustic_model(folder / "final.mdl")
    _used(model.network)
    return model


def _config(text: str) -> tuple[Callable[[Path], None], Callable[[Path], Any]]:
    def make(folder: Path) -> None:
        (folder / "config").write_text(text)

    def read(folder: Path) -> Any:
        from houseblend.io.streams import read_text
        from houseblend.nnet.init import init_network

        return _used(init_network(read_text(folder / "config"), 1, folder / "config"))

    return make, read


def _write_const(folder: Path) -> None:
    renumber_inputs(GRAPH.to_kaldifst())[0].write(f"{folder}/HCLG.fst")


def _search(folder: Path) -> Any:
    model = TransitionModel.initial(TOPOLOGY, FLAT)
    name = folder / "HCLG.fst"
    return SearchGraph(read_fst(name), model, name), read_graph(folder / "HCLG.fst").to_kaldifst()


def _side_car(folder: Path) -> None:
    from houseblend.io.arrays import write_arrays

    trainer = _trainer()
    write_arrays(folder / "state.npz", trainer.memory.arrays())


def _trainer() -> Any:
    """Of momentum and natural gradient, a step done."""
    from houseblend.nnet.init import init_network
    from houseblend.train.trainer import Trainer
    from houseblend.train.update.rule import UpdateRule

    trainer = Trainer(init_network(CONFIG, 1, "c"), UpdateRule(momentum=0.5))
    trainer.step(_batch())
    return trainer


def _batch() -> Any:
    import torch

    from houseblend.train.examples import Minibatch

    x = torch.randn(8, 3, 3, generator=torch.Generator().manual_seed(1))
    return Minibatch(x, torch.arange(8), torch.arange(8) % 5, torch.ones(8), 0, 8)


def _read_side_car(folder: Path) -> Any:
    from houseblend.train.file_to_file import load_sidecar

    trainer, start = _reading_trainer()
    trainer.restart(start)
    load_sidecar(folder / "state.npz", trainer)
    trainer.step(_batch())
    return trainer


@functools.cache
def _reading_trainer() -> Any:
    """One for all cases, and what it begins with."""
    trainer = _trainer()
    return trainer, trainer.params.clone()


def forms(name: str, file: str, write: Write, read: Callable[[Path], Any], again: Any = None) -> list[Reader]:
    """A reader of the binary and of the text form."""
    judge = {} if again is None else {"judge": canonical(file, again)}
    return [
        Reader(f"{name}, binary", written(write, file, True), read, (file,), **judge),
        Reader(f"{name}, text", written(write, file, False), read, (file,)),
    ]


READERS = [
    *forms("topology", "topo", TOPOLOGY.write, lambda f: HmmTopology.load(f / "topo"), lambda out, topology: topology.write(out)),
    *forms("tree", "tree", TREE.write, _use_tree, lambda out, tree: tree.write(out)),
    *forms("tree statistics", "acc", STATISTICS.write, _use_statistics, lambda out, stats: stats.write(out)),
    *forms("questions", "qst", lambda out: write_questions(out, QUESTIONS), lambda f: read_questions(f / "qst"), write_questions),
    *forms("transition model", "final.mdl", TRANSITIONS.write, lambda f: TransitionModel.load(f / "final.mdl")),
    *(Reader(f"GMM model, {form}", lambda f, b=binary: write_model(f / "final.mdl", TRANSITIONS, MIXTURES, b), _use_model,
             ("final.mdl",)) for form, binary in (("binary", True), ("text", False))),
    *(Reader(f"accumulators, {form}", lambda f, b=binary: _write_accumulators(f, b),
             lambda f: Accumulators.read(f / "0.acc"), ("0.acc",)) for form, binary in (("binary", True), ("text", False))),
    *forms("MLLT statistics", "1.macc", lambda out: _mllt_stats().write(out), _read_mllt, lambda out, stats: stats.write(out)),
    Reader("LDA statistics", _write_lda, _read_lda, ("lda.acc",)),
    *(Reader(f"network, {form}", lambda f, b=binary: _write_network(f, b), _read_network, ("0.raw",))
      for form, binary in (("binary", True), ("text", False))),
    *(Reader(f"nnet3 model, {form}", lambda f, b=binary: _write_acoustic_model(f, b), _read_acoustic_model, ("final.mdl",))
      for form, binary in (("binary", True), ("text", False))),
    *(Reader(f"nnet1 network, {form}", lambda f, b=binary: _write_nnet1(f, b), _read_nnet1, ("net",))
      for form, binary in (("binary", True), ("text", False))),
    *(Reader(f"nnet2 network, {form}", lambda f, b=binary: _write_nnet2(f, b), _read_nnet2, ("net",))
      for form, binary in (("binary", True), ("text", False))),
    *(Reader(f"nnet2 model, {form}", lambda f, b=binary: _write_nnet2_model(f, b), _read_nnet2_model, ("final.mdl",))
      for form, binary in (("binary", True), ("text", False))),
    Reader("nnet1 prototype", lambda f: (f / "proto").write_text(PROTOTYPE), _read_prototype, ("proto",),
           whole=lambda part, honest: True),
    Reader("layer lines", *_config(CONFIG), ("config",), whole=lambda part, honest: True),
    Reader("nnet3 config lines", *_config(NODES), ("config",), whole=lambda part, honest: True),
    Reader("graph, vector", lambda f: write_graph(f / "HCLG.fst", GRAPH), _search, ("HCLG.fst",)),
    Reader("graph, const", _write_const, _search, ("HCLG.fst",)),
    Reader("side-car", _side_car, _read_side_car, ("state.npz",), piped=False),
]  # fmt: skip
