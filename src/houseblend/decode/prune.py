"""Pruning of lattices by a beam around the best path (Kaldi's lat/lattice-functions, PruneLattice)."""

from houseblend.decode.lattice import CompactLattice, LatticeArc
from houseblend.decode.sweep import Sweep, require_path


def prune(lattice: CompactLattice, beam: float, acoustic_scale: float = 1.0) -> CompactLattice:
    """The arcs and final states on paths that cost at most `beam` more than the best; their costs stay unscaled.

    Args:
        lattice: acyclic; its states come back in their order, those without a path left out.
        beam: in scaled costs.
        acoustic_scale: factor on acoustic costs while paths are compared.

    Raises:
        InputError: the lattice has a cycle, or no path at all.
    """
    sweep = Sweep(lattice, 1.0, acoustic_scale)
    forward, backward = sweep.forward(min), sweep.backward(min)
    require_path(forward[sweep.end])
    limit = forward[sweep.end] + beam
    kept = [state for state in sorted(sweep.order) if forward[state] + backward[state] <= limit]
    number = {state: index for index, state in enumerate([*kept, sweep.end])}
    pruned = CompactLattice([[] for _ in kept], [None] * len(kept), number[lattice.start])
    for hop in sweep.hops:
        if hop.target not in number or forward[hop.source] + (hop.cost + backward[hop.target]) > limit:
            continue
        if hop.target == sweep.end:
            pruned.finals[number[hop.source]] = hop.weight
        else:
            pruned.arcs[number[hop.source]].append(LatticeArc(hop.word, hop.weight, number[hop.target]))
    return pruned
