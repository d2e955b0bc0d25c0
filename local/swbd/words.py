"""Words of the Mississippi State transcripts and dictionary as they are trained on: what was said, in small letters.

What becomes of a word is what Kaldi's recipe makes of it, so that both train on the same text; acronyms are written as Fisher
writes them, a._b._c.
"""

import re
from collections.abc import Iterable, Mapping

NOT_SAID = r"\[[^][]+\]"
MARKS = tuple(
    (re.compile(pattern, re.IGNORECASE), kept)
    for pattern, kept in (
        (r"^\[laughter-(.+)\](-?)$", r"\1\2"),  # said laughing
        (r"^\[(.+)/.+\](-?)$", r"\1\2"),  # said otherwise than meant
        (rf"^-?{NOT_SAID}(.+)$", r"-\1"),  # the beginning is missing
        (rf"^(.+){NOT_SAID}-?$", r"\1-"),  # the end is missing
        (r"([^][]+)\[.+\]$", r"\1"),  # brackets that do not match
        (r"^\{(.+)\}$", r"\1"),  # made up
        (rf"([a-z]){NOT_SAID}([a-z])", r"\1-\2"),  # the middle is missing
    )
)
"""How the transcribers mark a word, and what is kept of it; each is tried once, in this order."""
VARIANT = re.compile(r"_\d")
ASIDE = re.compile(r"<[be]_aside>", re.IGNORECASE)
SILENCE = "[silence]"


def as_said(word: str) -> str:
    """The word without its marks: [laughter-sure] is sure, [gonna/going] gonna, -[be]cause -cause, tomor[row]- tomor-."""
    for pattern, kept in MARKS:
        word = pattern.sub(kept, word)
    return VARIANT.sub("", word, count=1)


def spoken_words(text: str) -> list[str]:
    """The words of a transcript as they are said, without silence and the marks of asides; cases as they are."""
    words = ASIDE.sub("", text).split()
    return [as_said(word) for word in words if word.lower() != SILENCE]


def spelled(word: str, phones: str, letters: Mapping[str, str]) -> str | None:
    """An acronym in Fisher's form (IBM i._b._m., IBMs i._b._m.s, IBM's i._b._m.'s), None for any other word.

    Args:
        word: letters, perhaps with s or 's behind them.
        phones: a pronunciation of it; it must be that of the letters one by one.
        letters: how each capital letter is said.
    """
    found = re.fullmatch(r"([A-Za-z]+?)('s|s|)", word)
    if not found or (len(word) == 1 and word.islower()):
        return None
    stem, ending = found[1], found[2]
    if ending and phones.split()[-1] in ("s", "z"):
        phones = phones.rpartition(" ")[0]
    elif ending:
        stem, ending = word, ""
    if phones != " ".join(letters.get(letter, "?") for letter in stem.upper()):
        return None
    return "._".join(stem.lower()) + f".{ending}"


def with_acronyms(words: Iterable[str], acronyms: Mapping[str, str]) -> list[str]:
    """The words in small letters, acronyms in Fisher's form; "I" is one only beside other capital letters."""
    words = list(words)
    single = [len(word) == 1 and word.isalpha() and word.isupper() for word in words]
    written = []
    for place, word in enumerate(words):
        beside = any(single[other] for other in (place - 1, place + 1) if 0 <= other < len(words))
        known = acronyms.get(word) if word not in ("I", "i") or (word == "I" and beside) else None
        written.append((known or word).lower())
    return written
