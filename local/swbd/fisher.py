"""Transcripts of Fisher English as text for a language model of Switchboard."""

import re
from collections.abc import Collection
from pathlib import Path

from recordings import files_below

from houseblend.base.errors import InputError
from houseblend.io.streams import read_text

MARKS = {
    **dict.fromkeys(("[breath]", "[cough]", "[lipsmack]", "[sigh]", "[sneeze]"), "[noise]"),
    "[mn]": "[vocalized-noise]", "[laugh]": "[laughter]", "[[skip]]": "", "[pause]": "", "-": "",
}  # fmt: skip
"""What stands for sounds and pauses, and what Switchboard has for it."""
_LINE = re.compile(r"\d+(?:\.\d+)? +\d+(?:\.\d+)? +[A-Z][12]?: ?(.*)")
_FOREIGN_OR_DOUBT = re.compile(r"<[^>]*>|[*()?]")


def fisher_sentences(folder: Path, known: Collection[str]) -> list[str]:
    """The turns of all transcripts below a directory, in the order of the files' names, in words of the dictionary.

    Raises:
        InputError: no transcripts, a file that is not UTF-8, or a line of another form.
    """
    files = [path for path in files_below(folder) if path.suffix == ".txt" and path.parent.parent.name == "trans"]
    if not files:
        raise InputError(
            "no transcripts of Fisher", file=folder, expected="data/trans/000/fe_03_00001.txt ... below it"
        )
    sentences = []
    for path in files:
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if line.startswith("#") or not line.strip():
                continue
            found = _LINE.fullmatch(line)
            if not found:
                expected = "START END A: WORD ..."
                raise InputError(f"cannot read {line[:60]!r}", file=path, line=number, expected=expected)
            sentence = clean(found[1], known)
            if sentence:
                sentences.append(sentence)
    return sentences


def clean(turn: str, known: Collection[str]) -> str:
    """A turn in the words of Switchboard's transcripts; `known` are those of the dictionary."""
    tokens = _FOREIGN_OR_DOUBT.sub("", turn.lower()).replace(",", " ").split()
    return " ".join(word for token in tokens for word in _words(token, known))


def _words(token: str, known: Collection[str]) -> list[str]:
    """What the dictionary has for a token: without quotes, compounds in their parts; "'em" and the like as fragments."""
    if token in MARKS:
        return MARKS[token].split()
    if token in known or token.startswith("["):
        return [token]
    bare = token.removeprefix("'").removesuffix("'")
    if token == "'em":
        return ["-em"]
    if bare in known:
        return [bare]
    parts = [part for part in bare.removeprefix("-").split("-") if part]
    if parts and not bare.endswith("-") and all(part in known for part in parts):
        return parts
    return [f"-{bare}" if token.startswith("'") else bare]
