"""Forms of verbs and nouns: the irregular ones from a list, the others by the rules of spelling."""

import re
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError

SINGLE = re.compile(r"[^aeiou]*[aeiou][^aeiouwxy]")
"""Verbs such as "stop", which double their last letter."""
VOWEL_SOUND = re.compile(r"(hour|honest|oil|[aeio]|u(?!ni|se|su|ti))", re.IGNORECASE)


@dataclass(frozen=True)
class Verb:
    """The forms of a verb: he goes, went, going, gone."""

    base: str
    with_he: str
    past: str
    ing: str
    perfect: str


class Inflection:
    """The rules, and a file of exceptions: lines `verb BASE WITH-HE PAST ING PERFECT` and `noun SINGULAR PLURAL`."""

    def __init__(self, path: Path) -> None:
        self._verbs: dict[str, Verb] = {}
        self._plurals: dict[str, str] = {}
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            match line.split():
                case ["verb", base, with_he, past, ing, perfect]:
                    self._verbs[base] = Verb(base, with_he, past, ing, perfect)
                case ["noun", singular, plural]:
                    self._plurals[singular] = plural
                case [first, *_] if not first.startswith("#"):
                    raise InputError("neither verb nor noun", file=path, line=number)

    def verb(self, base: str) -> Verb:
        """The forms of a verb; of one like pick-up those of its first part, with spaces for hyphens."""
        first, hyphen, rest = base.partition("-")
        tail = f" {rest}" if hyphen else ""
        forms = self._verbs.get(first) or _regular(first)
        return Verb(*(f"{form}{tail}" for form in (forms.base, forms.with_he, forms.past, forms.ing, forms.perfect)))

    def plural(self, noun: str) -> str:
        """More than one, with spaces for hyphens."""
        head, last = noun.replace("-", " ").rpartition(" ")[0::2]
        many = self._plurals.get(last) or _add_s(last)
        return f"{head} {many}" if head else many


def article(word: str) -> str:
    """ "a" or "an", by the letters of the word that follows."""
    return "an" if VOWEL_SOUND.match(word) else "a"


def _regular(base: str) -> Verb:
    if base.endswith("e"):
        return Verb(base, f"{base}s", f"{base}d", f"{base[:-1]}ing", f"{base}d")
    stem = base + base[-1] if SINGLE.fullmatch(base) else base
    past = f"{base[:-1]}ied" if re.search("[^aeiou]y$", base) else f"{stem}ed"
    return Verb(base, _add_s(base), past, f"{stem}ing", past)


def _add_s(word: str) -> str:
    if re.search("[^aeiou]y$", word):
        return f"{word[:-1]}ies"
    return f"{word}es" if re.search("(s|x|z|ch|sh)$", word) else f"{word}s"
