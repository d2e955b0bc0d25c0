"""Programs of trees, run in this process; random statistics."""

import importlib
from collections.abc import Callable

import pytest


@pytest.fixture
def run(capfd) -> Callable[..., tuple[int, str]]:
    """`run("build-tree", "--max-leaves=10", acc, ...)`: exit status and log."""

    def call(name: str, *words: object) -> tuple[int, str]:
        capfd.readouterr()
        status = importlib.import_module(f"houseblend.cli.{name.replace('-', '_')}").main.main([*map(str, words)])
        return status, capfd.readouterr().err

    return call
