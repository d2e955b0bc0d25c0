"""Whole words on the arcs of lattices, and words with times and confidences."""

import math
from pathlib import Path

import numpy as np
import pytest
from random_lattices import all_paths

from houseblend.base.errors import InputError
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight, read_lattice_table
from houseblend.decode.mbr import timed_words
from houseblend.decode.paths import best_path
from houseblend.decode.word_alignment import AlignmentLexicon, align_words
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
LEXICON = GOLDEN / "lang/phones/align_lexicon.int"
NOTHING = Weight(0.0, 0.0, ())


@pytest.fixture(scope="module")
def model() -> TransitionModel:
    return TransitionModel.load(GOLDEN / "gmm/mono/final.mdl")


@pytest.fixture(scope="module")
def lattices() -> dict[str, CompactLattice]:
    return dict(read_lattice_table(f"ark:{GOLDEN}/decode/lat.txt"))


def paths_of(lattice: CompactLattice) -> dict:
    """Graph and acoustic cost of every path, by its words and transition-ids."""
    paths = all_paths(lattice.arcs, lattice.finals, lattice.start)
    return {(words, ids): (round(graph, 3), round(acoustic, 3)) for words, ids, graph, acoustic in paths}


def spread(lattice: CompactLattice) -> CompactLattice:
    """The same paths with at most one transition-id on an arc, words on the last arc of those they stood on."""
    wide = CompactLattice([[] for _ in lattice.arcs], [None] * len(lattice.arcs), lattice.start)

    def chain(source: int, word: int, weight: Weight, target: int) -> None:
        for ident in weight.ids[:-1]:
            wide.arcs[source].append(LatticeArc(0, Weight(0.0, 0.0, (ident,)), len(wide.arcs)))
            wide.arcs.append([])
            wide.finals.append(None)
            source = len(wide.arcs) - 1
        wide.arcs[source].append(LatticeArc(word, weight._replace(ids=weight.ids[-1:]), target))

    for state, arcs in enumerate(lattice.arcs):
        for arc in arcs:
            chain(state, *arc)
    for state, final in enumerate(lattice.finals):
        if final is not None:
            wide.arcs.append([])
            wide.finals.append(NOTHING)
            chain(state, 0, final, len(wide.arcs) - 1)
    return wide


@pytest.mark.parametrize("prepare", [lambda lattice: lattice, spread], ids=["decoded", "one frame an arc"])
def test_aligned_lattices_have_the_same_paths_in_whole_words(prepare, lattices, model):
    lexicon = AlignmentLexicon.read(LEXICON)
    for lattice in lattices.values():
        aligned = align_words(prepare(lattice), lexicon, model)
        assert paths_of(aligned) == paths_of(lattice)
        for arc in (arc for arcs in aligned.arcs for arc in arcs):
            segments = phone_segments(np.array(arc.weight.ids, np.int64), model)
            assert lexicon.entries[(arc.word, *(phone for phone, _, _ in segments))] == arc.word
        assert all(not final.ids for final in aligned.finals if final is not None)


def test_a_lattice_of_other_words_or_phones_is_refused(lattices, model):
    lattice = next(iter(lattices.values()))
    whole = AlignmentLexicon.read(LEXICON)
    without = {entry: word for entry, word in whole.entries.items() if entry[0] != 6}
    with pytest.raises(InputError, match="word 6 is not in the lexicon"):
        align_words(lattice, AlignmentLexicon(without), model)
    one_phone = {(word, 1): word for word in whole.words if word}
    with pytest.raises(InputError, match="no path agrees"):
        align_words(lattice, AlignmentLexicon(one_phone), model)


