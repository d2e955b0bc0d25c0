"""Every public module, class and function says what it is; arrays come with their shapes."""

import ast
import re
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "src" / "houseblend"
FILES = sorted(SOURCE.rglob("*.py"))
SHAPE = re.compile(r"\[[^\]]+\]|\bshape|_[A-Z]{1,4}\b|scalar|flat", re.IGNORECASE)


def public_definitions(tree: ast.Module):
    """Public functions and classes of a module, and the public methods of its classes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_"):
            yield node, ""
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and not member.name.startswith("_"):
                    yield member, ast.get_docstring(node) or ""


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_names_have_docstrings(path):
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), "the module has no docstring"
    missing = [node.name for node, _ in public_definitions(tree) if not ast.get_docstring(node)]
    assert not missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_functions_on_arrays_name_their_shapes(path):
    tree = ast.parse(path.read_text())
    missing = []
    for node, class_text in public_definitions(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        annotations = [ast.unparse(a.annotation) for a in node.args.args if a.annotation]
        annotations += [ast.unparse(node.returns)] if node.returns else []
        names = [argument.arg for argument in node.args.args]
        if not any("ndarray" in text or "Tensor" in text for text in annotations):
            continue
        text = " ".join([ast.get_docstring(node) or "", class_text, ast.get_docstring(tree) or "", *names])
        if not SHAPE.search(text):
            missing.append(node.name)
    assert not missing


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_public_functions_are_annotated(path):
    missing = [
        node.name
        for node, _ in public_definitions(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef) and node.returns is None
    ]
    assert not missing
