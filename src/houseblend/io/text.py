"""Lines of text and what separates their words: blanks and tabs, as Kaldi reads them, and nothing else.

Other spaces (U+00A0, U+3000, U+2028, ...), joiners and direction marks are letters; where Kaldi refuses one, so does
`odd_letter`.
"""

import re
import unicodedata

from houseblend.base.errors import InputError

MARK = b"\xef\xbb\xbf"
"""The byte order mark, which editors put at the head of a file."""
BLANKS = " \t"
_OTHERS = {b"\x1f\x8b": "packed by gzip", b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}
"""What a file is that begins with such bytes, and is no text."""
_AROUND = BLANKS + "\r\n"
_AMBIGUOUS = re.compile("[\r\v\f]")
_ODD = re.compile(r"[^\S \t]|[\0-\x08\x0e-\x1f\x7f-\x9f]")


def lines_of(text: str) -> list[str]:
    """The lines of a text without their ends; only a line feed ends one."""
    return text.removesuffix("\n").split("\n") if text else []


def words_of(text: str, most: int = 0) -> list[str]:
    """The words of a line; with `most`, no more cuts than that: the last item is the rest of the line."""
    bare = text.strip(_AROUND)
    if most:
        return re.split("[ \t]+", bare, maxsplit=most) if bare else []
    words = bare.replace("\t", " ").split(" ")
    return [word for word in words if word] if "" in words else words


def decode(line: bytes) -> str:
    """A line as text.

    Raises:
        ValueError: what is wrong with it: not UTF-8, a NUL, or a byte order mark behind the head of the file.
    """
    try:
        text = line.decode()
    except UnicodeDecodeError:
        found = next((f" but {what}" for head, what in _OTHERS.items() if line.startswith(head)), "")
        raise ValueError(f"not UTF-8{found}") from None
    if 3 * text.count("\0") > len(text):
        raise ValueError("not UTF-8 but UTF-16")
    if "\0" in text:
        raise ValueError("a NUL byte")
    if "\ufeff" in text:
        raise ValueError("U+FEFF (byte order mark) inside the file")
    return text


def decode_line(line: bytes, file: object, number: int) -> str:
    """`decode` of a line of a file.

    Raises:
        InputError: naming file and line.
    """
    try:
        return decode(line)
    except ValueError as failure:
        raise InputError(str(failure), file=file, line=number, do=remedy(str(failure))) from None


def remedy(wrong: str) -> str:
    """What to do about a line that `decode` refuses, from what is wrong with it."""
    if "packed" in wrong:
        return "unpack it, or give it the suffix .gz"
    return "convert it with iconv" if "UTF-8" in wrong else "remove it"


def spoken_words(text: str) -> list[str]:
    """The words of a transcript or of a text for language models.

    Raises:
        ValueError: a control character at which some of Kaldi's programs cut a word and others do not.
    """
    if found := _AMBIGUOUS.search(text.strip(_AROUND)):
        raise ValueError(f"{described(found[0])} inside a word")
    return words_of(text)


def odd_letter(text: str) -> str | None:
    """The first character that Kaldi refuses in transcripts and dictionaries: a control character, or a space other
    than blank and tab; described."""
    found = _ODD.search(text)
    return described(found[0]) if found else None


def described(letter: str) -> str:
    """A character's code point and name: U+00A0 (no-break space)."""
    return f"U+{ord(letter):04X} ({unicodedata.name(letter, 'control character').lower()})"
