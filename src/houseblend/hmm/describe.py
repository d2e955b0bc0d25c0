"""Transition models and alignments as text for people (Kaldi's show-transitions and show-alignments)."""

import math
from collections.abc import Mapping

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel


def sizes_text(model: TransitionModel) -> str:
    """Numbers of phones, pdfs and transitions, one a line."""
    sizes = {
        "phones": len(model.phones), "pdfs": model.num_pdfs, "transition-ids": model.num_ids,
        "transition-states": len(model.states),
    }  # fmt: skip
    return "".join(f"number of {name} {size}\n" for name, size in sizes.items())


def transitions_text(model: TransitionModel, names: Mapping[int, str]) -> str:
    """Every transition-state and its transitions.

    Args:
        model: the transition model.
        names: phone -> its name.

    Raises:
        InputError: a phone without a name.
    """
    lines = []
    for number, (phone, hmm_state, pdf) in enumerate(model.states, start=1):
        lines.append(f"Transition-state {number}: phone = {_name(phone, names)} hmm-state = {hmm_state} pdf = {pdf}\n")
        first = int(model.first_id[number])
        for ident, (target, _) in enumerate(model.topology.states_of(phone)[hmm_state].transitions, start=first):
            where = "[self-loop]" if target == hmm_state else f"[{hmm_state} -> {target}]"
            lines.append(f" Transition-id = {ident} p = {np.float32(math.exp(model.log_probs[ident])):g} {where}\n")
    return "".join(lines)


def alignment_text(key: str, ids_T: np.ndarray, model: TransitionModel, names: Mapping[int, str]) -> str:
    """An alignment's transition-ids by phone, and the phones' names below them.

    Args:
        key: the utterance.
        ids_T: transition-ids, shape [T].
        model: what they were made with.
        names: phone -> its name.

    Raises:
        InputError: a transition-id that the model lacks, or a phone without a name.
    """
    above, below = f"{key}  ", f"{key}  "
    for phone, start, end in phone_segments(ids_T, model, key):
        numbers, name = f"[ {' '.join(map(str, ids_T[start:end]))} ] ", f"{_name(phone, names)} "
        width = max(len(numbers), len(name))
        above += numbers.ljust(width)
        below += name.ljust(width)
    return f"{above}\n{below}\n\n"


def _name(phone: int, names: Mapping[int, str]) -> str:
    if phone not in names:
        raise InputError(f"phone {phone} has no name", do="use phones.txt of the model's directory")
    return names[phone]
