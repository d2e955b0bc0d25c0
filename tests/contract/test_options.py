"""Options of steps are made of the dataclasses that their work takes: a default stands there, and nowhere else."""

import ast
import os
import runpy
from pathlib import Path

import click
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src/houseblend"
STEPS = sorted(path for path in (REPOSITORY / "steps").iterdir() if path.is_file() and os.access(path, os.X_OK))
TYPED = {"jobs": "cli/step", "max_skipped": "cli/step", "print_args": "cli/program"}
"""Options that no dataclass has, and the module that declares them for all."""
OTHERS = {
    ("seed", 0): "of the dither and of other noise, as Kaldi's library has it",
    ("seed", 1): "of the bootstrap behind an interval",
    ("device", "cpu"): "of whatever holds a network",
    ("layer_options", ""): "of layers that have none",
}
"""Names and defaults that other things have, too."""


def options_of_step(path):
    """Those with a default, by name."""
    command = runpy.run_path(str(path))[path.name].command
    options = [one for one in command.params if isinstance(one, click.Option)]
    return {one.name: one for one in options if isinstance(one.default, str | float | bool)}


@pytest.mark.parametrize("path", STEPS, ids=lambda path: path.name)
def test_defaults_of_steps_come_from_dataclasses(path):
    typed = {name for name, one in options_of_step(path).items() if not hasattr(one, "group")}
    assert not typed - set(TYPED), "declare them in a dataclass (base/options.py) and take them by options_of"


def test_no_function_or_field_has_a_default_of_a_step_a_second_time():
    ours = {(name, one.default) for path in STEPS for name, one in options_of_step(path).items() if name not in TYPED}
    twice = []
    for path in SOURCE.rglob("*.py"):
        for name, value in literal_defaults(ast.parse(path.read_text())):
            if (name, value) in ours - set(OTHERS) and not isinstance(value, bool):
                twice.append(f"{path.relative_to(SOURCE)}: {name}={value}")
    assert not twice


def literal_defaults(tree):
    """Names of parameters and fields whose default is a literal, with it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            places = node.args.posonlyargs + node.args.args
            pairs = [*zip(places[::-1], node.args.defaults[::-1], strict=False),
                     *zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)]  # fmt: skip
            yield from ((one.arg, value.value) for one, value in pairs if isinstance(value, ast.Constant))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Constant):
            yield getattr(node.target, "id", ""), node.value.value
