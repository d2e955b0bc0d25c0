"""Files that are whole or absent: written under another name, synced, then renamed."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

TEMPORARY = ".*.tmp"
"""What temporary files are called."""


@contextlib.contextmanager
def atomic_open(path: str | Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """Open a temporary file beside `path`; rename it to `path` when the block ends well.

    On any error the temporary file is removed and `path` stays as it was. A path that is no regular
    file (`/dev/null`, a named pipe) is opened as it is.

    Raises:
        OSError: the directory is missing, not writable or full.
    """
    path = Path(path)
    if path.exists() and not path.is_file():
        with _naming(path), open(path, mode, encoding=None if "b" in mode else "utf-8") as special:
            yield special
        return
    handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent)
    try:
        with _naming(path), open(handle, mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.fsync(file.fileno())
        move(temporary, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Give errors of writing, which know no name, that of the file."""
    try:
        yield
    except OSError as failure:
        if failure.filename is None:
            failure.filename = os.fspath(path)
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write `data` to `path` atomically."""
    with atomic_open(path) as file:
        file.write(data)


def write_text(path: str | Path, text: str) -> None:
    """Write `text` (UTF-8) to `path` atomically."""
    write_bytes(path, text.encode())


def write_json(path: str | Path, value: object) -> None:
    """Write `value` as indented JSON with sorted keys, atomically; NaN is refused."""
    write_text(path, json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n")


def move(source: str | Path, target: str | Path) -> None:
    """Give a file, whole and synced, another name in the same file system; the name is on disk when this returns."""
    os.replace(source, target)
    handle = os.open(Path(target).parent, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_unfinished(folder: Path) -> None:
    """Remove what writers of `folder`, or of any below it, left when they were killed."""
    for path in folder.rglob(TEMPORARY):
        path.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
