"""Fragments with what Kaldi's scripts for Switchboard put up with or refuse: expected values worked out by hand from them."""

import shutil

import pytest
from discs import DATA, DICT, EVAL, PEM, STM, TRANSCRIPTS, module, rows, sphere, step, write_discs, write_transcript

PEM_PLACE = "LDC2002S09/hub5e_00/english/hub5e_00.pem"
STM_PLACE = "LDC2002T43/2000_hub5_eng_eval_tr/reference/hub5e00.english.000405.stm"
GLM_PLACE = "LDC2002T43/2000_hub5_eng_eval_tr/reference/en20000405_hub5.glm"
TRANSCRIPT = "LDC97S62/swb_ms98_transcriptions/20/2021/sw2021A-ms98-a-trans.text"


@pytest.fixture
def corpus(tmp_path):
    """The discs, with dict made of them."""
    write_discs(tmp_path)
    assert dictionary(tmp_path) == 0
    return tmp_path


def dictionary(corpus):
    return step(DICT).main([f"{corpus}/LDC97S62/swb_ms98_transcriptions/sw-ms98-dict.text", f"{corpus}/dict"])


def data(corpus, *options):
    return step(DATA).main([*options, *(f"{corpus}/{name}" for name in ("LDC97S62", "dict", "raw"))])


def evaluation(corpus, *options):
    return step(EVAL).main([*options, *(f"{corpus}/{name}" for name in ("LDC2002S09", "LDC2002T43", "eval2000"))])


def refused(capfd, status, out, *words):
    """One error with these words, and nothing written."""
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert (status, len(errors)) == (1, 1), errors
    assert all(word in errors[0] for word in words), errors[0]
    assert not [path for path in out.iterdir() if not path.name.startswith(".")]


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("[laughter-th[at]-]", "th-"), ("[laughter-]", "[laughter-]"), ("-[laughter-oh]", "--"), ("[Laughter-OH]", "OH"),
        ("[th[at]-/this]-", "th[at]--"), ("-[40]1K", "-1K"), ("40[1K]-", "40-"), ("[be]cause", "-cause"),
        ("-[e]s[pecially]-", "-s-"), ("{laughter}", "laughter"), ("{oh", "{oh"), ("them_12", "them2"), ("a_b", "a_b"),
        ("[vocalized-noise][laughter]", "--"), ("ok[ay", "ok[ay"), ("okay]", "okay]"), ("i[n]-/in]", "i"),
        ("[laughter-[gonna/going]]", "gonna"), ("-[laughter-be]cause", "-cause"), ("[a/b/c]", "a/b"), ("{a}_1", "{a}"),
        ("[laughter-{yup}]", "yup"), ("[laughter-i'm]-", "i'm-"), ("sch[ool]_1", "sch[ool]"),
    ],
)  # fmt: skip
def test_odd_marks_become_what_swbd1_map_words_makes_of_them(said, kept):
    assert module("words").as_said(said) == kept


def test_letters_in_a_row_are_acronyms_with_every_i_among_them():
    acronyms = {"I": "i.", "B": "b.", "M": "m.", "A": "a.", "AM": "a._m."}
    for said, written in (
        ("I I B", "i. i. b."), ("I I think", "i. i. think"), ("i B I", "i b. i."), ("I- B", "i- b."),
        ("A plan I AM in", "a. plan i a._m. in"), ("I", "i"), ("X I", "x i."),
    ):  # fmt: skip
        assert " ".join(module("words").with_acronyms(said.split(), acronyms)) == written


def test_what_is_no_acronym_in_the_dictionary_stays(tmp_path):
    (tmp_path / "dict.text").write_text(
        " file: x\n#no\n\nAM ey eh m\nas ey z\nUS y uw eh s\nUSs y uw eh s z\nUS's y uw eh s s\nhis hh ih z\nbus b ah s\n"
        "Y'all y ao l\n'em ah m\nBs b iy ax z\nok ow k ey\nAT&T ey t iy ae n t iy\n[silence] sil\nlay l ey\nI ay\nI ah\n"
    )
    assert step(DICT).main([str(tmp_path / "dict.text"), str(tmp_path / "dict")]) == 0
    acronyms = dict(line.split("\t") for line in (tmp_path / "dict/acronyms.map").read_text().splitlines())
    assert {word: acronyms[word] for word in acronyms if len(word) > 1} == {
        "AM": "a._m.", "as": "a.s", "US": "u._s.", "USs": "u._s.s", "US's": "u._s.'s", "ok": "o._k.",
    }  # fmt: skip
    lexicon = (tmp_path / "dict/lexicon.txt").read_text().splitlines()
    for entry in (
        "bs b iy ax z",
        "y'all y ao l",
        "'em ah m",
        "at&t ey t iy ae n t iy",
        "i. ay",
        "i ay",
        "i ah",
        "his hh ih z",
    ):
        assert entry in lexicon, entry
    assert "sil" not in (tmp_path / "dict/nonsilence_phones.txt").read_text().split()


