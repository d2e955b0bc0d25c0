"""Kaldi's tables: archives and scripts of keyed objects (Kaldi's util/kaldi-table).

An rspecifier is `ark:NAME` or `scp:NAME`, a wspecifier `ark:NAME`, `ark,t:NAME` or `ark,scp:ARCHIVE,SCRIPT`; NAME is a
file, `-`, or a command with a pipe. A script's entries may carry ranges (`[0:4,1:3]`, inclusive).
"""

import contextlib
import os
import re
from collections.abc import Callable, Iterator
from typing import IO, Any

from houseblend.base.atomic import atomic_open
from houseblend.base.errors import InputError, UsageError
from houseblend.io import holders
from houseblend.io.streams import AGAIN, InputStream, open_sink, open_stream, split_offset
from houseblend.io.text import BLANKS, decode, decode_line, words_of

_READ_OPTIONS = {"o", "no", "s", "ns", "cs", "ncs", "p", "np", "b", "t", "bg"}
_WRITE_OPTIONS = {"t", "b", "f", "nf", "p", "np"}
_RANGE = re.compile(r"\[([-\d:,]*)\]$")

_MAX_KEY = 4096

register_kind = holders.register_kind


def read_table(rspecifier: str, kind: str) -> Iterator[tuple[str, Any]]:
    """All entries of a table, in their order.

    Args:
        rspecifier: what to read; with option p, what cannot be read is left out (of an archive, the rest).
        kind: name of the kind of object (see `holders`).

    Raises:
        InputError: naming file, key and place, when the table is missing, truncated or of another kind.
    """
    for key, _, value in read_places(rspecifier, kind):
        yield key, value


def read_places(rspecifier: str, kind: str) -> Iterator[tuple[str, str, Any]]:
    """The entries of `read_table`, each with the name of what it was read from: that of its line, or the archive's."""
    form, name, permissive = _parse_rspecifier(rspecifier)
    yield from (_read_archive if form == "ark" else _read_script_entries)(name, kind, permissive)


def read_by_key(rspecifier: str, kind: str) -> dict[str, Any]:
    """All entries of a table, in their order.

    Raises:
        InputError: as `read_table`; or a key stands twice.
    """
    form, name, _ = _parse_rspecifier(rspecifier)
    return _all_of(name, kind) if form == "ark" else dict(read_table(rspecifier, kind))


class Table:
    """Random access by key; a script is read object by object, an archive once and whole.

    Args:
        rspecifier: what to read.
        kind: name of the kind of object.
    """

    def __init__(self, rspecifier: str, kind: str) -> None:
        self.name, self._kind = rspecifier, kind
        form, place, _ = _parse_rspecifier(rspecifier)
        self._script = {key: (value, line) for key, value, line in read_script(place)} if form == "scp" else None
        self._objects = _all_of(place, kind) if form == "ark" else {}
        self._place = place

    def __contains__(self, key: str) -> bool:
        return key in (self._objects if self._script is None else self._script)

    def __getitem__(self, key: str) -> Any:
        """The object of `key`; InputError if there is none."""
        if key not in self:
            raise InputError("no such key", file=self.name, key=key, do="leave it out, or make the table with it")
        if self._script is None:
            return self._objects[key]
        value, line = self._script[key]
        return _read_script_entry(value, self._kind, key, f"{self._place}:{line}")

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects if self._script is None else self._script)

    def __len__(self) -> int:
        return len(self._objects if self._script is None else self._script)


@contextlib.contextmanager
def open_table(rspecifier: str, kind: str) -> Iterator[Table]:
    """Open a table for access by key (see `Table`)."""
    yield Table(rspecifier, kind)


Writer = Callable[[str, Any], None]


@contextlib.contextmanager
def write_table(wspecifier: str, kind: str, compression_method: int | None = None) -> Iterator[Writer]:
    """Open a table for writing; yields a function of key and object. Files appear at the end, the archive first.

    Args:
        wspecifier: where to write.
        kind: name of the kind of object.
        compression_method: Kaldi's number, 1 to 7, for matrices.

    Raises:
        InputError: a key that is no word, or the command behind a pipe failed.
        UsageError: there is no such compression method.
        OSError: a file cannot be written.
    """
    archive, script, text = _parse_wspecifier(wspecifier)
    if compression_method not in (None, *range(1, 8)):
        raise UsageError(f"compression method {compression_method}", expected="1 to 7")
    with contextlib.ExitStack() as stack:
        lines: IO[str] | None = stack.enter_context(atomic_open(script, "w")) if script else None
        sink = stack.enter_context(open_sink(archive))
        place = 0

        def write(key: str, value: Any) -> None:
            nonlocal place
            if words_of(key) != [key]:
                raise InputError("a key must be one word without spaces", file=archive, key=key)
            head = key.encode() + b" "
            data = holders.encode(kind, value, not text, compression_method)
            sink.write(head + data)
            if lines is not None:
                lines.write(f"{key} {archive}:{place + len(head)}\n")
            place += len(head) + len(data)

        yield write


