"""Where the recordings of the Free Spoken Digit Dataset come from; every one is checked against its SHA-256."""

import os
import tarfile
import urllib.request
from pathlib import Path

import numpy as np

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_bytes
from houseblend.base.log import log
from houseblend.io.audio import read_audio
from houseblend.io.streams import in_memory

NAME = "free-spoken-digit-dataset"
URL = f"https://github.com/Jakobovski/{NAME}/archive/refs/tags/v1.0.10.tar.gz"
THREE_WAYS = f"give --corpus=DIR, or set HOUSEBLEND_CORPORA to a folder with {NAME}/ in it, or let {URL} be downloaded"


def read_manifest(path: Path) -> dict[str, str]:
    """SHA-256 of every recording by its name, such as 7_theo_31."""
    lines = [line.split() for line in path.read_text().splitlines()]
    return {Path(name).stem: digest for digest, name in lines}


def find_corpus(given: Path | None) -> Path | None:
    """The folder asked for, or that of `$HOUSEBLEND_CORPORA`, or None if it must be downloaded.

    Raises:
        InputError: the folder asked for holds no recordings.
    """
    if given is not None:
        if not (given / "recordings").is_dir():
            raise InputError(
                "no recordings", file=given, expected=f"a folder of {NAME} with recordings/", do=THREE_WAYS
            )
        return given
    known = os.environ.get("HOUSEBLEND_CORPORA")
    folder = Path(known) / NAME if known else None
    return folder if folder is not None and (folder / "recordings").is_dir() else None


def read_recordings(folder: Path | None, url: str, digests: dict[str, str]) -> dict[str, np.ndarray]:
    """Samples on the int16 scale of the recordings of `digests`, float32, shape [samples] each.

    Args:
        folder: where they are; None downloads them.
        url: archive to download.
        digests: SHA-256 by name.

    Raises:
        InputError: a recording is missing or its content is another, or the download fails.
    """
    contents = _download(url, digests) if folder is None else {}
    samples = {}
    for name, digest in digests.items():
        place = f"{url}: {name}.wav" if folder is None else str(folder / "recordings" / f"{name}.wav")
        try:
            data = contents[name] if folder is None else Path(place).read_bytes()
        except (KeyError, FileNotFoundError):
            raise InputError("a recording is missing", file=place, do=f"get the corpus again: {THREE_WAYS}") from None
        if hash_bytes(data) != digest:
            raise InputError(
                "a recording differs from the one that the sets were made of", file=place,
                expected=f"SHA-256 {digest}", do=f"get the corpus again: {THREE_WAYS}",
            )  # fmt: skip
        samples[name] = read_audio(in_memory(data, place))[1][:, 0]
    return samples


def _download(url: str, wanted: dict[str, str]) -> dict[str, bytes]:
    log(f"downloading {url}")
    found = {}
    try:
        with urllib.request.urlopen(url, timeout=60) as answer, tarfile.open(fileobj=answer, mode="r|gz") as archive:
            for member in archive:
                name = Path(member.name)
                if name.suffix == ".wav" and name.stem in wanted:
                    found[name.stem] = archive.extractfile(member).read()  # type: ignore[union-attr]
    except (OSError, tarfile.TarError, EOFError) as failure:
        raise InputError(
            f"the recordings are not here and cannot be downloaded: {failure}", file=url, do=THREE_WAYS
        ) from None
    return found
