"""Runs programs of nnet1 in this process."""

import importlib
from collections.abc import Callable

import pytest

from houseblend.base.log import program_name


@pytest.fixture
def call(capfd, monkeypatch) -> Callable[..., str]:
    """`call("nnet-info", "x.nnet", status=0)` runs a program and returns what it wrote, stdout before stderr."""

    def run(name: str, *words: object, status: int = 0) -> str:
        monkeypatch.setattr("sys.argv", [name])
        assert program_name() == name
        found = importlib.import_module(f"houseblend.cli.{name.replace('-', '_')}").main.main([*map(str, words)])
        said = "".join(capfd.readouterr())
        assert found == status, said
        return said

    return run
