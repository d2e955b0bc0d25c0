"""The mean kernel."""

from pathlib import Path

import pytest
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.nnet import average
from houseblend.nnet.average import mean, mean_network
from houseblend.nnet.formats.nnet3 import read_network, write_network
from houseblend.nnet.init import init_network
from houseblend.nnet.parameters import Layout, Parameters, TensorSpec

GOLDEN = Path(__file__).parents[1] / "golden" / "nnet"
LAYOUT = Layout(
    [
        TensorSpec("w", "parameter", (50, 3)),
        TensorSpec("lda", "frozen", (4,)),
        TensorSpec("avg", "statistic", (5,), counter="count"),
        TensorSpec("rms", "statistic", (5,), counter="count", power=2),
        TensorSpec("var", "statistic", (5,), counter="count", around="avg"),
        TensorSpec("count", "counter", (2,)),
    ]
)


def random_model(count=7.0, scale=1.0):
    model = Parameters(LAYOUT, torch.randn(LAYOUT.size) * scale)
    model["lda"].copy_(torch.arange(4.0))
    model["rms"].abs_()
    model["var"].abs_()
    model["count"].copy_(torch.tensor([count, 0.0]))
    return model


@pytest.mark.parametrize("workers", [1, 2, 3, 7, 16])
@pytest.mark.parametrize("scale", [1e-30, 1.0, 1e30])
def test_mean_of_equal_models_is_the_model_bit_for_bit(workers, scale):
    model = random_model(scale=scale)
    if scale != 1.0:
        model["rms"].fill_(1.0)
    model["w"][0, 0] = -0.0
    weights = torch.rand(workers).tolist()
    for chosen in (None, weights):
        assert torch.equal(mean([model] * workers, chosen).flat.view(torch.int32), model.flat.view(torch.int32))


def test_mean_is_float64_and_rounded_once():
    models = [random_model() for _ in range(5)]
    wanted = torch.stack([m["w"].double() for m in models]).sum(0) / 5
    assert torch.equal(mean(models)["w"], wanted.float())


def test_statistics_are_weighted_by_their_counts():
    models = [random_model(count) for count in (10.0, 30.0)]
    result = mean(models, [1.0, 2.0])
    assert torch.allclose(result["avg"], (10 * models[0]["avg"] + 60 * models[1]["avg"]) / 70, atol=1e-6)
    squares = (10 * models[0]["rms"] ** 2 + 60 * models[1]["rms"] ** 2) / 70
    assert torch.allclose(result["rms"], squares.sqrt(), atol=1e-6)
    assert float(result["count"].sum()) == pytest.approx(70 / 3)


def test_variances_are_merged_as_if_the_rows_were_put_together():
    rows = [torch.randn(count, 5) * 3 + shift for count, shift in ((10, 4.0), (30, -1.0))]
    models = []
    for part in rows:
        model = random_model(float(len(part)))
        model["avg"].copy_(part.mean(0))
        model["var"].copy_(part.var(0, correction=0))
        models.append(model)
    result = mean(models)
    assert torch.allclose(result["avg"], torch.cat(rows).mean(0), atol=1e-5)
    assert torch.allclose(result["var"], torch.cat(rows).var(0, correction=0), rtol=1e-5)


def test_golden_averages():
    networks = [read_network(GOLDEN / f"A_m0_{n}.raw") for n in (2, 5, 20)]
    for name, weights in (("A_wavg", [1.0, 2.0, 5.0]), ("A_avg", None)):
        result = mean([n.parameters for n in networks], weights)
        wanted = read_network(GOLDEN / f"{name}.raw").parameters
        for spec, tensor in wanted.items():
            mine = result[spec.name]
            if spec.role == "counter":
                mine, tensor = mine.sum(), tensor.sum()
            assert torch.allclose(mine, tensor, rtol=1e-5, atol=1e-7), spec.name


def test_mean_of_a_fresh_and_a_trained_network_keeps_the_statistics():
    result = mean_network([GOLDEN / "A_m0_0.raw", GOLDEN / "A_m0_20.raw"])
    trained = read_network(GOLDEN / "A_m0_20.raw")
    assert torch.allclose(result.parameters["l1.relu.value-avg"], trained.parameters["l1.relu.value-avg"])
    assert {"value-avg", "deriv-avg", "oderiv-rms"} == getattr(result.components[1], "stored")  # noqa: B009


def test_refusals():
    model = random_model()
    broken = model.clone()
    broken["w"][3, 1] = float("inf")
    with pytest.raises(NotFiniteError, match=r"model 2: \[w\]"):
        mean([model, broken])
    other = model.clone()
    other["lda"][1] += 1e-6
    with pytest.raises(InputError, match=r"\[lda\] model 2 differs from model 1 in a frozen tensor"):
        mean([model, other])
    wide = init_network("input dim=3 name=input\noutput-layer name=output dim=4\n")
    narrow = init_network("input dim=3 name=input\noutput-layer name=output dim=2\n")
    with pytest.raises(InputError, match="another layout"):
        mean([wide.parameters, narrow.parameters])
    for models, weights in (([], None), ([model], [1.0, 2.0]), ([model], [0.0]), ([model] * 2, [1.0, -1.0])):
        with pytest.raises(InputError):
            mean(models, weights)


def test_mean_of_files_is_the_mean_of_their_networks_and_leaves_them_as_they_are(tmp_path):
    config = "input dim=30 name=input\nrelu-layer name=h dim=700\noutput-layer name=output dim=9\n"
    files = [tmp_path / f"{seed}.raw" for seed in range(3)]
    for seed, file in enumerate(files):
        write_network(file, init_network(config, seed=seed))
    bytes_before = [file.read_bytes() for file in files]
    wanted = mean([read_network(file).parameters for file in files], [1.0, 2.0, 0.5])
    assert torch.equal(mean_network(files, [1.0, 2.0, 0.5]).parameters.flat, wanted.flat)
    piped = [f"cat {file} |" for file in files]
    assert torch.equal(mean_network(piped, [1.0, 2.0, 0.5]).parameters.flat, wanted.flat)
    assert [file.read_bytes() for file in files] == bytes_before


def test_not_finite_file_is_named(tmp_path):
    files = [tmp_path / f"{seed}.raw" for seed in range(2)]
    for file in files:
        write_network(
            file, init_network("input dim=30 name=input\nrelu-layer name=h dim=700\noutput-layer name=o dim=9\n")
        )
    data = bytearray(files[1].read_bytes())
    place = data.index(b"<LinearParams>") + 40000
    data[place : place + 8] = b"\xff" * 8
    files[1].write_bytes(data)
    with pytest.raises(NotFiniteError) as caught:
        mean_network(files)
    assert caught.value.file == files[1]


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_many_numbers_have_the_bits_of_few(count, monkeypatch):
    """The compiled sums are torch's: of large tensors, of weights that are all alike, what weighs nothing left out."""
    tensors = [torch.randn(40_001) * 10.0 ** float(torch.randn(1)) for _ in range(count)] + [
        torch.full((40_001,), torch.nan)
    ]
    tensors[0][:3] = torch.tensor([0.0, -0.0, 3e38])
    few, many = torch.empty(40_001), torch.empty(40_001)
    weights = [1.0] * count + [0.0]
    average.mean_of(tensors, weights, few)
    monkeypatch.setattr(average, "_MANY", 1)
    average.mean_of(tensors, weights, many)
    assert torch.equal(few.view(torch.int32), many.view(torch.int32))
    assert torch.equal(many, torch.stack(tensors[:-1]).double().mean(0).float())
