"""Statistics for trees from aligned features (Kaldi's hmm/tree-accu)."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from houseblend.base.errors import InputError
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import PDF_CLASS_KEY
from houseblend.tree.statistics import VARIANCE_FLOOR, Event, TreeStatistics

OUTSIDE = 0
"""What stands in a window for a phone before the first or behind the last one."""
_ROWS = 1024


@dataclass(frozen=True)
class Context:
    """Which phones an event names.

    Args:
        width: phones of a window.
        central: position of the phone whose states are meant, from 0.
        independent: phones whose events name no others.
        phone_map: phone -> the phone that is meant; None leaves them as they are.
    """

    width: int = 3
    central: int = 1
    independent: Collection[int] = ()
    phone_map: Mapping[int, int] | None = None

    def mapped(self, phone: int) -> int:
        """The phone that is meant.

        Raises:
            InputError: the map lacks it.
        """
        if self.phone_map is None:
            return phone
        if phone not in self.phone_map:
            raise InputError(f"the map of phones lacks phone {phone}", do="give every phone a line: OLD NEW")
        return self.phone_map[phone]

    def windows(self, phones: list[int]) -> list[Event]:
        """The window of every phone of an utterance."""
        padded = [OUTSIDE] * self.central + phones + [OUTSIDE] * (self.width - 1 - self.central)
        events: list[Event] = []
        for place, phone in enumerate(phones):
            positions = (self.central,) if phone in self.independent else range(self.width)
            events.append(tuple((position, padded[place + position]) for position in positions))
        return events


class Accumulator:
    """Adds utterances to the moments of phones in context.

    Args:
        model: what the alignments were made with.
        context: which phones events name.
        var_floor: written into the statistics.
    """

    def __init__(self, model: TransitionModel, context: Context, var_floor: float = VARIANCE_FLOOR) -> None:
        self._model, self._context, self._var_floor = model, context, var_floor
        self._rows: dict[Event, int] = {}
        self._moments = np.zeros((0, 0))

    def add(self, feats_TD: np.ndarray, ids_T: np.ndarray, key: str | None = None) -> None:
        """Add an utterance.

        Args:
            feats_TD: features, [T, D].
            ids_T: transition-id of every frame, [T].
            key: the utterance, for errors.

        Raises:
            InputError: features of another dimension than those before, a transition-id that the model lacks, or a
                phone that the map lacks.
        """
        segments = phone_segments(ids_T, self._model, key)
        windows = self._context.windows([self._context.mapped(phone) for phone, _, _ in segments])
        classes = self._model.id_to_pdf_class[ids_T]
        firsts = np.array([first for _, first, _ in segments])
        starts = np.union1d(firsts, np.flatnonzero(np.diff(classes)) + 1)
        segment_of = np.searchsorted(firsts, starts, side="right") - 1
        rows = [
            self._row(((PDF_CLASS_KEY, pdf_class), *windows[segment]))
            for pdf_class, segment in zip(classes[starts].tolist(), segment_of.tolist(), strict=True)
        ]
        self._make_room(feats_TD.shape[1], key)
        x = feats_TD.astype(np.float32)
        frames = np.concatenate([np.ones((len(x), 1)), x, x * x], axis=1)  # squares rounded to float32, as Kaldi's are
        np.add.at(self._moments, rows, np.add.reduceat(frames, starts, axis=0))

    def merge(self, other: "Accumulator") -> None:
        """Add what another one has added; InputError if its features are of another dimension."""
        rows = [self._row(event) for event in other._rows]
        if rows:
            self._make_room(other._moments.shape[1] // 2, None)
            self._moments[rows] += other._moments[: len(rows)]

    def statistics(self) -> TreeStatistics:
        """What was added, sorted by event.

        Raises:
            InputError: nothing was, or values that are not finite.
        """
        events = sorted(self._rows)
        moments = self._moments[[self._rows[event] for event in events]]
        if not events or not np.isfinite(moments).all():
            raise InputError("the features hold no frames, or values that are not finite", do="check the features")
        return TreeStatistics(events, moments, self._var_floor)

    def _row(self, event: Event) -> int:
        return self._rows.setdefault(event, len(self._rows))

    def _make_room(self, dim: int, key: str | None) -> None:
        used, columns = self._moments.shape
        if columns not in (0, 1 + 2 * dim):
            raise InputError(f"features of dimension {dim}", key=key, expected=f"{columns // 2} as of those before")
        if used < len(self._rows):
            grown = np.zeros((max(2 * used, len(self._rows), _ROWS), 1 + 2 * dim))
            grown[:used, :columns] = self._moments
            self._moments = grown