def read_script(name: str) -> Iterator[tuple[str, str, int]]:
    """Key, extended file name and line number of every line of a script.

    A name that is a command will be run by who reads its object. Unless the environment variable HOUSEBLEND_PIPES is
    `on`, or not set, it is refused here, where all scripts are read; commands on the command line are the user's own.

    Raises:
        InputError: a line without a value, a key twice, text that is not UTF-8, or a command that shall not run.
    """
    commands = os.environ.get("HOUSEBLEND_PIPES", "on")
    seen: set[str] = set()
    with open_stream(name) as stream:
        number = 0
        while (raw := stream.next_line()) is not None:
            number += 1
            parts = words_of(decode_line(raw, name, number), 1)
            if len(parts) != 2:
                raise InputError("a key without a file name", file=name, line=number, expected="KEY FILE", do=AGAIN)
            if parts[0] in seen:
                raise InputError("the key stands twice", file=name, line=number, key=parts[0], do="remove one")
            seen.add(parts[0])
            if commands != "on" and _RANGE.sub("", parts[1]).endswith("|"):
                raise InputError(
                    f"a command, and HOUSEBLEND_PIPES={commands}: {parts[1]}", file=name, line=number, key=parts[0],
                    expected="a file", do="read it before you let it run: HOUSEBLEND_PIPES=on",
                )  # fmt: skip
            yield parts[0], parts[1], number


def read_object(rxfilename: str, kind: str) -> Any:
    """One object without a key, ranges allowed: `file`, `archive:offset[0:9]`, `command |`."""
    return _read_entry(rxfilename, kind, None, rxfilename)


def write_object(wxfilename: str, kind: str, value: Any, binary: bool = True) -> None:
    """Write one object without a key to a file, `-`, or `| command`."""
    data = holders.encode(kind, value, binary)
    with open_sink(wxfilename) as sink:
        sink.write(data)


def is_specifier(name: str) -> bool:
    """Whether a name is that of a table (`ark:...`, `scp,p:...`) rather than of a file."""
    head, colon, _ = name.partition(":")
    words = set(head.strip().split(","))
    return bool(colon and words & {"ark", "scp"} and words <= {"ark", "scp"} | _READ_OPTIONS | _WRITE_OPTIONS)


def copies_table(source: str, target: str) -> bool:
    """Whether a copying program was given two tables; False for two files.

    Raises:
        UsageError: one of each.
    """
    if is_specifier(source) != is_specifier(target):
        raise UsageError("a table and a file", expected="two tables or two files")
    return is_specifier(source)


def _read_archive(name: str, kind: str, permissive: bool = False) -> Iterator[tuple[str, str, Any]]:
    with open_stream(name) as stream:
        try:
            for key, value in _entries(stream, kind):
                yield key, name, value
        except InputError:
            if not permissive:
                raise


def _entries(stream: InputStream, kind: str) -> Iterator[tuple[str, Any]]:
    while (key := _read_key(stream)) is not None:
        yield key, _decode(stream, kind, key)


