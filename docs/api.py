"""Writes the reference of what `houseblend` has for code of one's own, as HTML: python docs/api.py FOLDER."""

import sys
from pathlib import Path

import pdoc

import houseblend


def write_pages(folder: Path) -> None:
    """One page, with an index and a search; a name that cannot be described is a warning."""
    for name in houseblend.__all__:
        getattr(houseblend, name)  # pdoc looks only at what is there
    pdoc.render.configure(docformat="google", show_source=False)
    pdoc.pdoc("houseblend", output_directory=folder)


if __name__ == "__main__":
    write_pages(Path(sys.argv[1]))
