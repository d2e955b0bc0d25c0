"""Random lattices, and all paths of one."""

from itertools import product

import numpy as np

from houseblend.decode.lattice import Weight


def random_raw(chance: np.random.Generator, layers: int):
    """A random lattice: `layers` layers of three states, arcs with and without words; as our lists, and kaldifst's."""
    import kaldifst

    raw = kaldifst.Lattice()
    arcs: list[list] = [[] for _ in range(3 * layers + 1)]
    finals: list[Weight | None] = [None for _ in arcs]
    for _ in arcs:
        raw.add_state()
    raw.start = 0
    previous = range(1)
    for layer in range(layers):
        current = range(1 + 3 * layer, 4 + 3 * layer)
        for source, target in product(previous, current):
            graph, acoustic = chance.uniform(0, 2, 2).astype(np.float32).tolist()
            label, word = int(chance.integers(1, 9)), int(chance.integers(0, 3))
            raw.add_arc(source, kaldifst.LatticeArc(label, word, kaldifst.LatticeWeight(graph, acoustic), target))
            arcs[source].append((word, Weight(graph, acoustic, (label,)), target))
        previous = current
    for state in previous:
        graph = float(np.float32(chance.uniform(0, 1)))
        raw.set_final(state, kaldifst.LatticeWeight(graph, 0.0))
        finals[state] = Weight(graph, 0.0, ())
    return raw, arcs, finals


def all_paths(arcs, finals, start):
    """Every path: words, ids, graph and acoustic cost."""
    stack = [(start, (), (), 0.0, 0.0)]
    while stack:
        state, words, ids, graph, acoustic = stack.pop()
        if finals[state] is not None:
            final = finals[state]
            yield words, ids + final.ids, graph + final.graph, acoustic + final.acoustic
        for word, weight, target in arcs[state]:
            after = (*words, word) if word else words
            stack.append((target, after, ids + weight.ids, graph + weight.graph, acoustic + weight.acoustic))
