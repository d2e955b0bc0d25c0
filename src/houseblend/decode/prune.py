"""Pruning of lattices by a beam around the best path (Kaldi's lat/lattice-functions, PruneLattice)."""

from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, Weight


def prune(lattice: CompactLattice, beam: float, acoustic_scale: float = 1.0) -> CompactLattice:
    """The arcs and final states on paths that cost at most `beam` more than the best; their costs stay unscaled.

    Args:
        lattice: acyclic; its states come back in their order, those without a path left out.
        beam: in scaled costs.
        acoustic_scale: factor on acoustic costs while paths are compared.

    Raises:
        InputError: the lattice has a cycle, or no path at all.
    """

    def cost(weight: Weight | None) -> float:
        return float("inf") if weight is None else weight.graph + acoustic_scale * weight.acoustic

    order = lattice.topological_order()
    forward, backward = dict.fromkeys(order, float("inf")), {}
    forward[lattice.start] = 0.0
    for state in order:
        for arc in lattice.arcs[state]:
            forward[arc.nextstate] = min(forward[arc.nextstate], forward[state] + cost(arc.weight))
    for state in reversed(order):
        ways = [cost(arc.weight) + backward[arc.nextstate] for arc in lattice.arcs[state]]
        backward[state] = min([cost(lattice.finals[state]), *ways])
    if not order or backward[lattice.start] == float("inf"):
        raise InputError("the lattice has no path")
    limit = backward[lattice.start] + beam
    kept = [state for state in sorted(order) if forward[state] + backward[state] <= limit]
    number = {state: index for index, state in enumerate(kept)}
    arcs = [
        [
            arc._replace(nextstate=number[arc.nextstate])
            for arc in lattice.arcs[state]
            if arc.nextstate in number and forward[state] + (cost(arc.weight) + backward[arc.nextstate]) <= limit
        ]
        for state in kept
    ]
    finals = [final if forward[s] + cost(final) <= limit else None for s in kept for final in [lattice.finals[s]]]
    return CompactLattice(arcs, finals, number[lattice.start])
