"""Lang directories: Kaldi's files, random dictionaries, and errors with file and line."""

import math
import random
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.io.lang_files import read_symbol_table, validate_lang
from houseblend.lang.fst import Graph, from_kaldifst, parse_graph, read_fst, read_graph, renumber_inputs
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.lexicon import Dictionary, Entry, add_disambiguation
from houseblend.lang.options import LexiconOptions

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "lang"
POSITIONS = GOLDEN.with_name("lang_positions")


def write_dictionary(folder, entries, nonsilence, silence=("SIL",)):
    """Entries are lines of lexicon.txt; phones are lines of the phone lists."""
    folder.mkdir()
    (folder / "lexicon.txt").write_text("".join(f"{entry}\n" for entry in entries))
    (folder / "nonsilence_phones.txt").write_text("".join(f"{line}\n" for line in nonsilence))
    (folder / "silence_phones.txt").write_text("".join(f"{line}\n" for line in silence))
    (folder / "optional_silence.txt").write_text(f"{silence[0]}\n")
    return folder


@pytest.fixture
def digits(tmp_path):
    """The dictionary of the golden lang directory."""
    phones = (GOLDEN / "phones" / "nonsilence.txt").read_text().split()
    return write_dictionary(tmp_path / "dict", (GOLDEN / "lexicon.txt").read_text().splitlines(), phones)


def test_files_are_kaldis(digits, tmp_path):
    prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))
    names = ["words.txt", "phones.txt", "topo", "oov.int"]
    names += [str(path.relative_to(GOLDEN)) for path in sorted((GOLDEN / "phones").iterdir())]
    for name in names:
        assert (tmp_path / "lang" / name).read_bytes() == (GOLDEN / name).read_bytes(), name


@pytest.mark.parametrize("name", ["L.fst", "L_disambig.fst"])
def test_lexicon_transducers_are_kaldis(digits, tmp_path, name):
    prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))
    assert read_graph(tmp_path / "lang" / name).to_text() == (GOLDEN / f"{name}.txt").read_text().replace(
        "0.693147182", "0.693147"
    )


@pytest.mark.parametrize("seed", range(5))
def test_random_lexicons_can_be_determinised_and_say_their_words(seed, tmp_path):
    """Homophones, prefixes and several pronunciations; any word sequence, spelled by phones, is found again."""
    import kaldifst

    rng = random.Random(seed)
    phones = [f"p{i}" for i in range(4)]
    entries = {f"w{rng.randrange(8)} {' '.join(rng.choices(phones, k=rng.randrange(1, 5)))}" for _ in range(12)}
    folder = write_dictionary(tmp_path / "dict", ["<oov> SIL", *sorted(entries)], phones)
    prepare_lang(folder, tmp_path / "lang", LexiconOptions("<oov>"))
    lexicon = read_graph(tmp_path / "lang" / "L_disambig.fst").to_kaldifst()
    kaldifst.determinize_star(lexicon, max_states=100_000)
    words, numbers = (
        read_symbol_table(tmp_path / "lang" / "words.txt"),
        read_symbol_table(tmp_path / "lang" / "phones.txt"),
    )
    chosen = rng.choices(sorted(entries), k=4)
    spoken = [numbers[phone] for entry in chosen for phone in entry.split()[1:]]
    acceptor = kaldifst.make_linear_acceptor(spoken)
    plain = read_graph(tmp_path / "lang" / "L.fst").to_kaldifst()
    kaldifst.arcsort(plain, sort_type="ilabel")
    said = kaldifst.StdVectorFst(kaldifst.compose(acceptor, plain))
    wanted = kaldifst.make_linear_acceptor([words[entry.split()[0]] for entry in chosen])
    kaldifst.arcsort(said, sort_type="olabel")
    assert from_kaldifst(kaldifst.StdVectorFst(kaldifst.compose(said, wanted))).start >= 0


def test_disambiguation_symbols_separate_homophones_and_prefixes():
    entries = [Entry("a", ("x",)), Entry("b", ("x", "y"), 0.5), Entry("c", ("x", "y")), Entry("d", ("z",))]
    marked = [
        Entry("a", ("x", "#1")),
        Entry("b", ("x", "y", "#1"), 0.5),
        Entry("c", ("x", "y", "#2")),
        Entry("d", ("z",)),
    ]
    assert add_disambiguation(entries) == (marked, 2)


