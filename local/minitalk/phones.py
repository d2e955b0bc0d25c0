"""From espeak's phonemes to the phones of the Switchboard dictionary, and from samples to words."""

from dataclasses import dataclass

from espeak import RATE, Spoken

from houseblend.base.errors import HouseBlendError

PHONES = {
    "0": "aa", "3": "er", "3:": "er", "?": "t", "@": "ax", "@-": "ax", "@2": "ax", "@5": "ax", "@L": "el", "A:": "aa",
    "A@": "aa r", "D": "dh", "E": "eh", "I": "ih", "I#": "ih", "I2": "ih", "IR": "er", "N": "ng", "O": "ao", "O2": "aa",
    "O:": "ao", "O@": "ao r", "OI": "oy", "S": "sh", "T": "th", "U": "uh", "U@": "uh r", "V": "ah", "VR": "er", "Z": "zh",
    "a": "ae", "a#": "ax", "aI": "ay", "aI2": "ay", "aI3": "ay er", "aI@": "ay ax", "aU": "aw", "aa": "ae", "b": "b",
    "d": "d", "dZ": "jh", "e@": "eh r", "eI": "ey", "f": "f", "g": "g", "h": "hh", "i": "iy", "i:": "iy", "i@": "iy ax",
    "i@3": "ih r", "j": "y", "k": "k", "l": "l", "m": "m", "m-": "m", "n": "n", "n-": "en", "o@": "ao r", "oU": "ow",
    "p": "p", "r": "r", "r-": "r", "s": "s", "t": "t", "t#": "t", "t2": "t", "t[": "t", "tS": "ch", "u:": "uw", "v": "v",
    "w": "w", "w#": "w", "z": "z",
}  # fmt: skip
"""By espeak's name without marks of stress. A vowel with "@" holds the r behind it."""
SILENT = (";", ":", "!", "_", "_:", "_!", "_|", "_;_", "|", "||", "")
STRESS = "',%="
VOWELS = frozenset(
    ["aa", "ae", "ah", "ao", "aw", "ax", "ay", "eh", "el", "en", "er", "ey", "ih", "iy", "ow", "oy", "uh", "uw"]
)
RHOTIC = ("gmw/en-US", "gmw/en-GB-scotland", "gmw/en-029")
"""Accents in which that r is heard; in the others it is no phone."""


@dataclass(frozen=True)
class Phone:
    """A phone in time: seconds from the start of the piece, and the number of its word."""

    start: float
    end: float
    name: str
    word: int


def phones_of(names: list[str], rhotic: bool) -> list[str]:
    """Phones of espeak's phonemes, one string (of one phone or two, apart by a space; or "" for none) each.

    Raises:
        HouseBlendError: a phoneme that the table lacks.
    """
    bare = [name.strip(STRESS) for name in names]
    phones = []
    for name, following in zip(bare, [*bare[1:], ""], strict=True):
        if name in SILENT:
            phones.append("")
            continue
        if name not in PHONES:
            raise HouseBlendError("a phoneme without a phone", key=name, do="add it to local/minitalk/phones.py")
        phone = PHONES[name]
        phones.append(phone.split()[0] if phone.endswith(" r") and (not rhotic or following[:1] == "r") else phone)
    return phones


def locate(spoken: Spoken, lengths: list[int], rhotic: bool) -> list[Phone]:
    """Phones in time, gaps where the voice pauses; words that were run together share out their phones.

    Args:
        spoken: what espeak said.
        lengths: phones of each word in the dictionary, by which words that are run together are told apart.
        rhotic: whether the accent is one of RHOTIC.
    """
    starts = [sample / RATE for sample, _, _ in spoken.phonemes]
    ends = [*starts[1:], len(spoken.sound) / 2 / RATE]
    found: list[Phone] = []
    names = phones_of([name for _, name, _ in spoken.phonemes], rhotic)
    for start, end, phones, (_, _, word) in zip(starts, ends, names, spoken.phonemes, strict=True):
        parts = phones.split() if end > start else []
        for place, name in enumerate(parts):
            width = (end - start) / len(parts)
            found.append(Phone(start + place * width, start + (place + 1) * width, name, word))
    return _tell_apart(found, lengths)


def _tell_apart(phones: list[Phone], lengths: list[int]) -> list[Phone]:
    """Give words that have no phones theirs from the word before, in proportion to their lengths in the dictionary."""
    owners = sorted({phone.word for phone in phones})
    told: list[Phone] = []
    for owner, following in zip(owners, [*owners[1:], len(lengths)], strict=True):
        own = [phone for phone in phones if phone.word == owner]
        first = owner if told else 0
        total, before = sum(lengths[first:following]), 0
        shares = []
        for word in range(first, following):
            before += lengths[word]
            shares += [word] * (round(before * len(own) / total) - len(shares))
        told += [Phone(one.start, one.end, one.name, word) for one, word in zip(own, shares, strict=True)]
    return told
