"""What train_dnn says of kinds of layers that do not exist: the option, its value, and what there is."""

import sys
from pathlib import Path

import pytest

from houseblend.base.errors import UsageError
from houseblend.parallel.network_config import check_layer

sys.path.insert(0, str(Path(__file__).resolve().parent))
from tiny import write_tiny_frames

KINDS = "relu, sigmoid, tanh or pnorm, then any of -renorm, -batchnorm and -dropout, then -layer"


@pytest.mark.parametrize(
    "layer", ["foo", "foo-layer", "relu", "relu-renorm", "renorm-layer", "affine-layer", "output-layer", "input", ""]
)
def test_a_kind_that_does_not_exist_is_told_with_those_that_do(layer):
    with pytest.raises(UsageError) as caught:
        check_layer(layer, 16, "")
    assert str(caught.value).startswith(f"--layer={layer}; expected {KINDS}; ")


@pytest.mark.parametrize(
    ("dim", "options", "what"),
    [
        (16, "foo=1", "unknown key foo=; expected "),
        (16, "dropout-proportion=many", "dropout-proportion=many"),
        (0, "", "dim=0; expected a positive whole number"),
        (16, "foo", "foo"),
    ],
)
def test_options_of_layers_that_do_not_exist_are_told(dim, options, what):
    with pytest.raises(UsageError) as caught:
        check_layer("relu-dropout-layer", dim, options)
    given = f"--hidden-dim={dim}, --layer=relu-dropout-layer, --layer-options={options!r}: "
    assert str(caught.value).startswith(given)
    assert what in str(caught.value)


@pytest.mark.parametrize(
    "layer", ["relu-layer", "relu-renorm-layer", "tanh-batchnorm-dropout-layer", "pnorm-renorm-layer"]
)
def test_kinds_that_exist_are_taken(layer):
    check_layer(layer, 16, "l2-regularize=0.01")


def test_the_step_refuses_before_it_writes_and_its_help_names_the_kinds(run_step, tmp_path):
    frames = write_tiny_frames(tmp_path / "frames")
    done = run_step("train_dnn", "--layer=foo", frames, tmp_path / "out")
    assert done.status == 2
    assert f"--layer=foo; expected {KINDS}" in done.stderr
    assert "xconfig" not in done.stderr
    assert [path.name for path in (tmp_path / "out").iterdir() if not path.name.startswith(".")] == []
    assert KINDS in " ".join(run_step("train_dnn", "--help").stdout.decode().split())