def test_phones_of_one_line_share_their_pdfs(tmp_path):
    folder = write_dictionary(tmp_path / "dict", ["<oov> SIL", "w A1 B"], ["A0 A1", "B"], ["SIL", "NSN"])
    prepare_lang(folder, tmp_path / "lang", LexiconOptions("<oov>"))
    phones = tmp_path / "lang" / "phones"
    assert (phones / "sets.int").read_text() == "1\n2\n3 4\n5\n"
    assert (phones / "roots.txt").read_text().splitlines()[2] == "shared split A0 A1"
    assert (phones / "silence.csl").read_text() == "1:2\n"


def test_without_optional_silence(digits, tmp_path):
    prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>", 0.0))
    graph = read_graph(tmp_path / "lang" / "L.fst")
    assert graph.start == 0
    assert graph.finals[0] == 0.0
    assert len(graph.arcs[0]) == 12


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("ten T EH N Q", r"lexicon\.txt:13.*Q"),
        ("ten", r"lexicon\.txt:13.*without phones"),
        ("two T UW", r"lexicon\.txt:13.*twice"),
        ("#0 T UW", r"lexicon\.txt:13.*reserved"),
        ("<s> T UW", r"lexicon\.txt:13.*reserved"),
    ],
)
def test_errors_name_file_and_line(digits, tmp_path, line, message):
    with open(digits / "lexicon.txt", "a") as lexicon:
        lexicon.write(f"{line}\n")
    with pytest.raises(InputError, match=message):
        prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))


def weighted(folder, lines):
    """The dictionary with lexiconp.txt alone."""
    (folder / "lexicon.txt").unlink(missing_ok=True)
    (folder / "lexiconp.txt").write_text("".join(f"{line}\n" for line in lines))
    return folder


def test_probabilities_of_pronunciations_cost_as_in_kaldi(tmp_path):
    """Arcs as Kaldi's make_lexicon_fst.py writes them for this lexicon, sorted by word."""
    folder = write_dictionary(tmp_path / "dict", [], ["A", "B"])
    prepare_lang(
        weighted(folder, ["<oov> 1.0 SIL", "w 0.25\tA B", "w 0.8 B"]), tmp_path / "lang", LexiconOptions("<oov>", 0.2)
    )
    graph = read_graph(tmp_path / "lang" / "L.fst")
    spoken, silent = -math.log(0.8), -math.log(0.2)
    found = [tuple(arc) for arc in graph.arcs[1]]
    wanted = [(1, 1, spoken, 1), (1, 1, silent, 2), (2, 2, -math.log(0.25), 3),
              (3, 2, spoken - math.log(0.8), 1), (3, 2, silent - math.log(0.8), 2)]  # fmt: skip
    assert len(found) == len(wanted)
    for arc, expected in zip(found, wanted, strict=True):
        assert arc == pytest.approx(expected)
    assert [tuple(arc) for arc in graph.arcs[3]] == [
        pytest.approx((3, 0, cost, s)) for cost, s in [(spoken, 1), (silent, 2)]
    ]
    rows = (tmp_path / "lang/phones/align_lexicon.txt").read_text().splitlines()
    assert rows == ["<eps> <eps> SIL", "<oov> <oov> SIL", "w w A B", "w w B"]


def test_probabilities_of_one_change_nothing_and_both_lexicons_must_agree(digits, tmp_path):
    lines = (digits / "lexicon.txt").read_text().splitlines()
    prepare_lang(digits, tmp_path / "plain", LexiconOptions("<SIL>"))
    with_ones = [line.replace(" ", " 1.0 ", 1) for line in lines]
    (digits / "lexiconp.txt").write_text("".join(f"{line}\n" for line in with_ones))
    prepare_lang(digits, tmp_path / "both", LexiconOptions("<SIL>"))
    prepare_lang(weighted(digits, with_ones), tmp_path / "weighted", LexiconOptions("<SIL>"))
    for path in (path for path in (tmp_path / "plain").rglob("*") if path.is_file()):
        for other in ("both", "weighted"):
            assert path.read_bytes() == (tmp_path / other / path.relative_to(tmp_path / "plain")).read_bytes()
    for others in (lines[:-1], [*lines, "zero T UW"], [*lines[1:], lines[0]]):
        (digits / "lexicon.txt").write_text("".join(f"{line}\n" for line in others))
        with pytest.raises(InputError, match=r"lexiconp\.txt.*lexicon\.txt has other entries, or another order"):
            prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))


