"""The generated telephone corpus: its tree, its bytes, whose sentences and callers are whose."""

import csv
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "decode"))
from hub5_tests import SCTK, pairs_of, sclite

from houseblend.decode.hub5 import score_ctm
from houseblend.decode.stm_ctm import read_ctm, read_stm
from houseblend.io.audio import read_audio
from houseblend.io.streams import in_memory

REPOSITORY = Path(__file__).resolve().parents[2]
MINITALK = REPOSITORY / "local/minitalk"
MAKE = "local/minitalk/make_corpus"
MS98 = "LDC97S62/swb_ms98_transcriptions"
HUB5 = "LDC2002S09/hub5e_00/english"
REFERENCE = "LDC2002T43/2000_hub5_eng_eval_tr/reference"
HOURS = 0.05


def made(folder: Path, *options: str) -> dict[str, bytes]:
    """The files of a corpus by name, without those that tell how it was made."""
    subprocess.run([sys.executable, REPOSITORY / MAKE, *options, f"--out={folder}"], check=True, capture_output=True)
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def corpus(tmp_path_factory) -> tuple[Path, dict[str, bytes]]:
    """A small corpus, made by two jobs."""
    folder = tmp_path_factory.mktemp("minitalk") / "corpus"
    return folder, made(folder, f"--hours={HOURS}", "--jobs=2")


@pytest.fixture
def modules(monkeypatch):
    """The modules of local/minitalk, by name."""
    monkeypatch.syspath_prepend(str(MINITALK))
    import callers
    import calls
    import channel
    import conversation
    import grammar
    import inflect
    import ldc
    import phones
    import profiles
    import tables

    found = (callers, calls, channel, conversation, grammar, inflect, ldc, phones, profiles, tables)
    return {module.__name__: module for module in found}


def records(folder: Path) -> list[dict]:
    """What is noted about every call."""
    return [json.loads(path.read_text()) for path in sorted((folder / "truth/calls").iterdir())]


def transcript(folder: Path, call: int, side: str, kind: str) -> list[tuple[str, float, float, str]]:
    """Lines of a transcript: id, start, end, text."""
    path = folder / MS98 / str(call)[:2] / str(call) / f"sw{call}{side}-ms98-a-{kind}.text"
    rows = [line.split(maxsplit=3) for line in path.read_text().splitlines()]
    return [(key, float(start), float(end), text) for key, start, end, text in rows]


def test_one_job_makes_the_same_bytes_and_a_smaller_corpus_grows(corpus, tmp_path):
    _, files = corpus
    smaller = made(tmp_path / "smaller", "--hours=0.02", "--jobs=1")
    calls = [name for name in smaller if re.search(r"\.sph$|\.ctm$|-(trans|word)\.text$|fe_03|dict|truth/calls", name)]
    assert len(calls) > 30
    assert all(smaller[name] == files[name] for name in calls)
    first = tmp_path / "smaller/LDC97S62/swb1_d1/data/sw02001.sph"
    written = first.stat().st_mtime_ns
    (tmp_path / "smaller/listen/sw09999.wav").touch()  # of a call that the larger corpus does not show
    assert made(tmp_path / "smaller", f"--hours={HOURS}", "--jobs=1") == files
    assert first.stat().st_mtime_ns == written


def test_another_seed_says_something_else_in_other_voices(corpus, tmp_path):
    _, files = corpus
    other = made(tmp_path / "other", "--hours=0.02", "--seed=2", "--jobs=1")
    assert {name for name in other if other[name] == files.get(name) and "fe_03" not in name} == {
        f"{MS98}/sw-ms98-dict.text",
        f"{REFERENCE}/en20000405_hub5.glm",
    }


