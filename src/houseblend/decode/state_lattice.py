"""State-level lattices, not determinised: as files, with other acoustic costs, their depth, and determinised later on.

As a file such a lattice is a compact lattice with one transition-id at most on every arc.
"""

import numpy as np

from houseblend.base.errors import InputError
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.raw_lattice import Arcs, RawLattice, prune_raw
from houseblend.decode.sweep import Sweep


def from_raw(raw: RawLattice, acoustic_scale: float) -> CompactLattice:
    """The search's raw lattice as it is; acoustic costs are divided by their scale."""
    lattice = CompactLattice([[] for _ in raw.final], [], 0)
    source = np.repeat(np.arange(len(raw.final)), np.diff(raw.arcs.begin)).tolist()
    columns = (column.tolist() for column in raw.arcs[1:])
    for state, label, word, graph, acoustic, nextstate in zip(source, *columns, strict=True):
        weight = Weight(graph, acoustic / acoustic_scale, (label,) if label else ())
        lattice.arcs[state].append(LatticeArc(word, weight, nextstate))
    for graph, acoustic in raw.final.tolist():
        lattice.finals.append(Weight(graph, acoustic / acoustic_scale, ()) if np.isfinite(graph) else None)
    return lattice


def to_raw(lattice: CompactLattice, acoustic_scale: float, beam: float) -> RawLattice:
    """Any lattice as the search would have found it: a transition-id an arc, acoustic costs scaled, pruned.

    Raises:
        InputError: the lattice has a cycle, or no path.
    """
    lattice = lattice.in_order()
    finals = [(np.inf, np.inf) for _ in lattice.arcs]
    rows: list[tuple] = []

    def add(source: int, word: int, weight: Weight, target: int) -> None:
        """A chain of arcs through new states; word and costs go onto the first."""
        ids, graph, acoustic = weight.ids or (0,), weight.graph, weight.acoustic * acoustic_scale
        for position, label in enumerate(ids, start=1):
            there = target if position == len(ids) else len(finals)
            if position < len(ids):
                finals.append((np.inf, np.inf))
            rows.append((source, label, word, graph, acoustic, there))
            source, word, graph, acoustic = there, 0, 0.0, 0.0

    for state, arcs in enumerate(lattice.arcs):
        for arc in arcs:
            add(state, arc.word, arc.weight, arc.nextstate)
        final = lattice.finals[state]
        if final is not None and final.ids:
            finals.append((0.0, 0.0))
            add(state, 0, final, len(finals) - 1)
        elif final is not None:
            finals[state] = (final.graph, final.acoustic * acoustic_scale)
    if not np.isfinite(finals).any():
        raise InputError("the lattice has no path")
    rows.sort(key=lambda row: row[0])
    source, label, word, graph, acoustic, nextstate = map(np.array, zip(*rows, strict=True)) if rows else _NO_ARCS
    begin = np.searchsorted(source, np.arange(len(finals) + 1))
    return prune_raw(Arcs(begin, label, word, graph, acoustic, nextstate), np.array(finals), beam)


_NO_ARCS = (*(np.zeros(0, np.int64) for _ in range(3)), np.zeros(0), np.zeros(0), np.zeros(0, np.int64))


def determinize_pruned(lattice: CompactLattice, acoustic_scale: float, beam: float) -> tuple[CompactLattice, float]:
    """One path a word sequence, its best, of those within a beam of the best path; and the beam that it is complete within.

    Args:
        lattice: of any kind.
        acoustic_scale: factor on acoustic costs while paths are compared.
        beam: around the best path, in scaled costs.

    Raises:
        InputError: the lattice has a cycle, or no path.
    """
    return determinize(to_raw(lattice, acoustic_scale, beam), acoustic_scale)


def rescore_acoustics(
    lattice: CompactLattice, loglikes_TP: np.ndarray, id_to_pdf: np.ndarray, old_scale: float = 0.0
) -> CompactLattice:
    """The lattice with acoustic costs of other scores.

    Args:
        lattice: of T frames.
        loglikes_TP: log-likelihoods by pdf, [T, num_pdfs].
        id_to_pdf: pdf of every transition-id, [num_ids + 1].
        old_scale: factor on the old acoustic costs, which are added.

    Raises:
        InputError: a cycle, another number of frames, or transition-ids that the model lacks.
    """
    lattice = lattice.in_order()
    times, length = Sweep(lattice).times(), len(loglikes_TP)
    if times[-1] != length:
        found = f"a lattice of {times[-1]} frames" if times[-1] >= 0 else "a lattice without a path"
        raise InputError(found, expected=f"{length} frames, as the features have")

    def rescored(weight: Weight, frame: int) -> Weight:
        ids = np.array(weight.ids, dtype=np.int64)
        if len(ids) and not 1 <= ids.min() <= ids.max() < len(id_to_pdf):
            raise InputError(f"transition-id {ids.max()}", expected=f"1 to {len(id_to_pdf) - 1}, as the model has")
        if frame + len(ids) > length:
            raise InputError(f"an arc of the lattice that ends behind frame {length}", do="determinise or prune it")
        scores = loglikes_TP[np.arange(frame, frame + len(ids)), id_to_pdf[ids]]
        return weight._replace(acoustic=old_scale * weight.acoustic - float(scores.sum(dtype=np.float64)))

    result = CompactLattice([], [], lattice.start)
    for frame, arcs, final in zip(times, lattice.arcs, lattice.finals, strict=False):
        result.arcs.append([arc._replace(weight=rescored(arc.weight, frame)) for arc in arcs])
        result.finals.append(None if final is None else rescored(final, frame))
    return result


def depth_by_frame(lattice: CompactLattice) -> np.ndarray:
    """How many arcs cross every frame, shape [T].

    Raises:
        InputError: a cycle, or paths of different lengths to one state.
    """
    lattice = lattice.in_order()
    times = Sweep(lattice).times()
    depths = np.zeros(max(0, *times), dtype=np.int64)
    for frame, arcs, final in zip(times, lattice.arcs, lattice.finals, strict=False):
        for weight in (*(arc.weight for arc in arcs), *([final] if final else [])):
            depths[frame : frame + len(weight.ids)] += 1
    return depths