def _all_of(name: str, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with open_stream(name) as stream:
        for key, value in _entries(stream, kind):
            if key in found:
                is_text = kind in ("token", "tokens")
                raise stream.fail("the key stands twice", text=is_text, key=key, do="remove one")
            found[key] = value
    return found


def _read_key(stream: InputStream) -> str | None:
    """The next key and the space behind it (but no line break); None at the end."""
    ahead = stream.peek(_MAX_KEY)
    start = len(ahead) - len(ahead.lstrip())
    word = ahead[start:].split(maxsplit=1)[:1]
    if not word and len(ahead) < _MAX_KEY:
        return None
    end = start + len(word[0]) if word else _MAX_KEY
    if end == _MAX_KEY:
        raise stream.fail("no key here", expected="an archive, or scp: before the name")
    if end == len(ahead):
        raise stream.fail("the archive ends behind a key", key=word[0].decode(errors="replace"))
    stream.read(end if ahead[end : end + 1] == b"\n" else end + 1)
    try:
        return decode(word[0])
    except ValueError as failure:
        raise stream.fail(f"cannot read the key: {failure}", expected="an archive") from None


def _read_script_entries(name: str, kind: str, permissive: bool) -> Iterator[tuple[str, str, Any]]:
    with _OpenArchive() as archive:
        for key, value, line in read_script(name):
            try:
                entry = _read_script_entry(value, kind, key, f"{name}:{line}", archive)
            except InputError:
                if permissive:
                    continue
                raise
            yield key, value, entry


def _read_script_entry(value: str, kind: str, key: str, place: str, archive: "_OpenArchive | None" = None) -> Any:
    """What a line of a script points to; errors name the line, too."""
    try:
        return _read_entry(value, kind, key, place, archive)
    except InputError as failure:
        raise failure.but(key=key, what=f"{failure.what} (from {place})") from failure


class _OpenArchive:
    """Keeps the archive of the last entry open, since scripts point into the same file again and again."""

    def __init__(self) -> None:
        self.path, self.file = "", None

    def __enter__(self) -> "_OpenArchive":
        return self

    def __exit__(self, *_: object) -> None:
        if self.file is not None:
            self.file.close()

    def at(self, path: str, offset: int) -> InputStream:
        """A stream at a byte of a file."""
        if path != self.path or self.file is None:
            if self.file is not None:
                self.file.close()
            self.path, self.file = path, open(path, "rb")
        size = self.file.seek(0, 2)
        if 0 < offset >= size:
            raise InputError(f"the script points to byte {offset}, the file has {size}", file=path, do="make it again")
        self.file.seek(offset)
        return InputStream(self.file, path, size - offset, offset)


def _read_entry(value: str, kind: str, key: str | None, place: str, archive: _OpenArchive | None = None) -> Any:
    bounds = _RANGE.search(value)
    name = value[: bounds.start()] if bounds and kind in ("matrix", "vector") else value
    path, offset = split_offset(name)
    if archive is not None and not name.endswith(("|", ".gz")) and name != "-" and os.path.isfile(path):
        found = _decode(archive.at(path, offset), kind, key)
    else:
        with open_stream(name) as stream:
            found = _decode(stream, kind, key)
            if key is None and offset == 0 and kind != "wav":
                stream.expect_end()
    return _cut(found, bounds[1], place, key) if bounds and kind in ("matrix", "vector") else found


def _decode(stream: InputStream, kind: str, key: str | None) -> Any:
    try:
        return holders.decode(kind, stream)
    except InputError as failure:
        raise failure.but(key=key) from None


def _cut(array: Any, bounds: str, place: str, key: str | None) -> Any:
    """Rows and columns of an array by Kaldi's inclusive ranges."""
    ranges = bounds.split(",")
    if len(ranges) > array.ndim:
        raise InputError(f"{len(ranges)} ranges of {array.ndim} dimensions", file=place, key=key, do="remove one")
    parts = [_bounds(part, size, place, key) for part, size in zip(ranges, array.shape, strict=False)]
    return array[tuple(parts)].copy()


def _bounds(part: str, size: int, place: str, key: str | None) -> slice:
    if part in ("", ":"):
        return slice(None)
    found = re.fullmatch(r"([0-9]{1,9}):([0-9]{1,9})", part)
    if found is None or not int(found[1]) <= int(found[2]):
        raise InputError(f"bad range {part!r}", file=place, key=key, expected="FIRST:LAST", do="mend the range")
    first, last = int(found[1]), int(found[2])
    if first >= size or last >= size + 3:
        what, expected = f"range {part} of {size} rows or columns", f"at most {size - 1}"
        raise InputError(what, file=place, key=key, expected=expected, do="mend the range")
    return slice(first, min(last, size - 1) + 1)


def _parse_rspecifier(specifier: str) -> tuple[str, str, bool]:
    head, colon, name = specifier.partition(":")
    words = head.strip().split(",")
    forms = [word for word in words if word in ("ark", "scp")]
    if not colon or len(forms) != 1 or not set(words) - set(forms) <= _READ_OPTIONS:
        raise UsageError(f"{specifier!r} is no rspecifier", expected="ark:NAME or scp:NAME")
    return forms[0], name.strip(BLANKS) or "-", "p" in words


def _parse_wspecifier(specifier: str) -> tuple[str, str | None, bool]:
    head, colon, name = specifier.partition(":")
    words = head.strip().split(",")
    forms = [word for word in words if word in ("ark", "scp")]
    if not colon or not set(words) - set(forms) <= _WRITE_OPTIONS or forms not in (["ark"], ["ark", "scp"]):
        raise UsageError(f"{specifier!r} is no wspecifier", expected="ark:NAME, ark,t:NAME or ark,scp:ARCHIVE,SCRIPT")
    if forms == ["ark"]:
        return name.strip(BLANKS), None, "t" in words
    archive, comma, script = name.strip(BLANKS).rpartition(",")
    if not comma or not archive or not script:
        raise UsageError(f"{specifier!r} names one file", expected="ark,scp:ARCHIVE,SCRIPT")
    return archive, script, "t" in words