def test_killed_and_run_again_it_ends_with_the_same_bytes(corpus, tmp_path):
    _, files = corpus
    folder = tmp_path / "killed"
    command = [sys.executable, REPOSITORY / MAKE, f"--hours={HOURS}", "--jobs=2", f"--out={folder}"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    while not list((folder / "truth/calls").glob("*.json")) and process.poll() is None:
        time.sleep(0.01)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert made(folder, f"--hours={HOURS}", "--jobs=1") == files


def test_audio_is_two_channels_of_mu_law_at_8_khz(corpus):
    _folder, files = corpus
    audio = {name: data for name, data in files.items() if name.endswith(".sph")}
    assert set(audio) == {f"LDC97S62/swb1_d1/data/sw0{n}.sph" for n in (2001, 2021, 2022)} | {
        f"{HUB5}/sw_4001.sph",
        f"{HUB5}/en_4101.sph",
    }
    for name, data in audio.items():
        assert b"sample_coding -s4 ulaw\n" in data[:1024]
        rate, samples = read_audio(in_memory(data, name))
        assert rate == 8000
        assert samples.shape == (len(data[1024:]) // 2, 2)
        assert (np.sqrt((samples**2).mean(axis=0)) > 100).all()


def test_codes_are_those_of_the_standard(modules):
    codes = modules["channel"]._mu_law()
    data = modules["ldc"].sphere(codes.reshape(-1, 2), modules["calls"].Call("sw02001", 2001, "dev"))
    wanted = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.float64)
    heard = read_audio(in_memory(data, "all"))[1].reshape(-1)
    assert (np.abs(heard - np.clip(wanted, -32635, 32635)) <= (np.abs(wanted) + 132) / 32).all()


@pytest.mark.parametrize("side", ["A", "B"])
def test_segments_cover_a_side_and_lie_inside_the_audio(corpus, side):
    folder, files = corpus
    dictionary = {line.split()[0] for line in files[f"{MS98}/sw-ms98-dict.text"].decode().splitlines() if line}
    for call in (2001, 2021, 2022):
        length = (len(files[f"LDC97S62/swb1_d1/data/sw0{call}.sph"]) - 1024) / 2 / 8000
        trans, words = transcript(folder, call, side, "trans"), transcript(folder, call, side, "word")
        for rows in (trans, words):
            assert rows[0][1] == 0.0
            assert rows[-1][2] == pytest.approx(length, abs=1e-6)
            assert all(one[2] == two[1] and one[1] < one[2] for one, two in pairwise(rows))
        for key, start, end, text in trans:
            inside = [row for row in words if row[0] == key]
            assert (inside[0][1], inside[-1][2]) == (start, end)
            tokens = [row[3] for row in inside if row[3] != "[silence]"]
            assert tokens == [token for token in text.split() if token != "[silence]"]
            spoken = [token for token in tokens if token not in ("[laughter]", "[noise]", "[vocalized-noise]")]
            assert not set(spoken) - dictionary


def test_hours_are_met(corpus):
    folder, _ = corpus
    seconds = Counter()
    for record in records(folder):
        seconds[record["partition"]] += sum(end - start for _, start, end, _ in record["segments"])
    assert HOURS * 3600 <= seconds["train"] < HOURS * 3600 + 2 * 15
    assert min(seconds["dev"], seconds["test"]) > 59


def test_true_phones_cover_every_side_and_are_those_of_the_words(corpus):
    folder, files = corpus
    lexicon: dict[str, set[str]] = {}
    for line in files[f"{MS98}/sw-ms98-dict.text"].decode().splitlines():
        word, _, phones = line.partition(" ")
        lexicon.setdefault(word, set()).add(phones)
    same = total = 0
    sides = {row["side"]: row for row in csv.DictReader((folder / "truth/sides.csv").read_text().splitlines())}
    for call in (2001, 2021, 2022):
        for side in "AB":
            if sides[f"sw0{call}-{side}"]["accent"] != "gmw/en-US":
                continue
            ctm = [line.split() for line in files[f"truth/sw0{call}-{side}.ctm"].decode().splitlines()]
            starts, lengths = (np.array([float(row[column]) for row in ctm]) for column in (2, 3))
            np.testing.assert_allclose(starts[:-1] + lengths[:-1], starts[1:], atol=2e-3)
            for _, start, end, word in transcript(folder, call, side, "word"):
                inside = (starts > start - 0.005) & (starts < end - 0.005)
                phones = " ".join(row[4] for row, here in zip(ctm, inside, strict=True) if here)
                same += phones in lexicon.get(word, ())
                total += word in lexicon
    assert total > 200
    assert same / total > 0.85


def test_callers_of_training_development_and_evaluation_are_others(modules):
    calls = modules["calls"]
    numbers = {partition: [] for partition in ("train", "dev", "test")}
    for call in calls.calls_of(10):
        first, second = calls.caller_numbers(1, call)
        numbers[call.partition] += [first, second]
    assert len(numbers["test"]) == len(set(numbers["test"])) == 80
    assert len(numbers["dev"]) == len(set(numbers["dev"])) == 40
    assert len(set(numbers["train"][: calls.CALLERS])) == len(set(numbers["train"])) == calls.CALLERS
    assert not set(numbers["train"]) & {*numbers["dev"], *numbers["test"]}
    assert not set(numbers["dev"]) & set(numbers["test"])


def test_sentences_of_development_and_evaluation_stand_nowhere_else(corpus, modules):
    folder, files = corpus
    whose = modules["grammar"].partition_of
    said = {partition: set() for partition in ("train", "dev", "test")}
    for record in records(folder):
        said[record["partition"]] |= {text for _, _, _, text in record["segments"] if len(text.split()) > 7}
    text = "\n".join(data.decode() for name, data in files.items() if "fe_03" in name)
    said["train"] |= {line.split(": ", 1)[1] for line in text.splitlines() if ": " in line}
    assert not said["dev"] & said["train"]
    assert not said["test"] & (said["train"] | said["dev"])
    owned = {kind: {one for one in texts if whose(tuple(one.split())) == kind} for kind, texts in said.items()}
    assert all(len(owned[kind]) > 0 for kind in said)


def test_a_partition_draws_its_own_sentences_only(modules):
    from random import Random

    grammar = modules["grammar"].Grammar()
    random, drawn = Random(5), Counter()
    for partition in ("train", "dev", "test"):
        for _ in range(200):
            words = grammar.draw_for(partition, random, grammar.topics.draw(random), "sentence")
            drawn[partition, modules["grammar"].partition_of(words)] += 1
    assert set(drawn) <= {(one, other) for one in ("train", "dev", "test") for other in (one, None)}


def test_every_word_of_the_grammar_is_known(modules):
    from random import Random

    grammar = modules["grammar"].Grammar()
    known = set(grammar.words())
    random = Random(6)
    words = Counter(word for _ in range(3000) for word in grammar.draw(random, grammar.topics.draw(random), "sentence"))
    assert not set(words) - known
    assert 2300 < len(known) < 3000
    assert sum(count for _, count in words.most_common(50)) > 0.4 * words.total()


def test_the_evaluation_is_shaped_as_hub5(corpus):
    _, files = corpus
    stm = [line for line in files[f"{REFERENCE}/hub5e00.english.000405.stm"].decode().splitlines()]
    header = [line for line in stm if line.startswith(";;")]
    assert any(line.startswith(';; LABEL "en-F"') for line in header)
    pem = [line.split() for line in files[f"{HUB5}/hub5e_00.pem"].decode().splitlines() if not line.startswith(";;")]
    rows = [line.split() for line in stm if not line.startswith(";;")]
    assert [(row[0], row[1], row[3], row[4]) for row in rows] == [(row[0], row[1], row[3], row[4]) for row in pem]
    for call, side, speaker, _, _, label, *text in rows:
        assert speaker == f"{call}_{side}"
        assert re.fullmatch(rf"<O,{call[:2]},[FM],{call[:2]}-[FM]>", label)
        assert text
        assert all(
            re.fullmatch(r"[A-Z'-]+|\([A-Z'-]+-?\)|\(%HESITATION\)|IGNORE_TIME_SEGMENT_IN_SCORING", w) for w in text
        )


def test_the_evaluation_is_scored_as_by_sclite_and_contractions_may_be_spoken_in_full(corpus, modules, tmp_path):
    _, files = corpus
    names = {"stm": "hub5e00.english.000405.stm", "glm": "en20000405_hub5.glm"}
    stm, glm = (files[f"{REFERENCE}/{name}"].decode() for name in names.values())
    full = {short.upper(): choices[0].upper() for short, choices in modules["tables"].CONTRACTIONS.items()}
    ctm, spoken = [], 0
    for segment in [line.split() for line in stm.splitlines() if not line.startswith(";;")]:
        words = [word for word in segment[6:] if not word.startswith(("(", "IGNORE_"))]
        spoken += sum(word in full for word in words)
        heard = " ".join(full.get(word, word) for word in words).split()
        start, step = float(segment[3]), (float(segment[4]) - float(segment[3])) / max(len(heard), 1)
        ctm += [f"{segment[0]} {segment[1]} {start + n * step:.3f} {step:.3f} {word}" for n, word in enumerate(heard)]
    assert spoken > 5
    for name, text in (("stm", stm), ("glm", glm), ("ctm", "\n".join(ctm) + "\n")):
        (tmp_path / name).write_text(text)
    paths = {name: tmp_path / name for name in ("stm", "ctm", "glm")}
    scored = score_ctm(read_stm(paths["stm"])[0], read_ctm(paths["ctm"]), **paths)
    assert not [pair for one in scored for pair in one.pairs if pair.kind != "C"]
    if SCTK.is_dir():
        theirs = pairs_of(sclite(tmp_path, *(path.read_text() for path in paths.values())))
        assert {one.key: [tuple(pair) for pair in one.pairs] for one in scored} == theirs


def test_a_reference_marks_what_need_not_be_recognised(modules):
    words = modules["tables"].reference_words("uh i wa[nt]- want [noise] it's [laughter-yeah] [laughter]")
    assert words == ["(%HESITATION)", "I", "(WA-)", "WANT", "IT'S", "YEAH"]
    assert modules["tables"].reference_words("[laughter]") == []


@pytest.mark.parametrize(
    ("base", "forms"),
    [("stop", "stops stopped stopping"), ("carry", "carries carried carrying"), ("bake", "bakes baked baking"),
     ("go", "goes went going"), ("turn-on", "turns on|turned on|turning on"), ("clean", "cleans cleaned cleaning")],
)  # fmt: skip
def test_verbs_have_their_forms(modules, base, forms):
    verb = modules["inflect"].Inflection(MINITALK / "talk/irregular.txt").verb(base)
    assert [verb.with_he, verb.past, verb.ing] == (forms.split("|") if "|" in forms else forms.split())


def test_harder_calls_are_noisier_and_faster(modules):
    profile = modules["profiles"].PROFILES["phone"]
    harder = modules["profiles"].harder(profile)
    assert harder.snr_db < profile.snr_db
    assert harder.rate > profile.rate


def test_noise_lies_as_far_under_the_speech_as_was_drawn(modules):
    channel, draw = modules["channel"], np.random.RandomState(3)
    line = channel.Line(modules["profiles"].PROFILES["clean"], draw)
    line.snr_db, line.crosstalk_db = 12.0, -200.0
    sides = [np.zeros(80000, np.float32) for _ in range(2)]
    sides[0][20000:60000] = sides[1][20000:60000] = draw.standard_normal(40000)
    spoken = [np.abs(side) > 0 for side in sides]
    codes = channel.mix(sides, spoken, [line, line], draw)
    data = modules["ldc"].sphere(codes, modules["calls"].Call("sw02001", 2001, "dev"))
    heard = read_audio(in_memory(data, "mixed"))[1][:, 0]
    power = [np.mean(heard[a:b] ** 2) for a, b in ((21000, 59000), (61000, 79000))]
    assert 10 * np.log10((power[0] - power[1]) / power[1]) == pytest.approx(12.0, abs=0.3)


def test_a_tone_passes_the_line_at_its_pitch_and_length(modules):
    channel = modules["channel"]
    line = channel.Line(modules["profiles"].PROFILES["clean"], np.random.RandomState(4))
    tone = np.sin(2 * np.pi * 1000 * np.arange(22050) / 22050)
    carried = line.carry(tone)
    assert len(carried) == 8160
    assert np.abs(np.fft.rfft(carried[:8000])).argmax() == 1000
    assert np.abs(carried[1000:7000]).max() == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--hours=0", "0<x<=200"),
        ("--hours=900", "0<x<=200"),
        ("--hours=nan", "no finite number"),
        ("--profile=mobile", "'clean', 'phone', 'hard'"),
        ("--jobs=0", "x>=1"),
    ],
)
def test_wrong_options_are_refused_in_a_sentence_before_anything_is_touched(tmp_path, option, said):
    command = [sys.executable, REPOSITORY / MAKE, option, f"--out={tmp_path / 'x'}"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "x").exists()


def test_the_page_shows_what_there_is(corpus):
    folder, files = corpus
    page = files["listen/index.html"].decode()
    for name in re.findall(r'src="([^"]+)"', page):
        assert (folder / "listen" / name).stat().st_size > 1000
    assert page.count("<h2>") == 4
