"""The statistics by which an RBM is compared with Kaldi's see what is wrong with one."""

import shutil

import pytest
from checks_nnet1 import rbm_deviations
from rbm_statistics import beyond
from rows import read_rows
from workplace import REPOSITORY, Workplace

from houseblend.nnet.randomness import Randomness

TRAINS = {
    row.files[-1].removesuffix(".log"): next(part for part in row.command.split(" && ") if "cd1" in part)
    for row in read_rows()
    if row.name.endswith(("gb.log", "bb.log"))
}


@pytest.fixture(scope="module")
def workplace(tmp_path_factory):
    golden = tmp_path_factory.mktemp("golden")
    shutil.copytree(REPOSITORY / "tests/golden/nnet1", golden / "nnet1")
    return Workplace(golden, tmp_path_factory.mktemp("workplace"))


def means(randomness, use, chances, out):
    return out.copy_(chances)


@pytest.mark.parametrize("name", TRAINS)
def test_a_wrong_rate_and_a_missing_sampling_are_seen(name, workplace, monkeypatch):
    train = TRAINS[name]
    rate = float(train.split("--learn-rate=")[1].split()[0])

    def seen(command):
        return beyond(rbm_deviations(workplace, command, name, seeds=(5, 6)))

    assert seen(train) == []
    for factor in (0.9, 1.1):
        assert "deviation of weights" in seen(
            train.replace(f"--learn-rate={rate:g}", f"--learn-rate={rate * factor:g}")
        )
    assert "error curve" in seen(f"{train} --with-bug=false")
    monkeypatch.setattr(Randomness, "sample", means)
    assert {"error curve", "deviation of weights"} <= set(seen(train))