def test_a_last_word_that_is_cut_off_has_the_phones_that_came(lattices, model):
    """Of each lattice's best path, cut inside every phone of its last word: equal words, equal transition-ids, equal costs."""
    lexicon, cuts = AlignmentLexicon.read(LEXICON), 0
    for lattice in lattices.values():
        path = best_path(lattice, 1.0, 0.1)
        assert path is not None
        whole = align_words(path.lattice(), lexicon, model)
        arcs = [whole.arcs[state][0] for state in range(len(whole.arcs)) if whole.arcs[state]]
        last = max(number for number, arc in enumerate(arcs) if arc.word)
        phones = phone_segments(np.array(arcs[last].weight.ids, np.int64), model)
        for _, begin, _ in phones[:-1]:
            kept = arcs[last].weight.ids[: begin + 1]
            for word in (arcs[last].word, 0):
                cut = fan([(1.0, [])])
                for arc in (*arcs[:last], LatticeArc(word, arcs[last].weight._replace(ids=kept), 0)):
                    cut.arcs[-1].append(arc._replace(nextstate=len(cut.arcs)))
                    cut.arcs.append([])
                    cut.finals.append(None)
                cut.finals = [None] * (len(cut.arcs) - 1) + [NOTHING]
                aligned = align_words(cut, lexicon, model)
                assert paths_of(aligned) == paths_of(cut)
                ends = [arc for arcs_of in aligned.arcs for arc in arcs_of if arc.weight.ids == kept]
                assert word in {arc.word for arc in ends}
                cuts += 1
    assert cuts > 10


@pytest.mark.parametrize("line", ["1", "one one 3", "0 5", "1 1 -3", "1 1 3\n1 2 3"])
def test_a_bad_lexicon_is_refused(line, tmp_path):
    (tmp_path / "lexicon").write_text(f"2 2 4\n{line}\n")
    with pytest.raises(InputError) as refusal:
        AlignmentLexicon.read(tmp_path / "lexicon")
    assert f"lexicon:{2 + line.count(chr(10))}" in str(refusal.value)


def fan(paths: list[tuple[float, list[tuple[int, int]]]]) -> CompactLattice:
    """A lattice of paths, each a probability and (word, frames) pairs."""
    lattice = CompactLattice([[]], [None], 0)
    for probability, words in paths:
        source = 0
        for word, frames in words:
            cost = -math.log(probability) if source == 0 else 0.0
            lattice.arcs[source].append(LatticeArc(word, Weight(cost, 0.0, (1,) * frames), len(lattice.arcs)))
            lattice.arcs.append([])
            lattice.finals.append(None)
            source = len(lattice.arcs) - 1
        lattice.finals[source] = NOTHING
    return lattice


def test_the_words_of_least_risk_are_not_always_those_of_the_best_path():
    lattice = fan([(0.4, [(1, 4), (2, 6)]), (0.3, [(1, 4), (3, 6)]), (0.3, [(4, 4), (3, 6)])])
    best = timed_words(lattice, decode=False)
    assert [(w.word, round(w.confidence, 6)) for w in best] == [(1, 0.7), (2, 0.4)]
    least = timed_words(lattice)
    assert [(w.word, round(w.confidence, 6)) for w in least] == [(1, 0.7), (3, 0.6)]
    assert [(w.begin, w.end) for w in least] == [pytest.approx(times) for times in ((0, 4), (4, 10))]


def test_a_word_that_most_paths_lack_is_left_out():
    with_one, without = [(1, 3), (5, 2), (2, 5)], [(1, 5), (2, 5)]
    lattice = fan([(0.6, without), (0.4, with_one)])
    words = timed_words(lattice)
    assert [(w.word, round(w.confidence, 6)) for w in words] == [(1, 1.0), (2, 1.0)]
    assert words[0].end == pytest.approx(0.6 * 5 + 0.4 * 3)
    assert [w.word for w in timed_words(fan([(0.4, without), (0.6, with_one)]))] == [1, 5, 2]


def test_scales_decide_between_words():
    weights = [(1, Weight(1.0, 20.0, (1,))), (2, Weight(2.0, 10.0, (1,)))]
    lattice = CompactLattice([[LatticeArc(word, weight, 1) for word, weight in weights], []], [None, NOTHING], 0)
    assert timed_words(lattice, 1.0, 0.05)[0].word == 1
    assert timed_words(lattice, 1.0, 0.5)[0].word == 2
    assert timed_words(lattice, 1.0, 0.1)[0].confidence == pytest.approx(0.5)


def test_silence_alone_has_no_words():
    assert timed_words(fan([(1.0, [(0, 7)])])) == []


def test_words_of_a_lattice_that_hesitates_are_kaldis(run_program, tmp_path):
    scales = "--lm-scale=-0.5", "--acoustic-scale=0"
    run_program("lattice-to-ctm-conf", *scales, f"ark:{GOLDEN}/decode/aligned.ark", tmp_path / "ctm", check=True)
    assert (tmp_path / "ctm").read_text() == (GOLDEN / "decode/ctm_aligned").read_text()
