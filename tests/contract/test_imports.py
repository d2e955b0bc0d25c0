"""The direction of imports and the fences around heavy or licensed packages (docs: CONTRIBUTING.md)."""

import ast
import graphlib
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "houseblend"
ORDER = [
    "cli",
    "report",
    "decode",
    "parallel",
    "jobs",
    "train",
    "frames",
    "nnet",
    "gmm",
    "tree",
    "hmm",
    "lang",
    "feat",
    "io",
    "base",
]
FENCES = {
    "kaldiio": {"io/foreign.py"},
    "mpi4py": {"parallel/exchanges/mpi.py", "parallel/exchanges/mpi_async.py"},
    "kaldi_decoder": {"hmm/search.py"},
    "click": {"cli/program.py", "cli/step.py"},
    "soundfile": {"io/audio.py"},
    "soxr": {"feat/extract.py"},
    "pickle": {"jobs/parts.py"},
}
FILES = sorted(SOURCE.rglob("*.py"))


def imported(path: Path) -> set[str]:
    """Full names of the modules that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names.add(node.module or "")
    return names


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_point_right_and_stay_inside_the_fences(path):
    here = path.relative_to(SOURCE)
    room = here.parts[0]
    for name in imported(path):
        package, _, rest = name.partition(".")
        if package in FENCES:
            assert str(here) in FENCES[package], f"{here} imports {package}"
        if package == "houseblend" and rest and room in ORDER:
            target = rest.partition(".")[0]
            assert ORDER.index(target) >= ORDER.index(room), f"{here} imports {name}, which stands to its left"


def test_base_needs_the_standard_library_only():
    for path in (SOURCE / "base").glob("*.py"):
        heavy = {name.partition(".")[0] for name in imported(path)} & {"numpy", "torch", "click", "kaldifst"}
        assert not heavy, f"{path.name} imports {heavy}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_modules_stay_readable(path):
    assert len(path.read_text().splitlines()) <= 400, "split the module"
    assert path.stem not in {"utils", "util", "helpers", "helper", "common", "manager", "misc"}


def test_modules_do_not_import_in_circles():
    """Not even by imports inside functions."""
    names = {".".join(("houseblend", *path.relative_to(SOURCE).with_suffix("").parts)): path for path in FILES}
    graph = {name: imported(path) & set(names) for name, path in names.items()}
    graphlib.TopologicalSorter(graph).prepare()
