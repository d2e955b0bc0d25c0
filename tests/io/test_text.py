"""Text of all readers: what separates words, letters of other scripts, byte order marks, NUL bytes."""

import gzip
import re

import pytest

from houseblend.base.errors import InputError, UsageError
from houseblend.cli.compute_wer import main as compute_wer
from houseblend.decode.stm_ctm import read_ctm, read_stm
from houseblend.io.data_dir import fix_data_dir, problems, validate_data_dir
from houseblend.io.data_files import read_ids
from houseblend.io.lang_files import read_symbol_table
from houseblend.io.streams import read_text
from houseblend.io.tables import Table, read_object, read_script, read_table, write_table
from houseblend.io.text import decode, lines_of, odd_letter, spoken_words, words_of
from houseblend.lang.arpa import read_entries
from houseblend.lang.sentences import Vocabulary, read_sentences

MARK = "\ufeff"
INSIDE = ["\u00a0", "\u0085", "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000", "\x1c", "\x1f"]
"""What Python's split() cuts at, and Kaldi does not."""
LETTERS = ["\u200c", "\u200d", "\u200e", "\u200f", "\u00ad", "\u200b", "\u2060", "\u061c", "\ue000", "\U000e0101"]
"""Joiners, direction marks, a soft hyphen, a letter for private use, a variation selector."""
REFUSED = [*INSIDE, "\x07", "\x7f", "\u0080", "\u009f"]


def data_with(folder, text):
    folder.mkdir()
    (folder / "utt2spk").write_text("u1 u1\nu2 u2\n")
    (folder / "spk2utt").write_text("u1 u1\nu2 u2\n")
    (folder / "wav.scp").write_text("u1 /x\nu2 /y\n")
    (folder / "text").write_text(text, encoding="utf-8")
    return folder


@pytest.mark.parametrize("space", INSIDE, ids=ascii)
def test_only_blanks_and_tabs_separate_words(space, tmp_path):
    word = f"10{space}000"
    assert words_of(f" \ta  {word}\tb \r\n") == spoken_words(f"a {word} b") == ["a", word, "b"]
    assert words_of(f"key {word} b  c", 1) == ["key", f"{word} b  c"]
    assert lines_of(f"a{space}b\nc\n") == [f"a{space}b", "c"]
    path = tmp_path / "text"
    path.write_text(f"u{space}1 a {word}\n", encoding="utf-8", newline="")
    assert list(read_table(f"ark:{path}", "tokens")) == [(f"u{space}1", ["a", word])]
    assert list(read_script(str(path))) == [(f"u{space}1", f"a {word}", 1)]
    assert read_ids(path) == {f"u{space}1"}
    vocabulary = Vocabulary()
    read_sentences(path, vocabulary)
    assert vocabulary.names[2:] == [f"u{space}1", "a", word]
    assert Vocabulary.read(path).names[2:] == [f"u{space}1"]
    path.write_text(f"<eps> 0\n{word} 1\n", encoding="utf-8", newline="")
    assert read_symbol_table(path) == {"<eps>": 0, word: 1}
    with write_table(f"ark:{path}", "tokens") as write:
        write(f"u{space}1", [word, space])
    assert Table(f"ark:{path}", "tokens")[f"u{space}1"] == [word, space]
    path.write_text(f"f 1 s 0 1 <o> a {word}\n", encoding="utf-8", newline="")
    assert read_stm(path)[0][0].text == f"a {word}"
    path.write_text(f"f 1 0 1 {word} 0.5\n", encoding="utf-8", newline="")
    assert read_ctm(path)[0].word == word


@pytest.mark.parametrize("space", INSIDE, ids=ascii)
def test_arpa_words_are_kaldis(space, tmp_path):
    path = tmp_path / "lm"
    text = f"\\data\\\nngram 1=2\n\n\\1-grams:\n-1\t<s>\r\n-1 a{space}b\n\n\\end\\\n"
    path.write_text(text, encoding="utf-8", newline="")
    assert [entry.words for entry in read_entries(path)] == [["<s>"], [f"a{space}b"]]


@pytest.mark.parametrize("letter", ["\v", "\f", "\r"], ids=ascii)
def test_controls_that_some_programs_cut_at_are_refused(letter, tmp_path):
    (tmp_path / "text").write_text(f"u1 ok\nu2 a{letter}b\n", newline="")
    with pytest.raises(InputError, match=rf"text:2: \[u2\] U\+{ord(letter):04X} \(control character\) inside a word"):
        list(read_table(f"ark:{tmp_path}/text", "tokens"))
    with pytest.raises(InputError, match=rf"text:2: U\+{ord(letter):04X} \(control character\) inside a word"):
        read_sentences(tmp_path / "text", Vocabulary())


@pytest.mark.parametrize("letter", LETTERS, ids=ascii)
def test_joiners_and_marks_are_letters(letter, tmp_path):
    assert odd_letter(f"a{letter}b") is None
    folder = data_with(tmp_path / "data", f"u1 می{letter}خواهم\nu2 {letter}\n")
    validate_data_dir(folder, ["text"])
    assert (fix_data_dir(folder).kept, fix_data_dir(folder).changed) == (2, [])


