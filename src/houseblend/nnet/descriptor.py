"""nnet3's config lines and descriptors, as far as feed-forward networks need them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from houseblend.base.errors import InputError

Descriptor = tuple[tuple[str, int], ...]
"""What a node reads: (node, time offset) of each part, to be appended in this order."""

MEND = "mend the line, or make the file again"
MAX_OFFSET = 1 << 12
"""Frames that one node may look away, at most."""
_TOKEN = re.compile(r"\s*([A-Za-z_][A-Za-z0-9_.\-]*|-?\d+|[(),])")


@dataclass(frozen=True)
class ConfigLine:
    """One line of a config: a first word and key=value pairs.

    Attributes:
        kind: the first word, for example "component-node".
        values: the pairs; a value reaches to the next `key=`, so that descriptors may hold blanks.
        file, number: where it stands, for errors.
    """

    kind: str
    values: dict[str, str]
    file: object
    number: int

    def fail(self, what: str, expected: str | None = None, do: str | None = None) -> InputError:
        """An error that names this line."""
        return InputError(
            what, file=self.file, line=self.number, key=self.values.get("name"), expected=expected, do=do or MEND
        )

    def required(self, key: str) -> str:
        """Value of a key that must be there."""
        if key not in self.values:
            raise self.fail(f"the {self.kind} line lacks {key}=")
        return self.values[key]

    def check_known(self, known: Iterable[str]) -> None:
        """Refuse keys beyond those given."""
        unknown = sorted(set(self.values) - set(known))
        if unknown:
            raise self.fail(f"unknown key {unknown[0]}=", " ".join(sorted(known)))


def parse_config(text: str, file: object = "config") -> list[ConfigLine]:
    """Config lines of a text; `#` starts a comment, empty lines are left out.

    Raises:
        InputError: naming file and line.
    """
    lines = []
    for number, raw in enumerate(text.split("\n"), 1):
        stripped = raw.split("#")[0].strip()
        if not stripped:
            continue
        kind, _, rest = stripped.partition(" ")
        starts = list(re.finditer(r"(?:^|\s)([A-Za-z][A-Za-z0-9_\-]*)=", rest))
        if (rest and not starts) or "=" in kind or (starts and rest[: starts[0].start()].strip()):
            raise InputError(
                f"cannot read {stripped[:60]!r}", file=file, line=number, expected="word key=value ...", do=MEND
            )
        ends = [match.start() for match in starts[1:]] + [len(rest)] * bool(starts)
        texts = [rest[match.end() : end].strip().strip("'\"") for match, end in zip(starts, ends, strict=True)]
        values = {match[1]: text for match, text in zip(starts, texts, strict=True)}
        lines.append(ConfigLine(kind, values, file, number))
    return lines


def parse_descriptor(text: str, line: ConfigLine, previous: str | None = None) -> Descriptor:
    """Flatten an expression of node names, Offset and Append, nested in any way.

    Args:
        text: the expression.
        line: where it stands, for errors.
        previous: the name that a bare number t means, as Offset(previous, t); None refuses bare numbers.

    Raises:
        InputError: anything else, by name and line, for example IfDefined or Sum.
    """
    tokens = _tokenize(text, line)
    parts = _parse(tokens, line, previous)
    if tokens:
        raise line.fail(f"{tokens[0]!r} follows the end of the descriptor {text!r}")
    return tuple(parts)


def descriptor_text(descriptor: Descriptor) -> str:
    """The descriptor as nnet3 writes it."""
    parts = [name if offset == 0 else f"Offset({name}, {offset})" for name, offset in descriptor]
    return parts[0] if len(parts) == 1 else f"Append({', '.join(parts)})"


def _tokenize(text: str, line: ConfigLine) -> list[str]:
    tokens, place = [], 0
    while place < len(text.rstrip()):
        match = _TOKEN.match(text, place)
        if match is None:
            raise line.fail(f"cannot read {text[place:]!r} in a descriptor", "node names, Offset(x, t), Append(x, y)")
        tokens.append(match[1])
        place = match.end()
    return tokens


def _parse(tokens: list[str], line: ConfigLine, previous: str | None) -> list[tuple[str, int]]:
    """One expression from the front of `tokens`."""
    word = _take(tokens, line)
    if not tokens or tokens[0] != "(":
        if previous is not None and re.fullmatch(r"-?\d+", word):
            return [(previous, _offset(word, line))]
        if not re.match(r"[A-Za-z_]", word):
            raise line.fail(f"found {word!r} in a descriptor", "a node name, Offset or Append")
        return [(word, 0)]
    _take(tokens, line, "(")
    if word == "Append":
        parts = _parse(tokens, line, previous)
        while tokens and tokens[0] == ",":
            _take(tokens, line, ",")
            parts += _parse(tokens, line, previous)
    elif word == "Offset":
        inner = _parse(tokens, line, previous)
        _take(tokens, line, ",")
        number = _take(tokens, line)
        parts = [(name, offset + _offset(number, line)) for name, offset in inner]
    else:
        raise line.fail(
            f"the descriptor {word} is not supported", "Append, Offset", "use a feed-forward network without it"
        )
    _take(tokens, line, ")")
    return parts


def _offset(word: str, line: ConfigLine) -> int:
    if not re.fullmatch(r"-?[0-9]{1,9}", word) or abs(int(word)) > MAX_OFFSET:
        raise line.fail(f"found {word[:60]!r} as the offset", f"a number of frames, at most {MAX_OFFSET}")
    return int(word)


def _take(tokens: list[str], line: ConfigLine, wanted: str | None = None) -> str:
    if not tokens:
        raise line.fail("found the end in a descriptor", repr(wanted) if wanted else "a node name, Offset or Append")
    found = tokens.pop(0)
    if wanted is not None and found != wanted:
        raise line.fail(f"found {found!r} in a descriptor", repr(wanted))
    return found
