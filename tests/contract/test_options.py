"""Options of steps are made of the dataclasses that their work takes: a default stands there, and nowhere else.

Programs have options of their own, too, which are typed above their functions; each default of theirs stands once, too.
"""

import ast
import os
import runpy
from pathlib import Path

import click
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCE = REPOSITORY / "src/houseblend"
STEPS = sorted(path for path in (REPOSITORY / "steps").iterdir() if path.is_file() and os.access(path, os.X_OK))
TYPED = {"jobs": "cli/step", "launcher": "cli/step", "max_skipped": "cli/step", "print_args": "cli/program"}
"""Options that no dataclass has, and the module that declares them for all."""
OTHERS = {
    ("seed", 0): "of the dither and of other noise, as Kaldi's library has it",
    ("seed", 1): "of the bootstrap behind an interval",
    ("device", "cpu"): "of whatever holds a network",
    ("workers", 1): "of a moment in training, where nobody said how many there are",
    ("layer_options", ""): "of layers that have none",
}
"""Names and defaults that other things have, too."""
SHARED = {
    ("n", 1): "paths of a lattice; frames from one to the next",
    ("num_threads", 1): "cores of a job; threads of a computation",
    ("scale", 1.0): "a factor on posteriors, matrices, vectors or parameters: as they are",
    ("use_gpu", "no"): "taken as Kaldi's is, and without effect",
    ("var_floor", 0.01): "of a tree's leaves; of a model's Gaussians",
    ("frame_shift", 0.01): "seconds a frame, of whatever writes times",
    ("acoustic_scale", 1.0): "of the library's functions: costs as they are",
    ("vtln_warp", 1.0): "of the library's functions: no warping",
    ("channel", -1): "of a recording: the only one",
}
"""Defaults of programs that two of them have, or a program and a function, by accident or because they change nothing."""


def options_of_step(path):
    """Those with a default, by name."""
    command = runpy.run_path(str(path))[path.name].command
    options = [one for one in command.params if isinstance(one, click.Option)]
    return {one.name: one for one in options if isinstance(one.default, str | int | float)}


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


def test_no_default_of_a_program_is_typed_a_second_time():
    typed = {}
    for path in sorted((SOURCE / "cli").glob("*.py")):
        for option in set(typed_options(ast.parse(path.read_text()))):
            typed.setdefault(option, []).append(path.stem)
    twice = [f"{name}={value}: {places}" for (name, value), places in typed.items() if len(places) > 1]
    for path in SOURCE.rglob("*.py"):
        found = typed.keys() & set(literal_defaults(ast.parse(path.read_text())))
        twice += [f"{path.relative_to(SOURCE)}: {name}={value}, as {typed[name, value]}" for name, value in found]
    assert not twice


def typed_options(tree):
    """Names of options that stand with a literal default above a program's function, with it.

    Not what stands for nothing (an empty word, 0), nor a truth value: --binary=true is Kaldi's convention.
    """
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id.endswith("option")):
            continue
        default = next((word.value for word in node.keywords if word.arg == "default"), None)
        if default is None or not node.args or not isinstance(node.args[0], ast.Constant):
            continue
        try:
            value = ast.literal_eval(default)
        except ValueError:
            continue
        option = (node.args[0].value.lstrip("-").replace("-", "_"), value)
        if value and not isinstance(value, bool) and option not in OTHERS.keys() | SHARED.keys():
            yield option


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
