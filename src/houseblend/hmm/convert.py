"""Alignments of one model as those of another: other trees, phones, topologies, frame rates (Kaldi's ConvertAlignment)."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.alignment import cut_off, loops_come_last, phone_segments
from houseblend.hmm.topology import HmmState
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency

Window = tuple[int, ...]


@dataclass(frozen=True)
class Conversion:
    """What alignments become.

    Args:
        phone_map: phone -> the phone it becomes; None: itself.
        subsampling: one frame of so many is left.
        repeat: each frame that is left stands so many times, so that the length stays.
        reorder: self-loops stand behind the transition that leaves their state.
    """

    phone_map: Mapping[int, int] | None = None
    subsampling: int = 1
    repeat: bool = False
    reorder: bool = True


class Converter:
    """Converts alignments.

    Where a phone's length or HMM changes, its frames are shared out at random among the states of the new one, the same in
    every run.

    Args:
        old: what the alignments were made with.
        new: the model they are for.
        tree: its tree.
        conversion: what changes besides.
    """

    def __init__(
        self, old: TransitionModel, new: TransitionModel, tree: ContextDependency, conversion: Conversion
    ) -> None:
        self._old, self._new, self._tree, self._conversion = old, new, tree, conversion
        self._firsts: dict[Window, np.ndarray] = {}
        self._same_lengths = conversion.subsampling == 1 and not conversion.phone_map and old.topology == new.topology

    def convert(self, ids_T: np.ndarray, key: str) -> np.ndarray:
        """The alignment for the new model.

        Args:
            ids_T: transition-ids of the old one, [T].
            key: the utterance.

        Returns:
            Transition-ids, [T], or [(T + subsampling - 1) // subsampling].

        Raises:
            InputError: it breaks off inside a phone, is too short for the new HMMs, or has a phone that the map lacks.
        """
        if not len(ids_T):
            return np.zeros(0, dtype=np.int32)
        factor = self._conversion.subsampling
        segments = phone_segments(ids_T, self._old, key)
        if wrong := cut_off(ids_T, self._old, key):
            raise InputError(wrong, key=key, do="align it again")
        if not self._conversion.repeat or factor == 1:
            return self._shifted(ids_T, segments, factor - 1, key)
        parts = [self._shifted(ids_T, segments, shift, key) for shift in range(factor - 1, -1, -1)]
        frames = range(max(map(len, parts)))
        return np.array([part[frame] for frame in frames for part in parts if frame < len(part)], dtype=np.int32)

    def _shifted(self, ids_T: np.ndarray, segments: list[tuple[int, int, int]], shift: int, key: str) -> np.ndarray:
        """One alignment of the new frame rate, its frames so many old ones late."""
        phones = [self._mapped(phone, key) for phone, _, _ in segments]
        lengths = [end - start for _, start, end in segments]
        if not self._same_lengths:
            shortest = [self._new.topology.min_length(phone) for phone in phones]
            lengths = new_lengths(lengths, shortest, self._conversion.subsampling, shift, key)
        before = self._tree.central_position
        padded = [0] * before + phones + [0] * (self._tree.context_width - 1 - before)
        last, noise = (
            loops_come_last(self._old.id_is_self_loop[ids_T], self._old.id_to_state[ids_T]),
            random.Random(key),
        )
        pieces = [np.zeros(0, dtype=np.int32)]
        for place, ((old_phone, start, end), length) in enumerate(zip(segments, lengths, strict=True)):
            window = tuple(padded[place : place + self._tree.context_width])
            states = self._new.topology.states_of(phones[place])
            firsts = self._firsts_of(window, phones[place], states)
            if length == end - start and self._old.topology.states_of(old_phone) == states:
                old_ids = ids_T[start:end]
                index = old_ids - self._old.first_id[self._old.id_to_state[old_ids]]
                piece, behind = firsts[self._old.id_to_hmm_state[old_ids]] + index, last
            else:
                piece = np.array([firsts[state] + index for state, index in _random_path(states, length, noise)])
                behind = False
            if behind != self._conversion.reorder:
                piece = _reordered(piece, self._new.id_is_self_loop[piece], self._conversion.reorder)
            pieces.append(piece.astype(np.int32))
        return np.concatenate(pieces)

    def _mapped(self, phone: int, key: str) -> int:
        new = phone if self._conversion.phone_map is None else self._conversion.phone_map.get(phone)
        if new is None or new not in self._new.topology.entry_of:
            found = "lacks it" if new is None else f"makes it {new}, which the new model lacks"
            raise InputError(f"phone {phone}: the map of phones {found}", key=key, do="see --phone-map")
        return new

    def _firsts_of(self, window: Window, phone: int, states: Sequence[HmmState]) -> np.ndarray:
        """The first transition-id of every HMM state of the central phone, [S]; 0 where it has no pdf."""
        if window not in self._firsts:
            firsts = np.zeros(len(states), dtype=np.int64)
            for number, state in enumerate(states):
                if state.pdf_class >= 0:
                    pdf = self._tree.compute(window, state.pdf_class)
                    if pdf is None:
                        do = "use tree and model of one directory"
                        raise InputError(f"the new tree has no leaf for phones {window}", do=do)
                    firsts[number] = self._new.first_id[self._new.state_of(phone, number, pdf)]
            self._firsts[window] = firsts
        return self._firsts[window]


def new_lengths(lengths: list[int], shortest: list[float], subsampling: int, shift: int, key: str) -> list[int]:
    """Lengths of phones at another frame rate: each at least the shortest, frames borrowed from the nearest that can spare.

    Args:
        lengths: old frames of every phone.
        shortest: new frames that each needs.
        subsampling: one frame of so many is left.
        shift: old frames by which the new ones are late.
        key: the utterance.

    Raises:
        InputError: there are too few frames.
    """
    ends = np.cumsum([0, *lengths])
    new = np.diff((ends + shift) // subsampling).tolist()
    if sum(new) < sum(shortest):
        raise InputError(f"{sum(new)} frames for phones that need {sum(shortest):g}", key=key, do="leave it out")
    while lacking := [place for place, length in enumerate(new) if length < shortest[place]]:
        for place in lacking:
            lenders = [_nearest_lender(new, shortest, range(place - 1, -1, -1))]
            lenders.append(_nearest_lender(new, shortest, range(place + 1, len(new))))
            _, lender = min(one for one in lenders if one is not None)
            new[lender] -= 1
            new[place] += 1
    return new


def _nearest_lender(lengths: list[int], shortest: list[float], places: range) -> tuple[int, int] | None:
    """The frames between, and the place of, the first phone with a frame to spare."""
    between = 0
    for place in places:
        if lengths[place] > shortest[place]:
            return between, place
        between += lengths[place]
    return None


def _random_path(states: Sequence[HmmState], length: int, noise: random.Random) -> list[tuple[int, int]]:
    """State and number of the transition of every frame, on a random way through an HMM of so many frames."""
    end = len(states) - 1
    arrivals = [[_arrivals(states, target) for target, _ in state.transitions] for state in states]
    in_time = [{end}]
    for _ in range(length):
        ways = range(end)
        in_time.append({s for s in ways if states[s].pdf_class >= 0 and any(a & in_time[-1] for a in arrivals[s])})
    starts = _arrivals(states, 0) & in_time[length]
    if not starts:
        raise InputError(f"no way of {length} frames through an HMM of {end} states", do="see topo of the new model")
    here = noise.choice(sorted(starts))
    path = []
    for left in range(length - 1, -1, -1):
        choices = [
            (index, to) for index, reached in enumerate(arrivals[here]) for to in sorted(reached & in_time[left])
        ]
        index, there = noise.choice(choices)
        path.append((here, index))
        here = there
    return path


def _arrivals(states: Sequence[HmmState], target: int) -> set[int]:
    """The states with pdfs, and the end, that a state is or leads to without a frame."""
    if target == len(states) - 1 or states[target].pdf_class >= 0:
        return {target}
    return set().union(*(_arrivals(states, further) for further, _ in states[target].transitions))


def _reordered(ids: np.ndarray, loops: np.ndarray, behind: bool) -> np.ndarray:
    """A phone's transition-ids, [T], with self-loops behind the transition that leaves their state, or before it."""
    result: list[int] = []
    waiting: list[int] = []
    for number, loop in zip(ids.tolist(), loops.tolist(), strict=True):
        if behind and loop:
            waiting.append(number)
        elif behind:
            result += [number, *waiting]
            waiting = []
        elif loop:
            result.append(number)
        else:
            result += waiting
            waiting = [number]
    return np.array([*result, *waiting])
