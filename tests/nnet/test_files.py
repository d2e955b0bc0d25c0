"""nnet3 files: bytes back, text, info, and clear errors for broken ones."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from houseblend.base.errors import HouseBlendError, InputError, NotFiniteError
from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network, write_acoustic_model, write_network
from houseblend.nnet.info import acoustic_model_info, network_info
from houseblend.nnet.init import init_network

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet"
EVERYTHING = """input-node name=input dim=6
component name=a type=FixedAffineComponent input-dim=12 output-dim=6
component-node name=a component=a input=Append(Offset(input, -1), input)
component name=b type=AffineComponent input-dim=6 output-dim=8 learning-rate=0.02 learning-rate-factor=0.5
component-node name=b component=b input=a
component name=c type=PnormComponent input-dim=8 output-dim=4
component-node name=c component=c input=b
component name=d type=NormalizeComponent dim=4 target-rms=0.5 add-log-stddev=true block-dim=2
component-node name=d component=d input=c
component name=e type=DropoutComponent dim=6 dropout-proportion=0.25 dropout-per-frame=true
component-node name=e component=e input=d
component name=f type=SigmoidComponent dim=6 self-repair-scale=1e-05 self-repair-lower-threshold=0.1
component-node name=f component=f input=e
component name=g type=NoOpComponent dim=6 backprop-scale=0.5
component-node name=g component=g input=f
component name=h type=NaturalGradientAffineComponent input-dim=6 output-dim=3 l2-regularize=0.1 orthonormal-constraint=1
component-node name=h component=h input=g
component name=i type=TanhComponent dim=3
component-node name=i component=i input=h
component name=j type=TdnnComponent input-dim=3 output-dim=4 time-offsets=-3,0 use-bias=false alpha-out=2
component-node name=j component=j input=i
component name=k type=BatchNormComponent dim=4 block-dim=2 epsilon=0.01 target-rms=0.5
component-node name=k component=k input=j
component name=l type=TdnnComponent input-dim=8 output-dim=3 time-offsets=0 use-natural-gradient=false rank-in=3
component-node name=l component=l input=Append(k, Offset(k, 1))
output-node name=output input=l objective=quadratic
"""


@pytest.mark.parametrize("name", ["A_m0_0", "A_m0_20", "A_maxch_0", "A_l2_0", "A_avg", "B_m0_0", "B_m0_20", "B_test"])
def test_golden_bytes_come_back(name, tmp_path):
    write_network(tmp_path / "copy", read_network(GOLDEN / f"{name}.raw"))
    assert (tmp_path / "copy").read_bytes() == (GOLDEN / f"{name}.raw").read_bytes()


@pytest.mark.parametrize("net", ["A", "B"])
def test_golden_text_comes_back(net, tmp_path):
    wanted = gzip.open(GOLDEN / f"{net}_m0_20.txt.gz").read()
    (tmp_path / "text").write_bytes(wanted)
    write_network(tmp_path / "copy", read_network(tmp_path / "text"), binary=False)
    assert (tmp_path / "copy").read_bytes() == wanted


@pytest.mark.parametrize("net", ["A", "B"])
def test_golden_text_from_binary(net, tmp_path):
    """Word by word; Kaldi's copy moves the last digits of averages and variances, which it keeps as sums."""
    write_network(tmp_path / "copy", read_network(GOLDEN / f"{net}_m0_20.raw"), binary=False)
    wanted = gzip.open(GOLDEN / f"{net}_m0_20.txt.gz", "rt").read()
    got = (tmp_path / "copy").read_text()
    assert re.sub(r"\S*\d\S*", "#", got) == re.sub(r"\S*\d\S*", "#", wanted)
    for mine, theirs in zip(got.split(), wanted.split(), strict=True):
        assert mine == theirs or float(mine) == pytest.approx(float(theirs), rel={"A": 1e-6, "B": 1e-5}[net])


