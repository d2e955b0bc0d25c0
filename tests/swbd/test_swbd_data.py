"""Data preparation of Switchboard on fragments with the oddities of the real discs, and on broken ones."""

import re
import shutil

import pytest
from discs import (
    DATA,
    DICT,
    EVAL,
    PEM,
    SECONDS,
    STM,
    SWBD,
    TRANSCRIPTS,
    module,
    mu_law_sample,
    rows,
    sphere,
    step,
    wav_samples,
    write_discs,
    write_transcript,
)

from houseblend.base.errors import InputError
from houseblend.io.sphere import _mu_law_tables


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Corpus, and dict, raw, eval2000 of it."""
    folder = tmp_path_factory.mktemp("swbd")
    write_discs(folder)
    for script, *arguments in commands(folder):
        assert step(script).main([str(one) for one in arguments]) == 0
    return folder


def commands(folder):
    """The programs in their order."""
    dictionary = folder / "LDC97S62/swb_ms98_transcriptions/sw-ms98-dict.text"
    yield DICT, dictionary, folder / "dict"
    yield DATA, folder / "LDC97S62", folder / "dict", folder / "raw"
    yield EVAL, folder / "LDC2002S09", folder / "LDC2002T43", folder / "eval2000"


def test_words_are_written_as_said():
    said = {
        "[LAUGHTER-STORY]": "STORY", "[laughter-be[cause]-]": "be-", "[LAUGHTER-yes]-": "yes-", "[IT'N/ISN'T]": "IT'N",
        "[LEM[GUINI]-/LINGUINI]": "LEM-", "-[AN]Y": "-Y", "[AN]Y": "-Y", "-[A]B[OUT]-": "-B-", "AB[SOLUTE]-": "AB-",
        "AB[SOLUTE]": "AB-", "EX[SPECIALLY]-/ESPECIALLY]": "EX", "{YUPPIEDOM}": "YUPPIEDOM", "AMMU[N]IT-": "AMMU-IT-",
        "THEM_1": "THEM", "THEM_1's": "THEM's", "uh-huh": "uh-huh", "[noise]": "[noise]",
        "[vocalized-noise]": "[vocalized-noise]", "[laughter]": "[laughter]",
    }  # fmt: skip
    as_said = module("words").as_said
    assert {word: as_said(word) for word in said} == said


def test_acronyms_are_found_by_how_they_are_said():
    words = module("words")
    letters = {"I": "ay", "B": "b iy", "M": "eh m", "A": "ey", "T": "t iy", "V": "v iy"}
    assert words.spelled("IBM", "ay b iy eh m", letters) == "i._b._m."
    assert words.spelled("TVs", "t iy v iy z", letters) == "t._v.s"
    assert words.spelled("TV's", "t iy v iy z", letters) == "t._v.'s"
    assert words.spelled("a", "ey", letters) is None
    assert words.spelled("bit", "b ih t", letters) is None
    acronyms = {"IBM": "i._b._m.", "I": "i.", "B": "b.", "M": "m."}
    assert words.with_acronyms(["I", "know", "IBM"], acronyms) == ["i", "know", "i._b._m."]
    assert words.with_acronyms(["the", "I", "B", "M"], acronyms) == ["the", "i.", "b.", "m."]


def test_the_dictionary_is_written_in_the_words_of_the_transcripts(prepared):
    lexicon = (prepared / "dict/lexicon.txt").read_text().splitlines()
    for entry in (
        "yes y eh s", "ab- ae b", "-y n iy", "it'n ih t n", "yuppiedom y ah p iy d ax m", "them eh m", "them dh eh m",
        "i._b._m. ay b iy eh m", "c._d.s s iy d iy z", "t._v.'s t iy v iy z", "i ay", "<unk> spn", "[laughter] lau",
    ):  # fmt: skip
        assert entry in lexicon, entry
    assert lexicon == sorted(set(lexicon))
    assert (prepared / "dict/silence_phones.txt").read_text().split() == ["sil", "spn", "nsn", "lau"]
    assert "sil" not in (prepared / "dict/nonsilence_phones.txt").read_text().split()


def test_fixes_are_made_in_the_dictionary_that_they_belong_to(tmp_path):
    with_fixes = module("ms98_dictionary").with_fixes
    fixes = tmp_path / "fixes"
    fixes.write_text("# why\n\nNIT: eh ay  t iy -> eh n ay t iy\nread: -> r iy d\n")
    entries = [("yes", "y eh s"), ("NIT", "eh ay t iy"), ("read", "r eh d")]
    mended = [("yes", "y eh s"), ("read", "r eh d"), ("NIT", "eh n ay t iy"), ("read", "r iy d")]
    assert with_fixes(entries, fixes) == mended
    assert with_fixes([("yes", "y eh s")], fixes) == [("yes", "y eh s")]
    for line in ("read r iy d", "read: r iy d", "read: ->"):
        fixes.write_text(f"# why\n{line}\n")
        with pytest.raises(InputError, match=r"fixes:2: cannot read 'read.*expected WORD: "):
            with_fixes(entries, fixes)


def test_our_fixes_and_letters_can_be_read(tmp_path):
    dictionary = module("ms98_dictionary")
    phones = "aa ah ao ax ay b ch d eh er ey f g hh ih iy jh k l m n ng ow p r s sh t uh uw v w y z zh ae"
    entries, letters = dictionary.with_letters([("all", phones)], SWBD / "letters.txt")
    assert "".join(sorted(letters)) == "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    assert letters["W"] == "d ah b ax l y uw"
    assert set(dictionary.with_letters([("be", "b iy")], SWBD / "letters.txt")[1]) == {"B", "E"}
    wrong = [
        line for line in (SWBD / "dict_fixes.txt").read_text().splitlines() if line[0:1].strip("#") and ":" in line
    ]
    before = [(line.partition(":")[0], line.partition(":")[2].partition("->")[0].strip()) for line in wrong]
    mended = dictionary.with_fixes(entries + [one for one in before if one[1]], SWBD / "dict_fixes.txt")
    assert ("NAACP", "eh n ey ey s iy p iy") in mended
    assert {phone for _, said in mended for phone in said.split()} <= set(phones.split())
    assert not set(before) & set(mended)


def test_utterances_are_cut_as_kaldi_cuts_them(prepared):
    text, segments = rows(prepared / "raw/train/text"), rows(prepared / "raw/train/segments")
    assert text == {
        "sw02021-A_000098-000250": "yes i yes ab-",
        "sw02021-A_000250-000400": "-y yuppiedom them [laughter]",
        "sw02021-A_000400-000600": "the i._b._m. c._d.s it'n [noise] i. b. m.",
        "sw02021-B_000000-000500": "yes",
        "sw02021-B_000600-001000": "a t._v.'s [vocalized-noise]",
    }
    assert segments["sw02021-A_000098-000250"] == "sw02021-A 0.98 2.5"
    assert set(rows(prepared / "raw/dev/wav.scp")) == {"sw02001-A", "sw02001-B"}
    wav = rows(prepared / "raw/train/wav.scp")["sw02021-B"]
    assert wav == f"sph2pipe -f wav -p -c 2 {prepared}/LDC97S62/swb1_d1/data/sw02021.sph |"
    assert rows(prepared / "raw/train/reco2file_and_channel")["sw02021-B"] == "sw02021 B"


def test_words_outside_the_dictionary_are_counted(prepared):
    assert (prepared / "raw/unknown_words").read_text() == "the 2\n"


def test_callers_of_the_table_are_speakers_if_asked_for(prepared, tmp_path):
    arguments = ["--speakers=caller", str(prepared / "LDC97S62"), str(prepared / "dict"), str(tmp_path / "raw")]
    assert step(DATA).main(arguments) == 0
    spoken = rows(tmp_path / "raw/train/utt2spk")
    assert spoken["sw1007-02021-A_000098-000250"] == "sw1007"
    assert spoken["sw1005-02021-B_000000-000500"] == "sw1005"


def test_the_evaluation_has_segments_text_and_a_mended_reference(prepared):
    folder = prepared / "eval2000"
    assert rows(folder / "text") == {
        "en_4156-A_000050-000200": "((%hesitation) yes <b_aside>", "en_4156-B_000204-000310": "a b-",
    }  # fmt: skip
    assert rows(folder / "segments")["en_4156-A_000050-000200"] == "en_4156-A 0.40 2.10"
    assert "(%HESITATION) YES " in (folder / "stm").read_text()
    assert "ASIDE" not in (folder / "stm").read_text()


def test_segments_are_lengthened_up_to_the_middle_of_a_pause():
    evaluation = module("evaluation")
    times = [(0.05, 2.0), (2.1, 3.0), (2.9, 4.0), (5.0, 6.0)]
    before = {one.key: one for one in (evaluation.Stretch("a-A", start, end, 1) for start, end in times)}
    after = [(round(one.start, 3), round(one.end, 3)) for one in evaluation.extended(before, 0.1).values()]
    assert after == [(0.0, 2.05), (2.05, 3.0), (2.9, 4.1), (4.9, 6.1)]


def test_sph2pipe_writes_a_channel_as_16_bits(prepared, run_program):
    path = prepared / "LDC97S62/swb1_d1/data/sw02021.sph"
    for channel, byte in ((1, 128), (2, 129)):
        data = run_program("sph2pipe", "-f", "wav", "-p", "-c", channel, path, check=True).stdout
        assert wav_samples(data) == (1, (mu_law_sample(byte),) * (8000 * SECONDS))
    refused = run_program("sph2pipe", "-f", "wav", "-p", "-c", 3, path)
    assert (refused.status, refused.stdout) == (1, b"")
    assert "no channel 3; expected 1 to 2" in refused.stderr


def test_mu_law_is_that_of_its_definition():
    low, high = _mu_law_tables()
    found = [int.from_bytes(bytes((low[byte], high[byte])), "little", signed=True) for byte in range(256)]
    assert found == [mu_law_sample(byte) for byte in range(256)]


def _break(corpus, what):
    """Make one thing wrong; what is to be told."""
    disc = corpus / "LDC97S62"
    calls = disc / "swb1_d1/data"
    trans = disc / "swb_ms98_transcriptions"
    if what == "no disc":
        shutil.rmtree(disc)
        return r"LDC97S62: \[disc\] no such file or directory"
    if what == "no audio":
        shutil.rmtree(calls)
        return r"LDC97S62: no recordings \(\*.sph\)"
    if what == "no transcripts":
        shutil.rmtree(trans)
        return r"LDC97S62: no transcripts"
    if what == "a call without audio":
        (calls / "sw02021.sph").unlink()
        return r"\[sw02021\] no recording of this call; copy the disc that it is on; 1 such faults"
    if what == "one side":
        (trans / "20/2021/sw2021B-ms98-a-trans.text").unlink()
        return r"\[sw02021\] half a call: no transcript of side B"
    if what == "an empty side":
        (trans / "20/2021/sw2021A-ms98-a-trans.text").write_text("")
        return r"\[sw02021\] half a call: no transcript of side A"
    if what == "one channel":
        (calls / "sw02021.sph").write_bytes(sphere(channels=1))
        return r"sw02021.sph: half a call: 1 channel; expected both sides"
    if what == "cut off":
        (calls / "sw02021.sph").write_bytes(sphere(cut=1000))
        return r"sw02021.sph: 160024 bytes, the header says 161024"
    if what == "compressed":
        (calls / "sw02021.sph").write_bytes(sphere(coding="ulaw,embedded-shorten-v2.00"))
        return r"sw02021.sph: coding ulaw,embedded-shorten-v2.00 is not read; expected mu-law, A-law or PCM, not compressed; uncompress it"
    if what == "no sphere":
        (calls / "sw02021.sph").write_bytes(b"RIFF")
        return r"sw02021.sph: broken SPHERE header"
    if what == "twice":
        (disc / "swb1_d2").mkdir()
        (disc / "swb1_d2/sw2021.sph").write_bytes(sphere())
        return r"two recordings of call sw02021"
    lines = list(TRANSCRIPTS["A"])
    lines[2], message = {
        "beyond the audio": ("2.5 10.6 yes", r"text:3: a segment from 2.50 to 10.60 s of a recording of 10.00 s"),
        "overlap": ("2.4 4.0 yes", r"text:3: the segment begins at 2.40 s, the one before ends at 2.50 s"),
        "times": ("4.0 2.5 yes", r"text:3: a segment from 4.0 to 2.5 s; expected 0 <= START < END"),
        "no times": ("yes yes", r"text:3: cannot read .*expected sw2001A-ms98-a-0001 START END WORD"),
        "encoding": ("2.5 4.0 caf\xe9", r"text:3: not UTF-8; convert it with iconv"),
    }[what]
    path = write_transcript(disc, 2021, "A", lines)
    path.write_bytes(path.read_text().encode("latin-1"))
    return message


@pytest.mark.parametrize(
    "what",
    [
        "no disc", "no audio", "no transcripts", "a call without audio", "one side", "an empty side", "one channel", "cut off",
        "compressed", "no sphere", "twice", "beyond the audio", "overlap", "times", "no times", "encoding",
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_clear_message_and_nothing_is_written(prepared, tmp_path, capfd, what):
    write_discs(tmp_path)
    message = _break(tmp_path, what)
    arguments = [str(tmp_path / "LDC97S62"), str(prepared / "dict"), str(tmp_path / "raw")]
    assert step(DATA).main(arguments) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert re.search(message, errors[0]), errors[0]
    assert not [path for path in (tmp_path / "raw").iterdir() if not path.name.startswith(".")]


def test_so_many_faults_may_be_left_out(prepared, tmp_path, capfd):
    write_discs(tmp_path)
    write_transcript(tmp_path / "LDC97S62", 2021, "A", [*TRANSCRIPTS["A"], "9.0 12.0 yes"])
    arguments = ["--max-skipped=2", str(tmp_path / "LDC97S62"), str(prepared / "dict"), str(tmp_path / "raw")]
    assert step(DATA).main(arguments) == 0
    assert len(rows(tmp_path / "raw/train/text")) == 5
    assert "left out: " in capfd.readouterr().err


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pem", PEM.replace("2.05", "2.06"), r"000405.stm:4: \[en_4156-B_000204.* not in .*; 2 segments are in one of"),
        ("pem", PEM.replace("4.00", "four"), r"hub5e_00.pem:3: cannot read .*expected CALL SIDE SPEAKER START END"),
        ("stm", STM.replace("2.05", "3.20"), r"000405.stm:4: cannot read .*expected FILE CHANNEL SPEAKER"),
        ("both", "3.10 13.10", r"hub5e_00.pem:4: a segment from 2.05 to 13.20 s of a recording of 10.00 s"),
        ("sph", "", r"\[en_4156\] no recording of this call|no recordings"),
        ("glm", "", r"no en20000405_hub5.glm; expected it somewhere below"),
    ],
)
def test_an_evaluation_that_does_not_fit_is_refused(tmp_path, capfd, name, content, message):
    write_discs(tmp_path)
    files = {
        "pem": tmp_path / "LDC2002S09/hub5e_00/english/hub5e_00.pem",
        "sph": tmp_path / "LDC2002S09/hub5e_00/english/en_4156.sph",
        "stm": tmp_path / "LDC2002T43/2000_hub5_eng_eval_tr/reference/hub5e00.english.000405.stm",
        "glm": tmp_path / "LDC2002T43/2000_hub5_eng_eval_tr/reference/en20000405_hub5.glm",
    }
    if name == "both":
        for key, text in (("pem", PEM), ("stm", STM)):
            files[key].write_text(text.replace(*content.split()))
    elif content:
        files[name].write_text(content)
    else:
        files[name].unlink()
    arguments = [str(tmp_path / part) for part in ("LDC2002S09", "LDC2002T43", "eval2000")]
    assert step(EVAL).main(arguments) == 1
    assert re.search(message, capfd.readouterr().err)
    assert not (tmp_path / "eval2000/segments").exists()


def test_fisher_is_written_in_the_words_of_switchboard(tmp_path):
    fisher = module("fisher")
    words = "yeah okay i'm mandatory cause non stop he said hi there so yes th- uh-huh a._b._c. workin' well"
    known = set(words.split())
    turns = {
        "[laugh] I'm *mandatory ((okay)) [[skip]] yeah?": "[laughter] i'm mandatory okay yeah",
        "'cause non-stop 'em [breath] [mn]": "cause non stop -em [noise] [vocalized-noise]",
        "he said 'hi there' - <german (( ja wohl )) > a._b._c.": "he said hi there a._b._c.",
        "'kay so -okay yes,yeah 'well' workin'": "-kay so okay yes yeah well workin'",
        "th- uh-huh mid-yes so-": "th- uh-huh mid-yes so-",
    }
    assert {turn: fisher.clean(turn, known) for turn in turns} == turns
    folder = tmp_path / "data/trans/000"
    folder.mkdir(parents=True)
    (folder / "fe_03_00001.txt").write_text("# fe_03_00001.sph\n\n0.00 3.20 A: hello there\n3.20 6.10 B: ((\n")
    assert fisher.fisher_sentences(tmp_path, known) == ["hello there"]
    (folder / "fe_03_00001.txt").write_text("hello\n")
    with pytest.raises(InputError, match=r"fe_03_00001.txt:1: cannot read 'hello'"):
        fisher.fisher_sentences(tmp_path, known)


def test_repeats_are_thinned_out_as_kaldi_does():
    without_repeats = module("repeats").without_repeats
    texts = {f"u{number:04d}": "uh-huh" if number % 2 else f"word {number}" for number in range(1000)}
    kept = without_repeats(texts, 100)
    assert [key for key in texts if texts[key] != "uh-huh"] == [key for key in kept if texts[key] != "uh-huh"]
    assert len(kept) - 500 in range(95, 106)
    state, wanted = 0, []
    for key in (key for key in texts if texts[key] == "uh-huh"):
        state = (state + 103349) % 71147
        wanted += [key] if state / 71147 < 100 / 500 else []
    assert [key for key in kept if texts[key] == "uh-huh"] == wanted
