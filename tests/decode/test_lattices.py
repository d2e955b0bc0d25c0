"""Lattice files, best paths and scaling against Kaldi's; determinisation against all paths of a small lattice."""

from pathlib import Path

import numpy as np
import pytest
from random_lattices import all_paths, random_raw

from houseblend.base.errors import InputError
from houseblend.cli import lattice_best_path
from houseblend.decode.determinize import determinize
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.paths import best_path
from houseblend.decode.prune import prune
from houseblend.decode.raw_lattice import prune_raw
from houseblend.io.tables import read_table, write_table

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "decode"


def test_lattices_come_back_from_both_forms(tmp_path):
    lattices = dict(read_table(f"ark:{GOLDEN}/lat.txt", "lattice"))
    for form in ("ark", "ark,t"):
        with write_table(f"{form}:{tmp_path}/lat", "lattice") as write:
            for key, lattice in lattices.items():
                write(key, lattice)
        again = dict(read_table(f"ark:{tmp_path}/lat", "lattice"))
        assert {key: value.arcs for key, value in again.items()}.keys() == lattices.keys()
        for key, lattice in lattices.items():
            assert [[arc.weight.ids for arc in state] for state in again[key].arcs] == [
                [arc.weight.ids for arc in state] for state in lattice.arcs
            ]
    assert (tmp_path / "lat").read_bytes() == (GOLDEN / "lat.txt").read_bytes()


def test_best_paths_are_kaldis(run_program, tmp_path):
    best = f"ark:{tmp_path}/best.ark"
    run_program("lattice-1best", "--acoustic-scale=0.1", f"ark:{GOLDEN}/lat.txt", best, check=True)
    names = ("ali", "words", "lmcost", "accost")
    run_program("nbest-to-linear", best, *(f"ark,t:{tmp_path}/{name}" for name in names), check=True)
    for name in ("ali", "words"):
        assert (tmp_path / name).read_text() == (GOLDEN / f"best.{name}").read_text()
    for name in ("lmcost", "accost"):
        mine, its = (dict(read_table(f"ark:{path}", "float")) for path in (tmp_path / name, GOLDEN / f"best.{name}"))
        assert mine == pytest.approx(its, rel=1e-3)


@pytest.mark.parametrize("wanted", ["words", "ali"])
def test_best_paths_without_words_or_alignments(wanted, tmp_path):
    target = f"ark,t:{tmp_path}/{wanted}"
    targets = [target] if wanted == "words" else ["", target]
    assert lattice_best_path.main.main(["--acoustic-scale=0.1", f"ark:{GOLDEN}/lat.txt", *targets]) == 0
    assert (tmp_path / wanted).read_text() == (GOLDEN / f"best.{wanted}").read_text()


def test_scaling_is_kaldis(run_program, tmp_path):
    run_program(
        "lattice-scale",
        "--acoustic-scale=0.1",
        "--lm-scale=1.2",
        f"ark:{GOLDEN}/lat.txt",
        f"ark:{tmp_path}/s",
        check=True,
    )
    mine = dict(read_table(f"ark:{tmp_path}/s", "lattice"))
    for key, lattice in read_table(f"ark:{GOLDEN}/lat_scaled.txt", "lattice"):
        for state, arcs in enumerate(lattice.arcs):
            for one, other in zip(arcs, mine[key].arcs[state], strict=True):
                assert one.weight[:2] == pytest.approx(other.weight[:2], rel=1e-4, abs=1e-4)


def test_a_truncated_archive_is_refused_at_every_byte(tmp_path):
    lattices = dict(list(read_table(f"ark:{GOLDEN}/lat.txt", "lattice"))[:1])
    with write_table(f"ark:{tmp_path}/lat", "lattice") as write:
        for key, lattice in lattices.items():
            write(key, lattice)
    data = (tmp_path / "lat").read_bytes()
    for size in range(1, len(data)):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(InputError):
            list(read_table(f"ark:{tmp_path}/cut", "lattice"))


def test_a_cycle_is_refused():
    weight = Weight(1.0, 1.0, ())
    lattice = CompactLattice([[LatticeArc(1, weight, 1)], [LatticeArc(1, weight, 0)]], [None, weight], 0)
    with pytest.raises(InputError, match="cycle"):
        best_path(lattice)


@pytest.mark.parametrize("beam", [0.01, 1.0, 2.0, 100.0])
def test_pruning_keeps_the_paths_within_the_beam(beam):
    _, arcs, finals = random_raw(np.random.default_rng(), layers=3)
    lattice = CompactLattice([[LatticeArc(*arc) for arc in state] for state in arcs], finals, 0)
    best = min(graph + 0.5 * acoustic for _, _, graph, acoustic in all_paths(arcs, finals, 0))
    pruned = prune(lattice, beam, acoustic_scale=0.5)
    on_paths = {ids for _, ids, graph, acoustic in all_paths(arcs, finals, 0) if graph + 0.5 * acoustic <= best + beam}
    left = {ids for _, ids, _, _ in all_paths(pruned.arcs, pruned.finals, pruned.start)}
    assert on_paths <= left <= {ids for _, ids, _, _ in all_paths(arcs, finals, 0)}
    assert len(pruned.topological_order()) == len(pruned.arcs) <= len(arcs)
    for state, options in enumerate(pruned.arcs):
        assert options or pruned.finals[state] is not None