@pytest.mark.parametrize("field", ["0", "1.01", "-0.5", "nan", "T", ""])
def test_what_is_no_probability_is_refused(field, digits, tmp_path):
    folder = weighted(digits, ["<SIL> 1 SIL", f"two {field}{' T UW' if field else ''}"])
    with pytest.raises(InputError, match=r"lexiconp\.txt:2: \[two\] .*no probability"):
        prepare_lang(folder, tmp_path / "lang", LexiconOptions("<SIL>"))


def test_questions_are_copied_and_their_phones_must_exist(digits, tmp_path):
    phones = read_symbol_table(GOLDEN / "phones.txt")
    (digits / "extra_questions.txt").write_text("AH  T\n\nSIL\n")
    prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))
    assert (tmp_path / "lang/phones/extra_questions.txt").read_text() == "AH T\nSIL\n"
    numbers = f"{phones['AH']} {phones['T']}\n{phones['SIL']}\n"
    assert (tmp_path / "lang/phones/extra_questions.int").read_text() == numbers
    (digits / "extra_questions.txt").write_text("AH\nT Q AH\n")
    with pytest.raises(InputError, match=r"extra_questions\.txt:2: \[Q\] the phone is in no phone list"):
        prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))


@pytest.mark.parametrize("name", ["lexicon.txt", "silence_phones.txt", "optional_silence.txt", "extra_questions.txt"])
def test_odd_spaces_are_named_and_a_byte_order_mark_is_passed_over(name, digits, tmp_path):
    (digits / "extra_questions.txt").write_text("AH T\n")
    prepare_lang(digits, tmp_path / "plain", LexiconOptions("<SIL>"))
    honest = (digits / name).read_text()
    (digits / name).write_text("\ufeff" + honest, encoding="utf-8")
    prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))
    assert (tmp_path / "lang/L.fst").read_bytes() == (tmp_path / "plain/L.fst").read_bytes()
    line = honest.count("\n") + 1
    for letter in "\u00a0\u3000\u0085\u2028\x07":
        (digits / name).write_text(f"{honest}T{letter}T T\n", encoding="utf-8")
        with pytest.raises(InputError, match=rf"{name}:{line}: U\+{ord(letter):04X} \("):
            prepare_lang(digits, tmp_path / "lang", LexiconOptions("<SIL>"))


def test_wrong_phone_lists_are_refused(digits, tmp_path):
    (digits / "optional_silence.txt").write_text("AH\n")
    with pytest.raises(InputError, match=r"optional_silence\.txt"):
        Dictionary.read(digits)
    (digits / "silence_phones.txt").write_text("SIL\nAH\n")
    with pytest.raises(InputError, match="AH"):
        Dictionary.read(digits)
    (digits / "silence_phones.txt").unlink()
    with pytest.raises(InputError, match=r"silence_phones\.txt"):
        Dictionary.read(digits)


def test_missing_oov_word_is_an_expected_failure(digits, tmp_path, run_step):
    done = run_step("prepare_lang", "--oov=<UNK>", digits, tmp_path / "lang")
    assert done.status == 1
    assert "<UNK>" in done.stderr
    assert "lexicon.txt" in done.stderr
    assert not (tmp_path / "lang" / ".done.json").exists()


def test_fst_bytes_survive_and_broken_ones_are_refused():
    data = (GOLDEN / "L_disambig.fst").read_bytes()
    graph = parse_graph(data, "L")
    assert parse_graph(graph.to_bytes(), "again") == graph
    assert from_kaldifst(graph.to_kaldifst()) == graph
    for size in random.Random(6).sample(range(len(data) - 1), 30):
        with pytest.raises(InputError, match="cut"):
            parse_graph(data[:size], "cut")
    with pytest.raises(InputError, match="no FST"):
        parse_graph(b"\0B" + data, "marked")


def test_empty_graphs_survive():
    assert parse_graph(Graph(start=-1).to_bytes(), "empty").arcs == []


def test_symbol_tables_are_checked(tmp_path):
    (tmp_path / "words.txt").write_text("<eps> 0\na 1\nb 1\n")
    with pytest.raises(InputError, match=r"words\.txt:3"):
        read_symbol_table(tmp_path / "words.txt")


