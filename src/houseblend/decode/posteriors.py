"""Posteriors of transition-ids, by forward and backward sums over a lattice (Kaldi's LatticeForwardBackward)."""

import math

from houseblend.decode.lattice import CompactLattice
from houseblend.decode.sweep import Sweep, log_plus, require_path
from houseblend.hmm.posterior import Posterior


def posteriors(lattice: CompactLattice, graph_scale: float = 1.0, acoustic_scale: float = 1.0) -> Posterior:
    """For every frame the probability of each transition-id, in their order.

    Args:
        lattice: acyclic, all its paths with one number of frames.
        graph_scale: factor on graph costs.
        acoustic_scale: factor on acoustic costs.

    Raises:
        InputError: the lattice has a cycle, no path, or paths of other lengths.
    """
    sweep = Sweep(lattice, graph_scale, acoustic_scale)
    forward, backward, times = sweep.forward(log_plus), sweep.backward(log_plus), sweep.times()
    total = forward[sweep.end]
    require_path(total)
    frames: list[dict[int, float]] = [{} for _ in range(times[sweep.end])]
    for hop in sweep.hops:
        share = math.exp(total - (forward[hop.source] + hop.cost + backward[hop.target]))
        if share:
            for frame, ident in zip(frames[times[hop.source] :], hop.weight.ids, strict=False):
                frame[ident] = frame.get(ident, 0.0) + share
    return [sorted(frame.items()) for frame in frames]