@pytest.mark.parametrize("binary", [True, False])
def test_every_kind_of_component_comes_back(binary, tmp_path):
    network = init_network(EVERYTHING, 3)
    x = torch.randn(4, network.left_context + 1 + network.right_context, 6)
    write_network(tmp_path / "one", network, binary)
    again = read_network(tmp_path / "one")
    write_network(tmp_path / "two", again, binary)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert torch.allclose(again.forward(x), network.forward(x), atol=1e-5)
    assert network_info(again) == network_info(network)


@pytest.mark.parametrize("net", ["A", "B"])
def test_info(net):
    """As Kaldi prints it, but for a mean that is rounding noise around zero."""

    def without_noise(text):
        return re.sub(r"-\d\.\d+e-1\d", "0", text)

    wanted = (GOLDEN / f"{net}_m0_20.info").read_text()
    assert without_noise(network_info(read_network(GOLDEN / f"{net}_m0_20.raw"))) == without_noise(wanted)


def test_truncated_files_are_refused(tmp_path):
    whole = (GOLDEN / "A_m0_0.raw").read_bytes()
    for size in np.random.default_rng().integers(0, len(whole), 30):
        (tmp_path / "part").write_bytes(whole[:size])
        with pytest.raises(HouseBlendError, match="part"):
            read_network(tmp_path / "part")


def test_nan_is_refused(tmp_path):
    network = init_network(EVERYTHING, 3)
    network.parameters["b.linear"][1, 2] = float("nan")
    write_network(tmp_path / "nan", network)
    with pytest.raises(NotFiniteError, match=r"nan: \[b.linear\]"):
        read_network(tmp_path / "nan")


def test_statistics_that_a_file_leaves_out_are_not_made_beyond_what_is_there(tmp_path):
    """Five lines of a million dims each are 60 MB; the same of eight are a network."""

    def network(dim):
        lines = [f"input-node name=input dim={dim}", "output-node name=output input=s4"]
        lines += [f"component-node name=s{n} component=s{n} input={f's{n - 1}' if n else 'input'}" for n in range(5)]
        text = "<Nnet3> \n" + "\n".join(lines) + "\n\n<NumComponents> 5\n"
        for n in range(5):
            text += f"<ComponentName> s{n} <SigmoidComponent> <Dim> {dim} <ValueAvg> [ ] <DerivAvg> [ ] </SigmoidComponent>\n"
        (tmp_path / "net.raw").write_text(text + "</Nnet3> ")
        return read_network(tmp_path / "net.raw")

    assert network(8).output_dim == 8
    with pytest.raises(InputError, match=r"net.raw.*components of \d{8} numbers, of which 0 are there"):
        network(1 << 20)


def test_unknown_component_is_refused_by_name(tmp_path):
    text = (GOLDEN / "A_m0_0.raw").read_bytes().replace(b"<NormalizeComponent>", b"<LstmNonlinearityComponent>")
    (tmp_path / "net").write_bytes(text)
    with pytest.raises(InputError, match=r"component .l1\.renorm. is of kind LstmNonlinearityComponent"):
        read_network(tmp_path / "net")


@pytest.mark.parametrize("name", ["A", "A_prior", "A_set", "B_prior"])
def test_acoustic_model_bytes_come_back(name, tmp_path):
    write_acoustic_model(tmp_path / "copy", read_acoustic_model(GOLDEN / f"{name}.mdl"))
    assert (tmp_path / "copy").read_bytes() == (GOLDEN / f"{name}.mdl").read_bytes()


def test_acoustic_model_info_and_its_network():
    model = read_acoustic_model(GOLDEN / "A_prior.mdl")
    head = acoustic_model_info(model).split("# Nnet info")[0]
    assert head == (GOLDEN / "A_prior.info").read_text().split("# Nnet info")[0]
    assert read_network(GOLDEN / "A_prior.mdl").parameters.hash() == model.network.parameters.hash()
