"""Lattices that are not determinised: files, other acoustic costs, determinisation later on; decoding in two passes."""

from pathlib import Path

import numpy as np
import pytest
from random_lattices import all_paths, random_raw

from houseblend.base.errors import InputError
from houseblend.cli import gmm_latgen_faster, gmm_rescore_lattice, lattice_depth_per_frame, lattice_determinize_pruned
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight, read_lattice_table
from houseblend.decode.raw_lattice import prune_raw
from houseblend.decode.state_lattice import depth_by_frame, determinize_pruned, from_raw, rescore_acoustics, to_raw

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
MODEL, FEATS = str(GOLDEN / "gmm/mono/final.mdl"), f"ark:{GOLDEN}/gmm/feats.ark"


def paths_of(lattice):
    """Words and transition-ids of every path, and its costs, sorted."""
    found = sorted(all_paths(lattice.arcs, lattice.finals, lattice.start))
    return [path[:2] for path in found], np.array([path[2:] for path in found])


def assert_same_paths(one, other):
    (paths, costs), (wanted, wanted_costs) = paths_of(one), paths_of(other)
    assert paths == wanted
    np.testing.assert_allclose(costs, wanted_costs, atol=1e-4)


def test_a_raw_lattice_is_written_with_all_its_paths_and_read_back():
    (arcs, finals), listed, listed_finals = random_raw(np.random.default_rng(), layers=4)
    raw = prune_raw(arcs, finals, 1000.0)
    lattice = from_raw(raw, 0.5)
    assert_same_paths(
        lattice,
        CompactLattice([[LatticeArc(*arc) for arc in state] for state in listed], listed_finals).scaled(1.0, 2.0),
    )
    assert_same_paths(from_raw(to_raw(lattice, 0.5, 1000.0), 0.5), lattice)


@pytest.mark.parametrize("beam", [1.0, 4.0])
def test_determinisation_can_come_later_and_twice(beam):
    (arcs, finals), _, _ = random_raw(np.random.default_rng(), layers=4)
    raw = prune_raw(arcs, finals, 1000.0)
    once, complete = determinize_pruned(from_raw(raw, 0.5), 0.5, beam)
    assert complete == pytest.approx(beam, abs=1e-3)
    assert_same_paths(once, determinize(prune_raw(arcs, finals, beam), 0.5)[0])
    assert_same_paths(determinize_pruned(once, 0.5, beam)[0], once)


def test_lattices_without_paths_or_arcs():
    with pytest.raises(InputError, match="no path"):
        to_raw(CompactLattice([[]], [None]), 1.0, 5.0)
    end = Weight(1.0, 2.0, (3, 4))
    assert_same_paths(determinize_pruned(CompactLattice([[]], [end]), 1.0, 5.0)[0], CompactLattice([[]], [end]))
    bare = CompactLattice([[]], [Weight(1.0, 2.0, ())])
    assert_same_paths(determinize_pruned(bare, 1.0, 5.0)[0], bare)


def test_acoustic_costs_are_those_of_the_scores():
    chance = np.random.default_rng()
    (arcs, finals), _, _ = random_raw(chance, layers=4)
    scores, id_to_pdf = chance.normal(size=(4, 3)), np.append(-1, chance.integers(3, size=8))
    for lattice in (
        from_raw(prune_raw(arcs, finals, 1000.0), 1.0),
        determinize(prune_raw(arcs, finals, 1000.0), 1.0)[0],
    ):
        before = all_paths(lattice.arcs, lattice.finals, lattice.start)
        wanted = sorted(
            (words, ids, graph, 0.5 * acoustic - scores[np.arange(4), id_to_pdf[list(ids)]].sum())
            for words, ids, graph, acoustic in before
        )
        found = paths_of(rescore_acoustics(lattice, scores, id_to_pdf, 0.5))
        assert found[0] == [path[:2] for path in wanted]
        np.testing.assert_allclose(found[1], np.array([path[2:] for path in wanted]), atol=1e-6)