def test_a_lattice_without_a_path_is_not_pruned():
    with pytest.raises(InputError, match="no path"):
        prune(CompactLattice([[]], [None], 0), 1.0)


def best_by_words(raw):
    """Cost and transition-ids of the best path of every word sequence."""
    best: dict = {}
    for words, ids, graph, acoustic in raw:
        if words not in best or graph + acoustic < best[words][0]:
            best[words] = graph + acoustic, ids
    return best


@pytest.mark.parametrize("beam", [1.0, 4.0, 100.0])
def test_determinisation_keeps_one_path_a_word_sequence_the_best(beam):
    raw, arcs, raw_finals = random_raw(np.random.default_rng(), layers=4)
    best = best_by_words(all_paths(arcs, raw_finals, 0))
    limit = min(cost for cost, _ in best.values()) + beam
    lattice, complete = determinize(prune_raw(*raw, beam), 1.0)
    assert complete == pytest.approx(beam, abs=1e-3)
    found: dict = {}
    for words, ids, graph, acoustic in all_paths(lattice.arcs, lattice.finals, lattice.start):
        assert words not in found, "a word sequence has two paths"
        found[words] = graph + acoustic, ids
    inside = {words for words, (cost, _) in best.items() if cost < limit - 1e-3}
    assert inside <= found.keys()
    for words in inside:
        assert found[words][0] == pytest.approx(best[words][0], abs=1e-3)
        assert found[words][1] == best[words][1]


@pytest.mark.parametrize("most", [0, 5, 20, 60])
def test_a_determinisation_that_grows_too_large_is_complete_within_the_beam_it_names(most):
    raw, arcs, raw_finals = random_raw(np.random.default_rng(), layers=6)
    best = best_by_words(all_paths(arcs, raw_finals, 0))
    lattice, complete = determinize(prune_raw(*raw, 100.0), 1.0, most)
    found = best_by_words(all_paths(lattice.arcs, lattice.finals, lattice.start))
    least = min(cost for cost, _ in best.values())
    inside = {words: value for words, value in best.items() if value[0] <= least + max(complete - 1e-3, 0.0)}
    assert inside.keys() <= found.keys() <= best.keys()
    for words, (cost, ids) in inside.items():
        assert found[words] == (pytest.approx(cost, abs=1e-3), ids)
    for state, options in enumerate(lattice.arcs):
        assert options or lattice.finals[state] is not None


CYCLE = "u1 \n0 1 5 0.1,0.2,3\n1 0 6 0.1,0.2,3\n1\n\n"
UNEVEN = "u1 \n0 1 5 0.1,0.2,3_4\n0 1 6 0.1,0.2,3\n1\n\n"


@pytest.mark.parametrize(
    "name", ["copy", "scale", "1best", "best-path", "to-post", "to-ctm-conf", "prune", "to-nbest", "add-penalty"]
)
def test_a_lattice_with_a_cycle_is_named(name, tmp_path, run_program):
    (tmp_path / "lat").write_text("u0 \n0 1 5 0.1,0.2,3\n1\n\n" + CYCLE)
    done = run_program(f"lattice-{name}", f"ark:{tmp_path}/lat", *["ark,t:-"] * (2 if name == "best-path" else 1))
    assert done.status == 1
    assert f"{tmp_path}/lat: [u1] the lattice has a cycle" in done.stderr
    with write_table(f"ark:{tmp_path}/binary", "lattice") as write:
        write("u1", CompactLattice([[LatticeArc(1, Weight(0.0, 0.0, (1,)), 0)]], [Weight(0.0, 0.0, ())]))
    with pytest.raises(InputError, match=r"binary: \[u1\] the lattice has a cycle"):
        dict(read_table(f"ark:{tmp_path}/binary", "lattice"))


@pytest.mark.parametrize("name", ["to-post", "to-ctm-conf"])
def test_a_skipped_lattice_is_named_with_its_table(name, tmp_path, run_program):
    (tmp_path / "lat").write_text("u0 \n0 1 5 0.1,0.2,3\n1\n\n" + UNEVEN)
    done = run_program(f"lattice-{name}", f"ark:{tmp_path}/lat", "ark,t:-" if name == "to-post" else "-", check=True)
    assert f"skipped [u1] of ark:{tmp_path}/lat: paths of 2 and of 1 frames meet in the lattice" in done.stderr
