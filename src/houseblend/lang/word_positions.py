"""Phones that tell where in a word they stand: A_B begins one, A_E ends it, A_I is inside, A_S is a word of its own."""

import re
from collections.abc import Sequence
from dataclasses import replace

from houseblend.base.errors import InputError
from houseblend.lang.lexicon import Dictionary, Pronunciation

POSITIONS = {"_B": "begin", "_E": "end", "_I": "internal", "_S": "singleton"}
OUTSIDE = "nonword"
"""What a silence between words is."""
_MARKED = re.compile("_[BEIS]$")


def with_word_positions(content: Dictionary) -> Dictionary:
    """The dictionary over such phones; silence phones stand between words too, as they are.

    Phones of all positions stay in the sets of their phone, so that they share its roots; trees may ask for each position of
    all silence and of all other phones.

    Raises:
        InputError: a phone ends as if its position were told already.
    """
    silence = [_in_positions(group, ("", *POSITIONS)) for group in content.silence]
    nonsilence = [_in_positions(group, tuple(POSITIONS)) for group in content.nonsilence]
    silences, nonsilences = (
        [phone for group in part for phone in group] for part in (content.silence, content.nonsilence)
    )
    if marked := [phone for phone in silences + nonsilences if _MARKED.search(phone)]:
        raise InputError(
            f"phones {marked} end in _B, _E, _I or _S, which tell positions in words",
            do="name them otherwise, or use --position-dependent-phones=false",
        )
    forms = {phone: ("", *POSITIONS) for phone in silences} | {phone: tuple(POSITIONS) for phone in nonsilences}
    questions = [[phone + form for phone in group for form in forms[phone]] for group in content.questions]
    questions += [[phone + form for phone in nonsilences] for form in POSITIONS]
    questions += [[phone + form for phone in silences] for form in ("", *POSITIONS)]
    entries = [entry._replace(phones=_marked(entry.phones)) for entry in content.entries]
    return replace(content, entries=entries, silence=silence, nonsilence=nonsilence, questions=questions)


def word_boundaries(content: Dictionary) -> dict[str, str]:
    """What each phone of a dictionary over such phones is: nonword, begin, end, internal, singleton."""
    phones = [phone for group in content.silence + content.nonsilence for phone in group]
    return {phone: POSITIONS.get(phone[-2:], OUTSIDE) for phone in phones}


def without_position(phone: str) -> str:
    """The phone as dictionaries have it."""
    return _MARKED.sub("", phone)


def _in_positions(group: Sequence[str], forms: Sequence[str]) -> list[str]:
    return [phone + form for phone in group for form in forms]


def _marked(phones: Pronunciation) -> Pronunciation:
    if len(phones) == 1:
        return (phones[0] + "_S",)
    return (phones[0] + "_B", *(phone + "_I" for phone in phones[1:-1]), phones[-1] + "_E")