def test_a_dictionary_without_the_sound_of_i_is_one(tmp_path):
    (tmp_path / "dict.text").write_bytes("\ufeffbe b iy\r\nbye b iy\r\n".encode())
    assert step(DICT).main([str(tmp_path / "dict.text"), str(tmp_path / "dict")]) == 0
    assert {"be b iy", "bye b iy", "b. b iy"} <= set((tmp_path / "dict/lexicon.txt").read_text().splitlines())


def test_transcripts_with_empty_lines_other_line_ends_and_silences(corpus):
    lines = [
        "0.0 0.98 [SILENCE] [silence]", "0.994999 2.995 [Silence] yes [silence]", "2.995 2.997 [silence]", "2.997 4.0",
        "4.0 5.0 <B_Aside>yes<e_aside> [noise]", "5.0 9.995 [vocalized-noise] [silence] [laughter]",
    ]  # fmt: skip
    path = write_transcript(corpus / "LDC97S62", 2021, "A", lines)
    path.write_bytes(("\ufeff\n" + path.read_text() + "\n\n").replace("\n", "\r\n").encode())
    assert data(corpus) == 0
    said = {key: words for key, words in rows(corpus / "raw/train/text").items() if "-A_" in key}
    assert said == {
        "sw02021-A_000099-000300": "yes", "sw02021-A_000400-000500": "yes [noise]",
        "sw02021-A_000500-000999": "[vocalized-noise] [laughter]",
    }  # fmt: skip
    assert rows(corpus / "raw/train/segments")["sw02021-A_000099-000300"] == "sw02021-A 0.99 3"


def test_discs_may_be_links_and_their_change_is_seen(corpus, capfd):
    disc, real = corpus / "LDC97S62", corpus / "real"
    real.mkdir()
    for name in ("swb1_d1", "swb_ms98_transcriptions", "tables"):
        (disc / name).rename(real / name)
        (disc / name).symlink_to(real / name)
    (real / "round").symlink_to(disc)
    (real / "tables/again").symlink_to(real / "swb1_d1")
    assert data(corpus, "--speakers=caller") == 0
    assert rows(corpus / "raw/train/utt2spk")["sw1007-02021-A_000098-000250"] == "sw1007"
    assert data(corpus, "--speakers=caller") == 0
    assert "up to date" in capfd.readouterr().err
    write_transcript(real, 2021, "A", [line.replace("Yes", "Them") for line in TRANSCRIPTS["A"]])
    assert data(corpus, "--speakers=caller") == 0
    assert rows(corpus / "raw/train/text")["sw1007-02021-A_000098-000250"] == "them i yes ab-"


def test_recordings_without_transcripts_and_calls_not_in_the_table_are_told(corpus, capfd):
    disc = corpus / "LDC97S62"
    (disc / "swb1_d1/data/SW02030.SPH").write_bytes(sphere())
    (disc / "tables/conv_tab.csv").write_bytes(b'2001, "Y", 1005, 1006, 301\r\n\r\n')
    assert data(corpus, "--speakers=caller") == 0
    told = capfd.readouterr().err
    assert "1 recordings have no transcripts and are left out, such as sw02030" in told
    assert "conv_tab.csv: without 2 sides, such as sw02021-A: each is a speaker of its own" in told
    assert rows(corpus / "raw/train/utt2spk")["sw02021-A_000098-000250"] == "sw02021-A"
    assert rows(corpus / "raw/dev/utt2spk")["sw1005-02001-A_000098-000250"] == "sw1005"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("2.501 2.504 yes", ":3: words from 2.501 to 2.504 s; expected a segment of 0.01 s or more"),
        ("2.5 4.0 yes <s>", ":3: ['<s>'] no word of a transcript"),
        ("2.5 4.0 y\x01s", ":3: ['y\\x01s'] no word of a transcript"),
        ("2.5 4.0 yes\0", ":3: a NUL byte"),
        ("2.5 nan yes", ":3: a segment from 2.5 to nan s; expected 0 <= START < END"),
    ],
)
def test_odd_lines_of_transcripts_are_refused_where_they_stand(corpus, capfd, line, words):
    write_transcript(corpus / "LDC97S62", 2021, "A", [*TRANSCRIPTS["A"][:2], line, *TRANSCRIPTS["A"][3:]])
    refused(capfd, data(corpus), corpus / "raw", TRANSCRIPT + words)


