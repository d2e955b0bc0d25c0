"""Random lattices, and all paths of one."""

from itertools import product

import numpy as np

from houseblend.decode.lattice import Weight
from houseblend.decode.raw_lattice import Arcs


def random_raw(chance: np.random.Generator, layers: int):
    """A random lattice: `layers` layers of three states, arcs with and without words; as the search's arrays, and lists."""
    arcs: list[list] = [[] for _ in range(3 * layers + 1)]
    finals: list[Weight | None] = [None for _ in arcs]
    previous = range(1)
    for layer in range(layers):
        current = range(1 + 3 * layer, 4 + 3 * layer)
        for source, target in product(previous, current):
            graph, acoustic = chance.uniform(0, 2, 2).astype(np.float32).tolist()
            label, word = int(chance.integers(1, 9)), int(chance.integers(0, 3))
            arcs[source].append((word, Weight(graph, acoustic, (label,)), target))
        previous = current
    for state in previous:
        finals[state] = Weight(float(np.float32(chance.uniform(0, 1))), 0.0, ())
    begin = np.append(0, np.cumsum([len(state) for state in arcs]))
    rows = [
        (weight.ids[0], word, weight.graph, weight.acoustic, target) for state in arcs for word, weight, target in state
    ]
    raw_finals = np.array([final[:2] if final else (np.inf, np.inf) for final in finals])
    return (Arcs(begin, *map(np.array, zip(*rows, strict=True))), raw_finals), arcs, finals


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