@pytest.mark.parametrize("name", ["lang/G.fst", "hmm/mono/HCLG.fst"])
def test_files_for_search_are_read_and_broken_ones_refused(name, tmp_path):
    """A vector and a const FST."""
    data = (GOLDEN.parent / name).read_bytes()
    graph = read_graph(GOLDEN.parent / name)
    assert from_kaldifst(read_fst(GOLDEN.parent / name)) == graph
    for size in random.Random(7).sample(range(len(data) - 1), 20):
        (tmp_path / "cut").write_bytes(data[:size])
        with pytest.raises(InputError, match="cut"):
            read_fst(tmp_path / "cut")


def test_inputs_are_renumbered_in_their_order():
    graph = read_graph(GOLDEN / "G.fst")
    for arcs in graph.arcs:
        arcs[:] = [arc._replace(ilabel=7 * arc.ilabel, olabel=arc.ilabel) for arc in arcs]
    fst, labels = renumber_inputs(graph.to_kaldifst())
    assert labels.tolist() == sorted({0, *(arc.ilabel for arcs in graph.arcs for arc in arcs)})
    again = from_kaldifst(fst)
    assert again.finals == graph.finals
    for arcs, expected in zip(again.arcs, graph.arcs, strict=True):
        assert [arc._replace(ilabel=labels[arc.ilabel]) for arc in arcs] == expected


def test_files_of_phones_with_positions_are_kaldis(tmp_path):
    """Stress too: phones of one line of the dictionary share their roots in all positions."""
    prepare_lang(POSITIONS / "dict", tmp_path, LexiconOptions(position_dependent_phones=True))
    names = ["words.txt", "phones.txt", "topo", "oov.int"]
    names += [str(path.relative_to(POSITIONS)) for path in sorted((POSITIONS / "phones").iterdir())]
    assert len(names) == 18
    for name in names:
        assert (tmp_path / name).read_bytes() == (POSITIONS / name).read_bytes(), name


@pytest.mark.parametrize("name", ["L", "L_disambig"])
def test_lexicon_transducers_of_phones_with_positions_are_kaldis(tmp_path, name):
    prepare_lang(POSITIONS / "dict", tmp_path, LexiconOptions(position_dependent_phones=True))
    phones, words = (read_symbol_table(tmp_path / f"{kind}.txt") for kind in ("phones", "words"))
    rows = [line.split() for line in (POSITIONS / f"{name}.txt").read_text().splitlines()]
    wanted = sorted((int(row[0]), int(row[1]), phones[row[2]], words[row[3]], float(row[4])) for row in rows if row[4:])
    graph = read_graph(tmp_path / f"{name}.fst")
    found = sorted((s, a.nextstate, a.ilabel, a.olabel, a.weight) for s, arcs in enumerate(graph.arcs) for a in arcs)
    loop = (1, 1, phones["#0"], words["#0"], 0.0)
    assert (loop in found) == (name == "L_disambig")
    for mine, its in zip([arc for arc in found if arc != loop], wanted, strict=True):
        assert mine == pytest.approx(its, abs=1e-6)


def test_the_step_makes_them_and_validates_their_boundaries(run_step, tmp_path):
    words = ("--oov=<UNK>", "--position-dependent-phones=true", POSITIONS / "dict", tmp_path / "lang")
    run_step("prepare_lang", *words, check=True)
    path = tmp_path / "lang/phones/word_boundary.int"
    assert path.read_bytes() == (POSITIONS / "phones/word_boundary.int").read_bytes()
    path.write_text(path.read_text().replace("2 begin", "2 end"))
    with pytest.raises(InputError, match=r"word_boundary\.int:2: 2 end; expected 2 begin"):
        validate_lang(tmp_path / "lang")


def test_phones_that_tell_a_position_already_are_refused(tmp_path):
    folder = write_dictionary(tmp_path / "dict", ["<oov> SIL", "w A_B"], ["A_B"])
    with pytest.raises(InputError, match=r"phones \['A_B'\] end in _B"):
        prepare_lang(folder, tmp_path / "lang", LexiconOptions("<oov>", position_dependent_phones=True))
    prepare_lang(folder, tmp_path / "lang", LexiconOptions("<oov>"))
    assert not (tmp_path / "lang/phones/word_boundary.int").exists()
