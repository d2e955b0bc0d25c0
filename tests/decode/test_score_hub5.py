"""The step score_hub5 on golden lattices: what it writes, and what it refuses."""

import gzip
import json
import runpy
from pathlib import Path

import pytest

from houseblend.decode.stm_ctm import TimedWord, read_ctm, spelled_out

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests/golden"
ARGUMENTS = ("data", "graph", "model", "decoding", "dev_score", "out")
SPOKEN = {"three": "c._d.s", "six": "uh", "one": "it's"}
"""Words of the golden table that become an acronym, a hesitation, and one that the rules know."""
REFERENCE = {"three": "C D'S", "six": "(%HESITATION)", "one": "IT IS"}


@pytest.fixture
def test_set(tmp_path) -> Path:
    """Directories named as the arguments of the step; the words are those of the golden best paths."""
    for name in ARGUMENTS[:-1]:
        (tmp_path / name).mkdir()
    table = [line.split() for line in (GOLDEN / "lang/words.txt").read_text().splitlines()]
    names = {number: word for word, number in table}
    (tmp_path / "graph/words.txt").write_text("".join(f"{SPOKEN.get(word, word)} {n}\n" for word, n in table))
    (tmp_path / "graph/phones.txt").symlink_to(GOLDEN / "lang/phones.txt")
    for name, content in (("graph/HCLG.fst", "fst"), ("graph/num_pdfs", "1"), ("model/tree", "ContextDependency")):
        (tmp_path / name).write_text(content)
    (tmp_path / "graph/phones").symlink_to(GOLDEN / "lang/phones")
    (tmp_path / "model/final.mdl").symlink_to(GOLDEN / "gmm/mono/final.mdl")
    (tmp_path / "decoding/lat.1.gz").write_bytes(gzip.compress((GOLDEN / "decode/lat.txt").read_bytes()))
    chosen = {"lm_weight": 10, "insertion_penalty": 0.0, "utterances": {}}
    (tmp_path / "dev_score/score.json").write_text(json.dumps(chosen))
    data = tmp_path / "data"
    (data / "reco2file_and_channel").write_text("call-A call A\ncall-B call B\n")
    (data / "glm").write_text(";;\n[IT'S] => [{IT'S / IT IS}] / [ ] __ [ ]\n[UH] => [%HESITATION] / [ ] __ [ ]\n")
    (data / "wav.scp").write_text("call-A a.wav\ncall-B b.wav\n")
    keys, segments, stm = [], [], [';; LABEL "A" "Easier" ""\n', ';; LABEL "B" "Harder" ""\n']
    for place, line in enumerate((GOLDEN / "decode/best.words").read_text().splitlines()):
        key, *words = line.split()
        side, start, end = "AB"[place % 2], 10 * place, 10 * place + 9
        keys.append(key)
        segments.append(f"{key} call-{side} {start} {end}\n")
        text = " ".join(REFERENCE.get(names[word], names[word].upper()) for word in words)
        stm.append(f"call {side} {side} {start}.00 {end}.00 <{side}> {text}\n")
    (data / "segments").write_text("".join(segments))
    for name in ("utt2spk", "spk2utt"):
        (data / name).write_text("".join(f"{key} {key}\n" for key in keys))
    (data / "stm").write_text("".join(stm))
    return tmp_path


def run(folder: Path) -> int:
    """Run the step in this process; its exit status."""
    step = runpy.run_path(str(REPOSITORY / "steps/score_hub5"))["score_hub5"]
    return step.main([str(folder / name) for name in ARGUMENTS])


def test_the_right_words_are_right_and_one_wrong_is_one_wrong(test_set):
    out = test_set / "out"
    assert run(test_set) == 0
    assert (out / "best_wer").read_text().startswith("%WER 0.00 ")
    words = [one.word for one in read_ctm(out / "ctm")]
    assert words.count("c") == words.count("d's") > 0
    assert not {"c._d.s", "uh"} & set(words)
    stm = test_set / "data/stm"
    stm.write_text(stm.read_text().replace("C D'S", "C D", 1))
    assert run(test_set) == 0
    report = {line.split("  ")[0]: line.split()[-4:-1] for line in (out / "report").read_text().splitlines()}
    assert report["all"] == ["1", "0", "0"]
    assert sorted((report["subset Easier"], report["subset Harder"])) == [["0", "0", "0"], ["1", "0", "0"]]
    score = json.loads((out / "score.json").read_text())
    assert (score["substitutions"], score["lm_weight"], score["chosen_on"]) == (1, 10, "another set")
    assert sum(line.split()[1] == "op" for line in (out / "per_utt").read_text().splitlines()) == 12


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("data/stm", "call B", "other B", "file call channel B is not in"),
        ("data/reco2file_and_channel", "call-B call B", "call-B call", "[call-B] bad line"),
        ("dev_score/score.json", "lm_weight", "weight", "lm_weight"),
    ],
)
def test_what_does_not_fit_is_one_message(test_set, capfd, name, old, new, message):
    path = test_set / name
    path.write_text(path.read_text().replace(old, new))
    assert run(test_set) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not (test_set / "out/score.json").exists()


def test_letters_of_an_acronym_share_its_time():
    def letters(word, duration):
        found = spelled_out(TimedWord("f", "A", 1.0, duration, word, None, 0))
        return [(one.word, round(one.start, 2), round(one.duration, 2)) for one in found]

    assert letters("u._c._l._a.", 0.64) == [("u", 1.0, 0.16), ("c", 1.16, 0.16), ("l", 1.32, 0.16), ("a", 1.48, 0.16)]
    assert letters("i.", 0.1) == [("i", 1.0, 0.1)]
    for word in ("t._v.s", "t._v.'s"):
        assert letters(word, 0.2) == [("t", 1.0, 0.1), ("v's", 1.1, 0.1)]
    for word in ("mr.", "yes", "okay", "'s", "o'clock", "-ing"):
        assert letters(word, 0.2) == [(word, 1.0, 0.2)]