@pytest.mark.parametrize(
    ("frames", "ids", "words"),
    [(3, 8, "of 4 frames; expected 3"), (5, 8, "of 4 frames; expected 5"), (4, 2, "expected 1 to 2, as the model has")],
)
def test_scores_of_something_else_are_refused(frames, ids, words):
    (arcs, finals), _, _ = random_raw(np.random.default_rng(), layers=4)
    arcs = arcs._replace(label=np.where(np.arange(len(arcs.label)) % 2, arcs.label, 8))
    with pytest.raises(InputError, match=words):
        rescore_acoustics(
            from_raw(prune_raw(arcs, finals, 1000.0), 1.0), np.zeros((frames, 3)), np.zeros(ids + 1, np.int64)
        )
    uneven = [[LatticeArc(1, Weight(0, 0, (1,)), 1), LatticeArc(2, Weight(0, 0, (1, 1)), 1)], []]
    with pytest.raises(InputError, match="meet in the lattice"):
        rescore_acoustics(CompactLattice(uneven, [None, Weight(0, 0, ())]), np.zeros((2, 1)), np.zeros(2, np.int64))


def test_dead_ends_and_lattices_without_a_path_are_told():
    scores, pdfs, one = np.zeros((1, 1)), np.zeros(2, np.int64), Weight(0, 0, (1,))
    with pytest.raises(InputError, match="without a path; expected 1 frames"):
        rescore_acoustics(CompactLattice([[LatticeArc(1, one, 1)], []], [None, None]), scores, pdfs)
    dead_end = [[LatticeArc(1, one, 1)], [LatticeArc(1, one, 2)], []]
    with pytest.raises(InputError, match="ends behind frame 1"):
        rescore_acoustics(CompactLattice(dead_end, [None, Weight(0, 0, ()), None]), scores, pdfs)


def test_depth_is_how_many_arcs_cross_a_frame(tmp_path):
    (arcs, finals), _, _ = random_raw(np.random.default_rng(), layers=4)
    assert depth_by_frame(from_raw(prune_raw(arcs, finals, 1000.0), 1.0)).tolist() == [3, 9, 9, 9]
    assert depth_by_frame(CompactLattice([], [], -1)).tolist() == []
    text = "u1 \n0 1 5 0.1,0.2,3_4\n0 2 6 0.1,0.2,3\n2 1 7 0.1,0.2,4\n1 1,1,8_9\n\n"
    (tmp_path / "lat").write_text(text)
    words = [f"ark:{tmp_path}/lat", f"ark,t:{tmp_path}/depth", f"ark,t:{tmp_path}/copy"]
    assert lattice_depth_per_frame.main.main(words) == 0
    assert (tmp_path / "depth").read_text().split() == ["u1", "2", "2", "1", "1"]
    assert lattice_depth_per_frame.main.main(words[:2]) == 0
    assert len(list(read_lattice_table(f"ark:{tmp_path}/copy"))) == 1


def test_decoding_in_two_passes_with_the_same_features_is_decoding_once(tmp_path):
    def lattices(program, *words: str) -> dict:
        words = [*words, f"ark:{tmp_path}/{program.__name__}"]
        assert program.main.main(words) == 0
        return dict(read_lattice_table(words[-1]))

    search = ("--acoustic-scale=0.1", "--beam=13", "--lattice-beam=8")
    graph = str(GOLDEN / "hmm/mono/HCLG.fst")
    wanted = lattices(gmm_latgen_faster, *search, MODEL, graph, FEATS)
    raw = lattices(gmm_latgen_faster, *search, "--determinize-lattice=false", MODEL, graph, FEATS)
    assert all(len(arc.weight.ids) <= 1 for lattice in raw.values() for state in lattice.arcs for arc in state)
    rescored = lattices(gmm_rescore_lattice, MODEL, f"ark:{tmp_path}/{gmm_latgen_faster.__name__}", FEATS)
    assert list(rescored) == list(raw) == list(wanted)
    source = f"ark:{tmp_path}/{gmm_rescore_lattice.__name__}"
    found = lattices(lattice_determinize_pruned, "--acoustic-scale=0.1", "--beam=8", source)
    for key, lattice in wanted.items():
        best, its = (
            min(all_paths(one.arcs, one.finals, one.start), key=lambda p: p[2] + 0.1 * p[3])
            for one in (found[key], lattice)
        )
        assert best[:2] == its[:2]
        assert best[2:] == pytest.approx(its[2:], abs=0.05)
