"""Counts of pronunciations and silence: against the lattice aligner, all divisions, and counting in the plainest way."""

import gzip
import itertools
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.cli.dict_dir_add_pronprobs import main as add_pronprobs
from houseblend.decode.lattice import CompactLattice, LatticeArc, Weight
from houseblend.decode.pronunciations import count_pronunciations, divided
from houseblend.decode.word_alignment import AlignmentLexicon, align_words
from houseblend.hmm.alignment import phone_segments
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.tables import read_table
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.options import LexiconOptions
from houseblend.lang.pron_counts import Around, read_pron_counts, read_silence_counts, write_counts

GOLDEN = Path(__file__).resolve().parents[1] / "golden"
LANG = GOLDEN / "lang"


@pytest.fixture(scope="module")
def utterances():
    """Words, transition-ids and phones of the golden alignment, by utterance; and the model."""
    model = TransitionModel.load(GOLDEN / "gmm/mono/final.mdl")
    words = dict(read_table(f"ark:{GOLDEN}/gmm/sub_text.int", "int-vector"))
    found = {}
    for key, ids in read_table(f"ark:{GOLDEN}/gmm/sub_ali.ark", "int-vector"):
        found[key] = words[key].tolist(), ids, [phone for phone, _, _ in phone_segments(ids, model)]
    return found, model


def test_divisions_are_those_of_the_lattice_aligner(utterances):
    found, model = utterances
    lexicon, compared = AlignmentLexicon.read(LANG / "phones/align_lexicon.int"), 0
    for words, ids, phones in found.values():
        arcs = [[LatticeArc(word, Weight(0.0, 0.0, ()), place + 1)] for place, word in enumerate(words)]
        ends = [None] * len(words) + [Weight(0.0, 0.0, tuple(ids.tolist()))]
        aligned = align_words(CompactLattice([*arcs, []], ends), lexicon, model)
        if any(len(one) > 1 for one in aligned.arcs):
            continue
        division = divided(words, phones, lexicon)
        assert division is not None
        frames = [end for _, _, end in phone_segments(ids, model)]
        places = [0, *(frames[end - 1] for _, end in division)]
        mine = [(word, end - begin) for (word, _), begin, end in zip(division, places, places[1:], strict=False)]
        state, its = aligned.start, []
        while aligned.arcs[state]:
            (arc,) = aligned.arcs[state]
            its.append((arc.word, len(arc.weight.ids)))
            state = arc.nextstate
        assert mine == its
        compared += 1
    assert compared > 0.9 * len(found)


@pytest.mark.parametrize("seed", range(20))
def test_a_division_is_found_if_there_is_one(seed):
    """Random words over few phones: homophones, prefixes, and silence that is a word's phone too."""
    rng = random.Random(seed)
    entries: dict[tuple[int, ...], int] = {(0, 1): 0}
    for word in (1, 2, 3):
        for _ in range(2):
            entries[(word, *rng.choices([1, 2, 3], k=rng.randrange(1, 4)))] = word
    lexicon = AlignmentLexicon(entries)
    words, phones = rng.choices([1, 2, 3], k=rng.randrange(4)), rng.choices([1, 2, 3], k=rng.randrange(1, 6))

    def all_divisions(words: list[int], phones: list[int]) -> bool:
        if not words and not phones:
            return True
        return any(
            (word, *phones[:size]) in entries and all_divisions(words[word != 0 :], phones[size:])
            for word in {0, *words[:1]}
            for size in range(1, len(phones) + 1)
        )

    found = divided(words, phones, lexicon)
    assert (found is not None) == all_divisions(words, phones)
    if found is not None:
        assert [word for word, _ in found if word] == words
        places = [0, *(end for _, end in found)]
        assert places[-1] == len(phones)
        assert all((word, *phones[begin:end]) in entries for (word, end), begin in zip(found, places, strict=False))


