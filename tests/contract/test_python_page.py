"""The code of docs/python.md runs, block after block, on directories as the recipes leave them; and the API pages are built."""

import re
import runpy
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import houseblend
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_input
from houseblend.io.tables import write_table
from houseblend.nnet.acoustic_model import AcousticModel
from houseblend.nnet.compute import compute
from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network, write_acoustic_model
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.strategies import STRATEGIES
from houseblend.parallel.task import MemoryPolicy

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "conformance"))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
import matrix
from tiny import DIM, write_tiny_frames

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "python.md").read_text()
BLOCKS = re.findall(r"```python\n(.*?)```", TEXT, flags=re.DOTALL)


def write_directories(place):
    """Features, alignments, frames and a trained network, of random numbers."""
    draw = np.random.default_rng()
    (place / "data/train").mkdir(parents=True)
    with write_table(f"ark,scp:{place}/data/train/feats.ark,{place}/data/train/feats.scp", "matrix") as write:
        write("u000", draw.normal(size=(30, DIM)).astype(np.float32))
    (place / "exp/mono_ali").mkdir(parents=True)
    with write_table(f"ark:| gzip -c > {place}/exp/mono_ali/ali.1.gz", "int-vector") as write:
        write("u000", draw.integers(1, 9, 30).astype(np.int32))
    frames = write_tiny_frames(place / "exp/frames")
    bmuf = STRATEGIES["bmuf"](average_period=3)
    matrix.train(frames, place / "exp", "dnn", bmuf, MemoryPolicy(), 0.0, LocalExchange(1))
    with open_input(frames / "final.mdl") as source:
        transitions = TransitionModel.read(source)
    priors = np.full(transitions.num_pdfs, 1 / transitions.num_pdfs, np.float32)
    write_acoustic_model(
        place / "exp/dnn/final.mdl", AcousticModel(transitions, read_network(place / "exp/dnn/2.raw"), priors)
    )


@pytest.mark.filterwarnings("ignore")
def test_the_code_of_the_page_runs(tmp_path, monkeypatch, capsys):
    for package in ("kaldiio", "onnxscript", "onnxruntime"):
        pytest.importorskip(package, reason=f"{package} is not installed: the extras espnet and onnx")
    write_directories(tmp_path)
    monkeypatch.chdir(tmp_path)
    names: dict = {}
    for block in BLOCKS:
        exec(block, names)
    assert names["feats"]["u000"].shape == (30, DIM)
    assert names["alignments"]["u000"].dtype == np.int32
    assert len(names["feats_TD"]) == len(names["pdfs_T"]) == sum(names["index"]["shards"])
    assert len(names["heldout"]) == 2
    tuned = read_acoustic_model("tuned.mdl").network
    assert names["velocity"].shape == tuned.parameters.trained.shape
    assert tuned.parameters.hash() != read_network("exp/dnn/final.mdl").parameters.hash()
    expected = names["module"](names["x_NTD"])[0].detach().numpy()
    np.testing.assert_allclose(compute(tuned, names["x_NTD"][0].numpy()), expected, rtol=1e-4, atol=1e-5)
    errors = [float(share) for share in re.findall(r"round \d: ([0-9.]+)% errors", capsys.readouterr().out)]
    assert len(errors) == 5
    assert errors[-1] < errors[0]


def test_the_blending_loop_has_30_lines():
    (loop,) = (block for block in BLOCKS if "import STRATEGIES, blend" in block)
    assert len([line for line in loop.splitlines() if line.strip()]) <= 30


def test_what_the_page_lists_is_what_the_package_names():
    assert {*houseblend.__all__} == {"NetworkModule", "NGLinear", "blend", "STRATEGIES"}
    assert all(f"`{name}`" in TEXT for name in (*houseblend.__all__, *STRATEGIES))
    with pytest.raises(AttributeError, match="no attribute 'mean'"):
        getattr(houseblend, "mean")  # noqa: B009


def test_the_api_pages_are_built_without_a_warning(tmp_path):
    pytest.importorskip("pdoc", reason="the extra test is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runpy.run_path(str(DOCS / "api.py"))["write_pages"](tmp_path)
    page = (tmp_path / "houseblend.html").read_text()
    assert all(f'id="{name}"' in page for name in houseblend.__all__)
