"""Recorded calls of a disc: which files there are, and how they are read."""

import re
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import walk_behind_links
from houseblend.io.data_files import Line
from houseblend.io.sphere import SphereHeader, read_sphere_header

SIDES = "AB"
SEGMENT_OVERRUN = 0.5
"""Seconds that a segment may end behind its recording, as features are made."""


def files_below(folder: Path) -> list[Path]:
    """All files below a directory, also behind links, in the order of their names; none if there is no such directory."""
    return sorted(Path(parent, name) for parent, _, names in walk_behind_links(folder) for name in names)


class Recordings:
    """The calls below a directory, by name.

    Args:
        folder: directory of a disc.
        names: pattern of the names without suffix, the part in parentheses being the call's number.
        form: how a call is called, of that part.

    Raises:
        InputError: no such directory, no recordings, or two of the same call.
    """

    def __init__(self, folder: Path, names: str, form: str) -> None:
        if not folder.is_dir():
            raise InputError("no such directory", file=folder, do="name the directory that the disc was copied to")
        self.folder = folder
        self.files: dict[str, Path] = {}
        self._headers: dict[str, SphereHeader] = {}
        for path in files_below(folder):
            found = re.fullmatch(names, path.stem, re.IGNORECASE)
            if not found or path.suffix.lower() != ".sph":
                continue
            name = form.format(found[1])
            if name in self.files:
                raise InputError(f"two recordings of call {name}", file=path, expected=f"{self.files[name]} only")
            self.files[name] = path.resolve()
        if not self.files:
            raise InputError("no recordings (*.sph)", file=folder, do="copy the discs with the audio to this directory")

    def header(self, name: str) -> SphereHeader:
        """Of a two-channel recording.

        Raises:
            InputError: it is missing, has no two channels, or is broken.
        """
        if name not in self.files:
            raise InputError("no recording of this call", file=self.folder, key=name, do="copy the disc that it is on")
        if name not in self._headers:
            header = read_sphere_header(self.files[name])
            if header.channels != len(SIDES):
                raise InputError(
                    f"half a call: {header.channels} channel", file=self.files[name], expected="both sides in one file"
                )
            self._headers[name] = header
        return self._headers[name]

    def check_times(self, name: str, start: float, end: float, place: Path, line: int) -> None:
        """Refuse times in seconds that are none of the recording; InputError, as of `header`."""
        length = self.header(name).seconds
        if start >= length or end > length + SEGMENT_OVERRUN:
            raise InputError(
                f"a segment from {start:.2f} to {end:.2f} s of a recording of {length:.2f} s", file=place, line=line,
                do="get transcripts and audio of the same release",
            )  # fmt: skip

    def scp(self, sides: set[str]) -> list[Line]:
        """Lines of wav.scp for sides such as sw02001-A, which Kaldi can read with LDC's sph2pipe."""
        lines = []
        for number, side in enumerate(sorted(sides), start=1):
            name, _, letter = side.rpartition("-")
            channel = SIDES.index(letter) + 1
            lines.append(Line(number, side, f"sph2pipe -f wav -p -c {channel} {self.files[name]} |"))
        return lines


def file_and_channel(sides: set[str]) -> list[Line]:
    """Lines of reco2file_and_channel for sides such as sw02001-A."""
    return [Line(number, side, side.replace("-", " ")) for number, side in enumerate(sorted(sides), start=1)]
