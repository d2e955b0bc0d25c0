"""Writes the README's table of programs and steps from the first lines of their docstrings."""

import ast
import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def summary(path: Path) -> str:
    """What a module says it does, after its name."""
    first = (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n\n")[0].replace("\n", " ")
    return first.partition(": ")[2].rstrip(".")


def table() -> str:
    """The table in Markdown."""
    rows = ["| program | what it does |", "|---|---|"]
    for launcher in sorted((REPOSITORY / "bin").iterdir()):
        module = REPOSITORY / "src/houseblend/cli" / f"{launcher.name.replace('-', '_')}.py"
        rows.append(f"| `{launcher.name}` | {summary(module)} |")
    rows += ["", "| step | what it does |", "|---|---|"]
    rows += [f"| `{path.name}` | {summary(path)} |" for path in sorted((REPOSITORY / "steps").iterdir())]
    return "\n".join(rows)


if __name__ == "__main__":
    readme = REPOSITORY / "README.md"
    marks = "<!-- programs -->\n", "\n<!-- /programs -->"
    text = re.sub(
        f"{marks[0]}.*?{marks[1].strip()}", lambda _: marks[0] + table() + marks[1], readme.read_text(), flags=re.DOTALL
    )
    readme.write_text(text)
