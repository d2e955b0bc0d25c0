"""Graphs that pass through memory."""

import resource

import pytest

from houseblend.lang.fst import Graph, to_memory


def test_a_graph_that_cannot_be_written_is_an_error_of_the_system():
    graph = Graph([[]], [0.0])
    fst = graph.to_kaldifst()
    assert to_memory(fst)[:4] == graph.to_bytes()[:4]
    _, hard = limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (10, hard))
        with pytest.raises(OSError, match="File too large"):
            to_memory(fst)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