@pytest.mark.parametrize("letter", REFUSED, ids=ascii)
def test_control_characters_and_other_spaces_are_named_in_a_data_directory(letter, tmp_path):
    folder = data_with(tmp_path / "data", f"u1 ok\nu2 a{letter}b\n")
    found = str(next(problems(folder)))
    assert f"text:2: [u2] U+{ord(letter):04X} (" in found
    (folder / "wav.scp").write_text(f"u1 /audio{letter}1/a.wav\nu2 /y\n", encoding="utf-8")
    assert fix_data_dir(folder).dropped == [("u2", found.split("] ")[1].split(";")[0] + " (text:2)")]
    assert (folder / "wav.scp").read_text(encoding="utf-8") == f"u1 /audio{letter}1/a.wav\n"


@pytest.mark.parametrize("forbidden", ["<s>", "</s>", "#0", "<eps>"])
def test_symbols_are_no_words_of_a_transcript(forbidden, tmp_path):
    folder = data_with(tmp_path / "data", f"u1 ok\nu2 a {forbidden}\n")
    assert "text:2: [u2] bad line" in str(next(problems(folder)))


@pytest.mark.parametrize("name", ["utt2spk", "spk2utt", "text", "wav.scp"])
def test_a_byte_order_mark_in_a_data_directory_is_named_and_taken_off(name, tmp_path):
    folder = data_with(tmp_path / "data", "u1 a\nu2 b\n")
    clean = (folder / name).read_bytes()
    (folder / name).write_bytes(MARK.encode() + clean)
    (found,) = problems(folder)
    assert f"{name}:1: the file begins with a byte order mark (U+FEFF)" in str(found)
    fixed = fix_data_dir(folder)
    assert (fixed.kept, fixed.dropped) == (2, [])
    assert (folder / name).read_bytes() == clean


def test_a_byte_order_mark_at_the_head_is_passed_over_by_every_reader(tmp_path, capsys):
    path, plain = tmp_path / "marked", tmp_path / "plain"

    def write(text):
        path.write_text(MARK + text, encoding="utf-8")
        plain.write_text(text, encoding="utf-8")

    write("u1 a b\nu2 c\n")
    for source in (f"ark:{path}", f"ark:cat {path} |"):
        assert dict(read_table(source, "tokens")) == {"u1": ["a", "b"], "u2": ["c"]}
        assert Table(source, "tokens")["u1"] == ["a", "b"]
    assert [key for key, *_ in read_script(str(path))] == ["u1", "u2"]
    assert read_ids(path) == {"u1", "u2"}
    assert read_text(path) == plain.read_text()
    assert Vocabulary.read(path).names[2:] == ["u1", "u2"]
    assert compute_wer.main([f"ark:{path}", f"ark:{plain}"]) == 0
    assert capsys.readouterr().out.startswith("%WER 0.00 [ 0 / 3,")
    write(" [ 1 2\n 3 4 ]\n")
    assert read_object(str(path), "matrix").tolist() == [[1, 2], [3, 4]]
    write("--mode=all\n")
    assert compute_wer._read_config(str(path)) == ["--mode=all"]


def test_a_byte_order_mark_or_a_nul_inside_is_refused_with_its_line(tmp_path):
    path = tmp_path / "text"
    for odd, what in ((MARK, r"U\+FEFF \(byte order mark\)"), ("\0", "a NUL byte")):
        assert decode(b"a b") == "a b"
        with pytest.raises(ValueError, match=what):
            decode(f"a {odd}b".encode())
        for line in (f"u2 a{odd}b", f"u{odd}2 a", f"{odd}u2 a"):
            path.write_text(f"u1 a\n{line}\n", encoding="utf-8")
            with pytest.raises(InputError, match=f"text.*{what}"):
                list(read_table(f"ark:{path}", "tokens"))
            for reader in (lambda: read_sentences(path, Vocabulary()), lambda: list(read_script(str(path))),
                           lambda: read_text(path), lambda: read_ids(path)):  # fmt: skip
                with pytest.raises(InputError, match=f"text:2: .*{what}"):
                    reader()
            with pytest.raises(UsageError, match=f"text:2: .*{what}"):
                compute_wer._read_config(str(path))
        folder = data_with(tmp_path / f"data{ord(odd)}", f"u1 a\nu2 a{odd}b\n")
        assert "text:2: " in str(next(problems(folder)))


def test_the_limit_of_a_small_text_holds(tmp_path):
    (tmp_path / "text").write_text("x" * 9)
    assert read_text(tmp_path / "text", 10) == "x" * 9
    with pytest.raises(InputError, match="no end"):
        read_text(tmp_path / "text", 9)


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (gzip.compress(b"a b\n"), "not UTF-8 but packed by gzip; unpack it, or give it the suffix .gz"),
        ("a b\nc\n".encode("utf-16"), "not UTF-8 but UTF-16; convert it with iconv"),
        ("a b\nc\n".encode("utf-16-le"), "not UTF-8 but UTF-16; convert it with iconv"),
        ("a b\nc\n".encode("utf-16-be"), "not UTF-8 but UTF-16; convert it with iconv"),
        ("caf\xe9 b\n".encode("latin-1"), "not UTF-8; convert it with iconv"),
        (b"a\0b c\n", "a NUL byte; remove it"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, data, what):
    path = tmp_path / "text"
    path.write_bytes(data)
    for reader in (
        lambda: read_sentences(path, Vocabulary()),
        lambda: read_text(path),
        lambda: list(read_entries(path)),
    ):
        with pytest.raises(InputError, match=re.escape(f"text:1: {what}")):
            reader()
