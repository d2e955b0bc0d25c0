"""The golden files of trees, models and graphs, and what tests ask of graphs."""

from pathlib import Path

import pytest

from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency

LANG = Path(__file__).resolve().parents[1] / "golden" / "lang"
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "hmm"
DISAMBIGUATION = [int(word) for word in (LANG / "phones" / "disambig.int").read_text().split()]
both_models = pytest.mark.parametrize("name", ["mono", "tri1"])


def load(name):
    """Tree and transition model."""
    return ContextDependency.load(GOLDEN / name / "tree"), TransitionModel.load(GOLDEN / name / "transitions.mdl")


def assert_same_graph(graph, expected, tolerance=1e-5):
    """Same states, labels, order of arcs and next states; weights within the tolerance."""
    assert graph.start == expected.start
    assert [[arc[:2] + arc[3:] for arc in arcs] for arcs in graph.arcs] == [
        [arc[:2] + arc[3:] for arc in arcs] for arcs in expected.arcs
    ]
    weights = [[arc.weight for arcs in one.arcs for arc in arcs] for one in (graph, expected)]
    assert weights[0] == pytest.approx(weights[1], abs=tolerance)
    assert graph.finals == pytest.approx(expected.finals, abs=tolerance)
