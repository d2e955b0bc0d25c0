"""Lang directories: Kaldi's files, random dictionaries, and errors with file and line."""

import random
from pathlib import Path

import pytest

from houseblend.base.errors import InputError
from houseblend.io.lang_files import read_symbol_table
from houseblend.lang.fst import Graph, from_kaldifst, parse_graph, read_fst, read_graph, renumber_inputs
from houseblend.lang.lang_dir import prepare_lang
from houseblend.lang.lexicon import Dictionary, add_disambiguation

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "lang"


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
    prepare_lang(digits, tmp_path / "lang", "<SIL>")
    names = ["words.txt", "phones.txt", "topo", "oov.int"]
    names += [str(path.relative_to(GOLDEN)) for path in sorted((GOLDEN / "phones").iterdir())]
    for name in names:
        assert (tmp_path / "lang" / name).read_bytes() == (GOLDEN / name).read_bytes(), name


@pytest.mark.parametrize("name", ["L.fst", "L_disambig.fst"])
def test_lexicon_transducers_are_kaldis(digits, tmp_path, name):
    prepare_lang(digits, tmp_path / "lang", "<SIL>")
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
    prepare_lang(folder, tmp_path / "lang", "<oov>")
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
    entries = [("a", ("x",)), ("b", ("x", "y")), ("c", ("x", "y")), ("d", ("z",))]
    assert add_disambiguation(entries) == (
        [("a", ("x", "#1")), ("b", ("x", "y", "#1")), ("c", ("x", "y", "#2")), ("d", ("z",))], 2,
    )  # fmt: skip


def test_phones_of_one_line_share_their_pdfs(tmp_path):
    folder = write_dictionary(tmp_path / "dict", ["<oov> SIL", "w A1 B"], ["A0 A1", "B"], ["SIL", "NSN"])
    prepare_lang(folder, tmp_path / "lang", "<oov>")
    phones = tmp_path / "lang" / "phones"
    assert (phones / "sets.int").read_text() == "1\n2\n3 4\n5\n"
    assert (phones / "roots.txt").read_text().splitlines()[2] == "shared split A0 A1"
    assert (phones / "silence.csl").read_text() == "1:2\n"


def test_without_optional_silence(digits, tmp_path):
    prepare_lang(digits, tmp_path / "lang", "<SIL>", silence_probability=0.0)
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
        prepare_lang(digits, tmp_path / "lang", "<SIL>")


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
