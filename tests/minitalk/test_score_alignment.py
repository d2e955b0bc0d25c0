"""The step score_alignment on two segments made by hand: its figures, and what it refuses."""

import runpy
import shutil
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "io"))
from small_directories import write_alignments, write_lang

from houseblend.base.atomic import write_json
from houseblend.base.fingerprint import hash_json
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.lang_files import read_symbol_table

REPOSITORY = Path(__file__).resolve().parents[2]
GOLDEN = REPOSITORY / "tests/golden"
MINITALK = REPOSITORY / "local/minitalk"
ARGUMENTS = ("data", "lang", "ali", "truth", "out")
SPOKEN = {
    "sw02001-A": "sil 1.1, f 0.1, ay 0.2, v 0.104, sil 1.5",
    "sw02001-B": "sil 0.6, w 0.1, ah 0.1, n 0.2, sil 2",
}
"""Phones and their seconds."""
SEGMENTS = {"sw02001-A": (1.0, 1.8), "sw02001-B": (0.5, 1.2)}
ALIGNED = {"sw02001-A": "sil 10, f 9, ay 23, v 8, sil 20", "sw02001-B": "sil 4, w 12, ao 10, sil 2, n 20, sil 10"}
"""Phones and their frames: f right, ay 10 ms early, v 20 late; w 60 ms early, ao for ah, n 20 early."""


def pairs(text: str) -> list[tuple[str, float]]:
    """Phones and numbers of a table above."""
    return [(name, float(number)) for name, number in map(str.split, text.split(","))]