@pytest.fixture
def directories(tmp_path, utterances):
    """A data and an alignment directory of the golden utterances."""
    names = {number: name for name, number in read_symbol_table(LANG / "words.txt").items()}
    (tmp_path / "data").mkdir()
    (tmp_path / "ali").mkdir()
    lines = (f"{key} {' '.join(names[word] for word in words)}\n" for key, (words, _, _) in utterances[0].items())
    (tmp_path / "data/text").write_text("".join(lines))
    shutil.copy(GOLDEN / "gmm/mono/final.mdl", tmp_path / "ali/final.mdl")
    (tmp_path / "ali/ali.1.gz").write_bytes(gzip.compress((GOLDEN / "gmm/sub_ali.ark").read_bytes()))
    return tmp_path


def test_counts_make_a_dictionary(directories, utterances):
    out = directories / "prons"
    count_pronunciations(directories / "data", LANG, directories / "ali", out, 0)
    prons = read_pron_counts(out / "pron_counts_nowb.txt")
    spoken = Counter(word for words, _, _ in utterances[0].values() for word in words)
    names = read_symbol_table(LANG / "words.txt")
    by_word: Counter[str] = Counter()
    for (word, _), count in prons.items():
        by_word[word] += int(count)
    assert {names[word]: count for word, count in by_word.items()} == dict(spoken)
    counts = read_silence_counts(out / "sil_counts_nowb.txt", out / "pron_bigram_counts_nowb.txt")
    assert sum(counts.pairs.values()) == sum(len(words) + 1 for words, _, _ in utterances[0].values())
    for key, around in counts.around.items():
        wanted = len(utterances[0]) if key[0] in ("<s>", "</s>") else prons[key]
        assert {sum(around[:2]), sum(around[2:])} - {0} == {wanted}
    dictionary = directories / "dict"
    dictionary.mkdir()
    (dictionary / "silence_phones.txt").write_text("SIL\n")
    (dictionary / "optional_silence.txt").write_text("SIL\n")
    shutil.copy(LANG / "phones/nonsilence.txt", dictionary / "nonsilence_phones.txt")
    shutil.copy(LANG / "lexicon.txt", dictionary / "lexicon.txt")
    files = [out / name for name in ("pron_counts_nowb.txt", "sil_counts_nowb.txt", "pron_bigram_counts_nowb.txt")]
    assert add_pronprobs.main([str(path) for path in (dictionary, *files, directories / "new")]) == 0
    prepare_lang(directories / "new", directories / "lang", LexiconOptions("<SIL>"))


def test_files_hold_what_was_counted(tmp_path):
    a, b, silence = ("a", ("x",)), ("b", ("y", "z")), ("<eps>", ("sil",))
    said = [[silence, a, b], [a, silence, silence, b, silence], [a]]
    paths = [tmp_path / name for name in ("prons", "around", "pairs")]
    write_counts(said, *paths)
    assert paths[0].read_text() == "4 <eps> sil\n3 a x\n2 b y z\n"
    counts = read_silence_counts(*paths[1:])
    assert counts.around == {
        ("<s>", ()): Around(0, 0, 1, 2), ("</s>", ()): Around(1, 2, 0, 0), a: Around(1, 2, 1, 2), b: Around(1, 1, 1, 1),
    }  # fmt: skip
    follow = Counter(itertools.chain(*(zip(["<s>", *w], [*w, "</s>"], strict=True) for w in ("ab", "ab", "a"))))
    assert {(left[0], right[0]): count for (left, right), count in counts.pairs.items()} == dict(follow)


def test_utterances_that_do_not_fit_are_refused_or_left_out(directories, capsys):
    lines = (directories / "data/text").read_text().splitlines()
    key = lines[0].split()[0]
    (directories / "data/text").write_text("".join(f"{line}\n" for line in [f"{key} zero zero zero", *lines[2:]]))
    words = directories / "data", LANG, directories / "ali", directories / "prons"
    with pytest.raises(InputError, match=rf"\[{key}\] the phones are not those of the words"):
        count_pronunciations(*words, 0)
    with pytest.raises(InputError, match="no transcript"):
        count_pronunciations(*words, 1)
    count_pronunciations(*words, 2)
    assert f"counted {len(lines) - 2} utterances; left out: 2" in capsys.readouterr().err
