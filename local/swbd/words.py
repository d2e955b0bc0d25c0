"""Words of the Mississippi State transcripts and dictionary as they are trained on: what was said, in small letters.

The rules are those of Kaldi's swbd1_map_words.pl and of its scripts for acronyms, which Fisher writes as a._b._c.
"""

import re
from collections.abc import Iterable, Mapping

LAUGHED = re.compile(r"\[laughter-(.+)\](-?)", re.IGNORECASE)
ASIDE = re.compile(r"<[be]_aside>", re.IGNORECASE)
SILENCE = "[silence]"


def as_said(word: str) -> str:
    """The word without the marks around it.

    [LAUGHTER-yes] yes; [it'n/isn't] it'n; -[an]y -y; ab[solute]- ab-; {yuppiedom} yuppiedom; ammu[n]it- ammu-it-;
    them_1 them.
    """
    if laughed := LAUGHED.fullmatch(word):
        word = laughed[1] + laughed[2]
    if mispronounced := re.fullmatch(r"\[(.+)/.+\](-?)", word):
        word = mispronounced[1] + mispronounced[2]
    word = re.sub(r"^-?\[[^][]+\](.+)$", r"-\1", word)
    word = re.sub(r"^(.+)\[[^][]+\]-?$", r"\1-", word)
    word = re.sub(r"([^][]+)\[.+\]$", r"\1", word)  # ex[specially]-/especially]: a slip of the transcribers
    word = re.sub(r"^\{(.+)\}$", r"\1", word)
    word = re.sub(r"([A-Za-z])\[[^][]+\]([A-Za-z])", r"\1-\2", word)
    return re.sub(r"_\d", "", word, count=1)


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