def write_ali(folder: Path, delay: int = 0) -> None:
    """An alignment directory whose phones begin `delay` frames later than ALIGNED says."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(GOLDEN / "gmm/mono/final.mdl", folder / "final.mdl")
    shutil.copyfile(folder.parent / "lang/phones.txt", folder / "phones.txt")
    (folder / "tree").write_text("ContextDependency")
    (folder / "num_jobs").write_text("1\n")
    model, phones = TransitionModel.load(folder / "final.mdl"), read_symbol_table(folder / "phones.txt")
    alignments: dict[str, list[int]] = {}
    for side, aligned in ALIGNED.items():
        ids = alignments.setdefault(f"{side}_1", [])
        for name, frames in pairs(aligned):
            own = (model.id_to_phone == phones[name]) & ~model.id_is_self_loop
            inner, last = np.flatnonzero(own & ~model.id_is_final)[0], np.flatnonzero(own & model.id_is_final)[0]
            ids += [inner] * (int(frames) - 1 + (0 if ids else delay)) + [last]
    write_alignments(folder / "ali.1.gz", alignments)


def write_truth(folder: Path) -> None:
    """Phone times as the corpus has them."""
    folder.mkdir()
    (folder / "sides.csv").write_text("side,accent\nsw02001-A,gmw/en-US\nsw02001-B,gmw/en-GB-x-rp\n")
    for side, spoken in SPOKEN.items():
        lines, start = [], 0.0
        for name, seconds in pairs(spoken):
            lines.append(f"{side} 1 {start:.3f} {seconds:.3f} {name}\n")
            start += seconds
        (folder / f"{side}.ctm").write_text("".join(lines))


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """Directories named as the arguments of the step."""
    monkeypatch.syspath_prepend(str(MINITALK))
    lang, data = tmp_path / "lang", tmp_path / "data"
    for path in (write_lang(lang) / "phones.txt", *lang.glob("phones/*.txt")):
        path.write_text(path.read_text().lower())
    data.mkdir()
    segments = [f"{side}_1 {side} {start} {end}\n" for side, (start, end) in SEGMENTS.items()]
    (data / "segments").write_text("".join(segments))
    (data / "wav.scp").write_text("".join(f"{side} {side}.wav\n" for side in SPOKEN))
    for name in ("utt2spk", "spk2utt"):
        (data / name).write_text("".join(f"{side}_1 {side}_1\n" for side in SPOKEN))
    features = {"kind": "mfcc", "options": {"frame_shift": 10.0}}
    write_json(data / "feature.json", {**features, "fingerprint": hash_json(features)})
    write_truth(tmp_path / "truth")
    write_ali(tmp_path / "ali")
    return tmp_path


def run(folder: Path) -> int:
    """Run the step in this process; its exit status."""
    step = runpy.run_path(str(MINITALK / "score_alignment"))["score_alignment"]
    return step.main([str(folder / name) for name in ARGUMENTS])


def table(folder: Path) -> dict[str, list[float]]:
    """The report: phones, % found, median, % within 10, 20 and 50 ms."""
    rows = [line.rsplit(maxsplit=6) for line in (folder / "out/report").read_text().splitlines()[1:]]
    return {title.strip(): [float(one) for one in numbers] for title, *numbers in rows}


def test_figures_are_those_of_the_example(place, capfd):
    assert run(place) == 0
    found = table(place)
    assert found["all"] == [6, 83.33, -10, 40, 80, 80]
    assert found["American accent"] == [3, 100, 0, 66.7, 100, 100]
    assert found["other accents"] == [3, 66.67, -40, 0, 50, 50]
    assert found["vowels"] == [2, 50, -10, 100, 100, 100]
    assert found["v"] == [1, 100, 20, 0, 100, 100]
    assert found["n"] == [1, 100, -20, 0, 100, 100]
    assert found["ah"][:2] == [1, 0]
    assert np.isnan(found["ah"][2:]).all()
    assert not {"sil", "ao", "noises"} & found.keys()
    log = capfd.readouterr().err
    assert "2 segments, 6 true phones: 83.33 % found in order, -10.0 ms from their begin in the median, 80.0 %" in log
    assert ET.parse(place / "out/boundaries.svg").getroot().tag.endswith("svg")


def test_a_later_alignment_is_that_much_later(place):
    write_ali(place / "ali", delay=4)
    assert run(place) == 0
    found = table(place)
    assert found["all"] == [6, 83.33, 30, 0, 40, 80]
    assert found["American accent"][2] == 40


@pytest.mark.parametrize(
    ("name", "old", "new", "message"),
    [
        ("truth/sw02001-B.ctm", "", None, "sw02001-B.ctm: no such file"),
        ("truth/sides.csv", "sw02001-B", "sw02002-B", "[sw02001-B] no such side"),
        ("truth/sides.csv", "accent", "voice", "[accent] no such column"),
        ("truth/sw02001-B.ctm", "0.600 0.100 w", "0.450 0.250 w", "from 0.50 to 1.20 s cuts a phone"),
        ("truth/sw02001-B.ctm", "0.800 0.200 n", "0.800 0.500 n", "from 0.50 to 1.20 s cuts a phone"),
        ("truth/sw02001-B.ctm", "1 0.", "1 10.", "from 0.50 to 1.20 s holds no phone"),
        ("truth/sw02001-B.ctm", " ah", " oh", "sw02001-B.ctm:3: [oh] not in phones.txt"),
        ("data/segments", "0.5 1.2", "0.5 1.05", "58 aligned frames, a segment of 0.55 s"),
        ("ali/phones.txt", "z 20", "zh 20", "phones.txt is not that of the lang directory"),
    ],
)
def test_what_does_not_fit_is_one_message(place, capfd, name, old, new, message):
    path = place / name
    if new is None:
        path.unlink()
    else:
        path.write_text(path.read_text().replace(old, new))
    assert run(place) == 1
    errors = [line for line in capfd.readouterr().err.splitlines() if line.startswith("ERROR")]
    assert len(errors) == 1
    assert message in errors[0]
    assert not (place / "out/report").exists()


def test_an_alignment_of_other_data_is_refused(place, capfd):
    write_alignments(place / "ali/ali.1.gz", {"other": [1]})
    assert run(place) == 1
    assert "no segment of the data directory is aligned" in capfd.readouterr().err
