"""What a program imports before it does anything, besides the standard library: the most of its start-up.

Told from the source: what the modules import at their top, from the program's own on, of which the functions' imports count too.
"""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests" / "golden"
PROGRAMS = [path.name for path in sorted((REPOSITORY / "bin").iterdir())]


@functools.cache
def top_imports(path: Path) -> frozenset[str]:
    """Modules that a module imports when it is imported itself."""
    return frozenset(name for node in nodes(ast.parse(path.read_text())) for name in imported(node))


def nodes(tree: ast.AST):
    """All but what is inside of functions, or for type checkers only."""
    for node in ast.iter_child_nodes(tree):
        is_for_types = isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
        if not is_for_types and not isinstance(node, ast.FunctionDef):
            yield node
            yield from nodes(node)


def imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)]
    return []


def source(name: str) -> Path | None:
    """The file of a module of the toolkit."""
    path = REPOSITORY / "src" / name.replace(".", "/")
    return next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), None)


def packages(program: str) -> set[str]:
    """Packages of others that a program imports."""
    start = source(f"houseblend.cli.{program.replace('-', '_')}")
    waiting = [name for node in ast.walk(ast.parse(start.read_text())) for name in imported(node)]
    found, seen = set(), set()
    while waiting:
        name = waiting.pop()
        path = source(name)
        if path is None:
            found.add(name.partition(".")[0])
        elif path not in seen:
            seen.add(path)
            waiting += top_imports(path)
    return found - set(sys.stdlib_module_names) - {"houseblend"}


COMPILER = {
    "compute-kaldi-pitch-feats",
    "gmm-rescore-lattice",
    "lattice-depth-per-frame",
    "lattice-determinize-pruned",
    "rbm-train-cd1-frmshuff",
    "train-worker",
}
"""Programs that import compiled functions at the top of a module; others import these where they call them."""
NETWORKS = {
    "cmvn-to-nnet",
    "rbm-convert-to-nnet",
    "rbm-train-cd1-frmshuff",
    "train-worker",
    *(name for name in PROGRAMS if name.startswith("nnet")),
} - {"nnet-get-feature-transform", "nnet3-latgen-faster"}


@pytest.mark.parametrize("program", PROGRAMS)
def test_programs_import_what_they_need_and_no_more(program):
    allowed = {"click", "numpy", *(["numba"] * (program in COMPILER)), *(["torch"] * (program in NETWORKS))}
    assert packages(program) <= allowed


RUNS = {
    "copy-feats": ("ark:{golden}/gmm/feats.ark", "ark:/dev/null"),
    "add-deltas": ("ark:{golden}/gmm/feats.ark", "ark:/dev/null"),
    "compute-cmvn-stats": ("ark:{golden}/gmm/feats.ark", "ark:/dev/null"),
    "gmm-copy": ("{golden}/gmm/mono/final.mdl", "/dev/null"),
    "lattice-copy": ("ark:{golden}/decode/lat.ark", "ark:/dev/null"),
    "lattice-1best": ("ark:{golden}/decode/lat.ark", "ark:/dev/null"),
}


@pytest.mark.parametrize("program", RUNS)
def test_neither_compiler_nor_torch_is_loaded_by_what_moves_tables(program):
    words = [str(REPOSITORY / "bin" / program), *(word.format(golden=GOLDEN) for word in RUNS[program])]
    code = f"""
import runpy, sys
sys.argv = {words!r}
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
except SystemExit as leaving:
    assert not leaving.code
assert "numpy" in sys.modules
assert not {{"numba", "torch", "kaldifst", "soundfile"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