def test_transcripts_that_are_there_twice_are_refused(corpus, capfd):
    trans = corpus / "LDC97S62/swb_ms98_transcriptions"
    shutil.copytree(trans, corpus / "LDC97S62/transcriptions")
    refused(
        capfd, data(corpus), corpus / "raw", "transcriptions/20/2001/sw2001A", "two transcripts of call sw02001 side A"
    )


def test_a_dictionary_directory_that_is_none_is_refused(corpus, capfd):
    (corpus / "dict/acronyms.map").write_text("IBM i._b._m.\n")
    refused(
        capfd, data(corpus), corpus / "raw", "acronyms.map:1: cannot read 'IBM i._b._m.'; expected WORD, tab, ACRONYM"
    )


@pytest.mark.parametrize(
    ("place", "old", "new", "words"),
    [
        ("both", " B ", " 2 ", ("hub5e_00.pem:4: cannot read", "SIDE being A or B")),
        ("both", "3.10", "10.45", ("hub5e_00.pem:4: a segment from 2.05 to 10.55 s of a recording of 10.00 s",)),
        ("both", "en_4156 B", "sw_4390 B", ("LDC2002S09: [sw_4390] no recording of this call",)),
        (STM_PLACE, "en_4156 B", f"{STM.splitlines()[1]}\nen_4156 B", (":4: [en_4156-A_000050-000200] the segment of line 2 again",)),
        (STM_PLACE, "YES", "CAF\xc9", ("000405.stm:2: not UTF-8",)),
        (GLM_PLACE, "no", "\xe9", ("hub5.glm:1: not UTF-8",)),
        (PEM_PLACE, "en", "e\0n", ("hub5e_00.pem:1: a NUL byte",)),
        (STM_PLACE, "> ", "> IGNORE_TIME_SEGMENT_IN_SCORING ", ("hub5e_00.pem: no segment is left",)),
    ],
)  # fmt: skip
def test_an_odd_evaluation_is_refused_before_anything_is_written(tmp_path, capfd, place, old, new, words):
    write_discs(tmp_path)
    for name in (PEM_PLACE, STM_PLACE) if place == "both" else (place,):
        path = tmp_path / name
        path.write_bytes(path.read_text().replace(old, new).encode("latin-1"))
    refused(capfd, evaluation(tmp_path), tmp_path / "eval2000", *words)


def test_a_pem_may_say_a_segment_twice_and_lines_may_end_otherwise(tmp_path):
    write_discs(tmp_path)
    (tmp_path / PEM_PLACE).write_bytes((PEM + PEM.splitlines()[1] + "\n").replace("\n", "\r\n").encode())
    (tmp_path / STM_PLACE).write_bytes(("\ufeff" + STM).replace("\n", "\r\n").encode())
    assert evaluation(tmp_path) == 0
    assert list(rows(tmp_path / "eval2000/text")) == ["en_4156-A_000050-000200", "en_4156-B_000204-000310"]
    assert (tmp_path / "eval2000/stm").read_text().splitlines()[1].endswith("<O,en,F,en-F> (%HESITATION) YES ")


def test_segments_are_thinned_out_and_chosen_before_anything_is_written(corpus, capfd):
    assert data(corpus) == 0
    assert step("local/swbd/choose_subsets").main(["--part=0", f"{corpus}/raw/train", f"{corpus}/sets"]) == 2
    assert "a number below 1; expected 1 or more" in capfd.readouterr().err
