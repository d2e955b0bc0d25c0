"""Weight pushing that makes every state's outgoing probabilities sum to the same (Kaldi's fstext/push-special)."""

import numpy as np

from houseblend.lang.fst import NO_FINAL, Graph

MAX_ITERATIONS = 200


def push_special(graph: Graph, delta: float = 1.0 / 1024) -> None:
    """Reweight in place: the potentials are the top eigenvector of the matrix of arc probabilities, by power iteration.

    Args:
        graph: with costs as weights; a final state counts as an arc to the start.
        delta: how far the states' sums may differ (log).
    """
    size = len(graph.arcs)
    rows = [(s, arc.nextstate, arc.weight) for s, arcs in enumerate(graph.arcs) for arc in arcs]
    rows += [(s, graph.start, cost) for s, cost in enumerate(graph.finals) if cost != NO_FINAL]
    source, target = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    probability = np.exp(-np.array([row[2] for row in rows]))
    potential = np.full(size, 1.0 / np.sqrt(size))
    for iteration in range(MAX_ITERATIONS):
        summed = np.bincount(source, weights=probability * potential[target], minlength=size)
        new = 0.1 * potential + summed
        potential = new / np.sqrt((new**2).sum())
        if iteration % 5 == 0 and iteration > 0:
            sums = np.bincount(source, weights=probability * potential[target], minlength=size) / potential
            if np.log(sums.max() / sums.min()) <= delta:
                break
    cost = -np.log(potential)
    for state, arcs in enumerate(graph.arcs):
        arcs[:] = [arc._replace(weight=arc.weight + float(cost[arc.nextstate] - cost[state])) for arc in arcs]
        if graph.finals[state] != NO_FINAL:
            graph.finals[state] += float(cost[graph.start] - cost[state])
