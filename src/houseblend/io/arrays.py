"""Named arrays in one `.npz` file: whole or absent, the same bytes for the same arrays, without pickles.

Arrays are of any type and shape, [] too.
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO

import numpy as np

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import InputError

FORMAT = 2
_BEGINNING_OF_TIME = (1980, 1, 1, 0, 0, 0)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays by name; the file's bytes depend on nothing else."""
    with atomic_open(path) as target, zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for name, array in {"format": np.array(FORMAT), **arrays}.items():
            entry = zipfile.ZipInfo(f"{name}.npy", _BEGINNING_OF_TIME)
            with archive.open(entry, "w", force_zip64=True) as file:
                _write(file, array)


def _write(file: IO[bytes], array: np.ndarray) -> None:
    np.lib.format.write_array(file, np.ascontiguousarray(array) if array.ndim else array, allow_pickle=False)


def read_arrays(path: str | Path, do: str) -> dict[str, np.ndarray]:
    """The arrays of a file that `write_arrays` wrote.

    Args:
        path: the file.
        do: what errors advise.

    Raises:
        InputError: it is missing, broken or of another format.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        found = int(arrays.pop("format"))
    except FileNotFoundError:
        raise InputError("no such file", file=path, do=do) from None
    except Exception as failure:
        raise InputError("no file of arrays that is whole", file=path, do=do) from failure
    if found != FORMAT:
        raise InputError(f"arrays of format {found}", file=path, expected=f"format {FORMAT}", do=do)
    return arrays


def below(arrays: Mapping[str, np.ndarray], folder: str) -> dict[str, np.ndarray]:
    """The arrays whose names begin with `folder/`, without that."""
    start = f"{folder}/"
    return {name[len(start) :]: array for name, array in arrays.items() if name.startswith(start)}


def put_below(folder: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays with `folder/` before their names."""
    return {f"{folder}/{name}": array for name, array in arrays.items()}
