"""Run a program by its name: ``python -m houseblend copy-feats ark:in.ark ark:out.ark``."""

import sys
from importlib import import_module
from importlib.util import find_spec


def main() -> None:
    """Import the module of the program named first and hand it the remaining arguments."""
    name = sys.argv[1] if len(sys.argv) > 1 else ""
    module = f"houseblend.cli.{name.replace('-', '_')}"
    if not name or name.startswith("-") or find_spec(module) is None:
        print("Usage: python -m houseblend PROGRAM [ARGUMENT ...]  (programs: the files in bin/)", file=sys.stderr)
        sys.exit(2)
    sys.argv = [name, *sys.argv[2:]]
    import_module(module).main()


if __name__ == "__main__":
    main()
