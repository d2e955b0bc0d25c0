"""Statistics, transforms or factors that belong to utterances, to their speakers, or to all."""

from collections.abc import Callable
from typing import Any

from houseblend.base.errors import InputError
from houseblend.io.tables import Table, is_specifier, read_by_key, read_object


def by_owner(source: str, kind: str, utt2spk: str = "") -> Callable[[str], Any]:
    """A function from an utterance to the object that holds for it.

    Args:
        source: a rspecifier, by utterance or (with `utt2spk`) by speaker, or the file of one object for all.
        kind: name of the kind of object (see `holders`).
        utt2spk: rspecifier of the utterances' speakers.

    Returns:
        The function; it raises InputError for an utterance without a speaker, or without an object.
    """
    if not is_specifier(source):
        fixed = read_object(source, kind)
        return lambda utterance: fixed
    table = Table(source, kind)
    speakers = read_by_key(utt2spk, "token") if utt2spk else None

    def find(utterance: str) -> Any:
        if speakers is not None and utterance not in speakers:
            raise InputError("no speaker of this utterance", file=utt2spk)
        return table[utterance if speakers is None else speakers[utterance]]

    return find
