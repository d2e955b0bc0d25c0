"""What alignments say: transition-ids to pdfs and phones (Kaldi's hmm/hmm-utils, SplitToPhones)."""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.transition_model import TransitionModel


def check_ids(ids_T: np.ndarray, model: TransitionModel, key: str | None = None) -> None:
    """Refuse transition-ids, shape [T], that the model does not have.

    Raises:
        InputError: naming the first of them.
    """
    outside = np.flatnonzero((ids_T < 1) | (ids_T > model.num_ids))
    if len(outside):
        raise InputError(
            f"frame {outside[0]} has transition-id {ids_T[outside[0]]}", key=key, expected=f"1 to {model.num_ids}",
            do="use the model that the alignment was made with",
        )  # fmt: skip


def to_pdfs(ids_T: np.ndarray, model: TransitionModel, key: str | None = None) -> np.ndarray:
    """The pdf of every frame, shape [T], of transition-ids, shape [T]; InputError if the model lacks one."""
    check_ids(ids_T, model, key)
    return model.id_to_pdf[ids_T]


def phone_segments(ids_T: np.ndarray, model: TransitionModel, key: str | None = None) -> list[tuple[int, int, int]]:
    """The phones of an alignment: (phone, first frame, frame behind the last).

    Args:
        ids_T: transition-ids, shape [T], with self-loops behind or before the transition that leaves a state.
        model: what they were made with.
        key: the utterance, for errors.

    Raises:
        InputError: a transition-id that the model lacks.
    """
    check_ids(ids_T, model, key)
    if not len(ids_T):
        return []
    loops, phones = model.id_is_self_loop[ids_T], model.id_to_phone[ids_T]
    left = model.id_is_final[ids_T]
    if loops_come_last(loops, model.id_to_state[ids_T]):
        last_forward = np.maximum.accumulate(np.where(loops, 0, np.arange(len(ids_T))))
        left = left[last_forward] & ~np.append(loops[1:], False)
    ends = np.flatnonzero(np.append(left[:-1] | (phones[1:] != phones[:-1]), True)) + 1
    starts = [0, *ends[:-1].tolist()]
    return [(int(phones[start]), start, end) for start, end in zip(starts, ends.tolist(), strict=True)]


def cut_off(ids_T: np.ndarray, model: TransitionModel, key: str | None = None) -> str | None:
    """The first phone of an alignment that lacks its first state or its end, in words; None if all are whole.

    Args:
        ids_T: transition-ids, shape [T].
        model: what they were made with.
        key: the utterance, for errors.

    Raises:
        InputError: a transition-id that the model lacks.
    """
    for phone, start, end in phone_segments(ids_T, model, key):
        if model.id_to_hmm_state[ids_T[start]] or not model.id_is_final[ids_T[start:end]].any():
            return f"phone {phone} of frames {start} to {end - 1} is cut off"
    return None


def loops_come_last(loops_T: np.ndarray, states_T: np.ndarray) -> bool:
    """Whether the self-loops of a state stand behind the transition that leaves it, as Kaldi's graphs have them.

    Args:
        loops_T: is the transition a self-loop, [T].
        states_T: its transition-state, [T].
    """
    changes = np.flatnonzero(states_T[1:] != states_T[:-1])
    told = changes[loops_T[changes] | loops_T[changes + 1]]
    return bool(loops_T[told[0]]) if len(told) else bool(loops_T[-1] and not loops_T[0])
