"""Data directories: one set of rules for validating and mending; parts and unions."""

import json
import os
import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.cli.validate_data_dir import main as validate
from houseblend.io.data_dir import DataDir, fix_data_dir, problems, validate_any_data, validate_data_dir
from houseblend.io.data_files import FILES, read_lines
from houseblend.io.data_subsets import (
    combine_data_dirs,
    open_data_dir,
    per_speaker,
    shortest,
    split_by_speaker,
    split_evenly,
    spread,
    write_subset,
)
from houseblend.io.tables import write_table


def make(folder: Path, speakers: dict[str, int], segments: bool = False, prefix: str = "") -> Path:
    """A valid data directory with features; utterances are SPEAKER-1, SPEAKER-2, ..."""
    folder.mkdir(parents=True)
    utterances = sorted((f"{prefix}{s}-{n}", prefix + s) for s, count in speakers.items() for n in range(1, count + 1))
    places = {utt: f"/audio/{utt}.wav" for utt, _ in utterances}
    files = {
        "utt2spk": dict(utterances),
        "spk2utt": {
            s: " ".join(u for u, other in utterances if other == s) for s in sorted({s for _, s in utterances})
        },
        "text": {utt: f"one two {n}" for n, (utt, _) in enumerate(utterances)},
        "wav.scp": places,
        "utt2dur": {utt: f"{1 + n / 8}" for n, (utt, _) in enumerate(utterances)},
        "utt2num_frames": {utt: str(100 - n) for n, (utt, _) in enumerate(utterances)},
        "feats.scp": {utt: f"{folder}/feats.ark:{n}" for n, (utt, _) in enumerate(utterances)},
        "cmvn.scp": {s: f"{folder}/cmvn.ark:{n}" for n, s in enumerate(sorted({s for _, s in utterances}))},
        "spk2gender": {s: "mf"[len(s) % 2] for s in sorted({s for _, s in utterances})},
        "utt2orig": {utt: utt for utt, _ in utterances[::2]},
    }
    if segments:
        files["segments"] = {utt: f"{prefix}rec{n // 2} {n}.5 {n + 1}" for n, (utt, _) in enumerate(utterances)}
        files["wav.scp"] = {f"{prefix}rec{n}": "sox in.sph - |" for n in range((len(utterances) + 1) // 2)}
    for name, entries in files.items():
        (folder / name).write_text("".join(f"{key} {entries[key]}\n" for key in sorted(entries)))
    (folder / "feats.ark").touch()
    (folder / "cmvn.ark").touch()
    (folder / "feature.json").write_text(json.dumps({"kind": "mfcc", "options": {}, "fingerprint": "1"}))
    validate_data_dir(folder, ["text", "feats.scp", "wav.scp"])
    return folder


@pytest.fixture
def data(tmp_path):
    return make(tmp_path / "data", {"ann": 3, "bob": 5, "cyd": 2})


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def keys(path: Path) -> list[str]:
    return [line.split()[0] for line in lines(path)]


def edit(path: Path, number: int, line: str | bytes) -> None:
    """Replace a line, counted from 1."""
    rows = path.read_bytes().split(b"\n")
    rows[number - 1] = line if isinstance(line, bytes) else line.encode()
    path.write_bytes(b"\n".join(rows))


BROKEN = [
    ("utt2spk", 2, "ann-2 ann extra", "utt2spk:2: [ann-2] bad line"),
    ("utt2spk", 2, "ann-2", "utt2spk:2: [ann-2] bad line"),
    ("utt2spk", 1, "ann-2 ann", "utt2spk:2: [ann-2] the key stands twice"),
    ("text", 3, "ann-1 again", "text:3: [ann-1] the key stands twice"),
    ("text", 3, "zed-1 one", "text:4: [bob-1] not sorted"),
    ("text", 2, "ann-2 one <s> two", "text:2: [ann-2] bad line"),
    ("text", 2, "ann-2 one\u00a0two", "text:2: [ann-2] U+00A0 (no-break space) in the line"),
    ("text", 2, "ann-2 a\x07b", "text:2: [ann-2] U+0007 (control character) in the line"),
    ("text", 2, b"ann-2 caf\xe9", "text:2: [ann-2] not UTF-8"),
    ("text", 2, b"ann-2 one\r", "text:2: the line ends in a carriage return"),
    ("text", 2, "", "text:2: a line without a key"),
    ("text", 10, "cyd-2 three", None),
    ("text", 11, "cyd-3 unfinished", "text:11: the last line has no end"),
    ("wav.scp", 2, "ann-2 ~/a.wav", "wav.scp:2: [ann-2] bad line"),
    ("wav.scp", 2, "ann-2", "wav.scp:2: [ann-2] bad line"),
    ("feats.scp", 10, "cyd-9 /feats.ark:3", "feats.scp:10: [cyd-9] utterance that is not in utt2spk"),
    ("cmvn.scp", 2, "bib /cmvn.ark:3", "cmvn.scp:2: [bib] speaker that is not in utt2spk"),
    ("utt2dur", 4, "bob-1 0", "utt2dur:4: [bob-1] bad line"),
    ("utt2num_frames", 4, "bob-1 3.5", "utt2num_frames:4: [bob-1] bad line"),
    ("spk2gender", 1, "ann x", "spk2gender:1: [ann] bad line"),
    ("spk2utt", 1, "ann ann-1 ann-2", "spk2utt:1: [ann] differs from utt2spk: ann-3"),
]


@pytest.mark.parametrize(("name", "number", "line", "message"), BROKEN)
def test_a_broken_line_is_named_and_fixed(name, number, line, message, data):
    edit(data / name, number, line)
    if message is None:
        validate_data_dir(data)
        return
    found = [str(problem) for problem in problems(data)]
    assert any(message in problem for problem in found), found
    with pytest.raises(InputError):
        validate_data_dir(data)
    everyone = set(keys(data / "feats.scp")) | set(keys(data / "wav.scp"))
    fixed = fix_data_dir(data)
    assert set(keys(data / "utt2spk")) | dict(fixed.dropped).keys() >= everyone
    assert 5 <= fixed.kept == len(keys(data / "text"))
    assert list(problems(data, ["text", "wav.scp", "feats.scp"])) == []


def test_missing_files_and_ids_are_named(data):
    (data / "text").unlink()
    assert list(problems(data)) == []
    assert "text: no such file" in str(next(problems(data, ["text"])))
    (data / "feats.scp").write_text("".join(line + "\n" for line in lines(data / "feats.scp")[1:]))
    assert "feats.scp: [ann-1] utterance without a line" in str(next(problems(data)))
    (data / "spk2utt").unlink()
    assert "spk2utt: no such file" in str(next(problems(data)))
    (data / "utt2spk").unlink()
    with pytest.raises(InputError, match="utt2spk: no such file"):
        validate_data_dir(data)
    with pytest.raises(InputError, match="no such directory"):
        validate_data_dir(data / "none")


def test_fix_is_advised_only_where_it_does_not_refuse(data, capsys):
    """Some utterances lost, all lost, and speakers that only a new name puts in order."""
    rows = lines(data / "text")
    advice = {}
    for name, kept in (("some", rows[3:]), ("none", [row.replace("-", "_") for row in rows])):
        (data / "text").write_text("".join(f"{row}\n" for row in kept))
        (data / "spk2utt").unlink(missing_ok=True)
        advice[name] = {problem.do for problem in problems(data)}
        assert validate.main([str(data)]) == 1
        last = capsys.readouterr().err.splitlines()[-1]
        assert last.endswith("mend them, or run fix-data-dir" if name == "some" else "; mend them")
    assert advice["some"] == {"run fix-data-dir"}
    assert advice["none"] == {"mend it by hand (fix-data-dir cannot: no utterance would be left)"}
    (data / "text").write_text("".join(f"{row}\n" for row in reversed(rows)))
    (data / "utt2spk").write_text((data / "utt2spk").read_text().replace("ann-1 ann", "ann-1 cyd"))
    with pytest.raises(InputError, match="not sorted.*; mend it by hand .fix-data-dir cannot: speaker ann behind cyd"):
        open_data_dir(data)


def test_speakers_out_of_order_can_only_be_mended_by_hand(data):
    edit(data / "utt2spk", 1, "ann-1 zed")
    (data / "spk2utt").write_text("ann ann-2 ann-3\nbob bob-1 bob-2 bob-3 bob-4 bob-5\ncyd cyd-1 cyd-2\nzed ann-1\n")
    for name in ("cmvn.scp", "spk2gender"):
        (data / name).unlink()
    assert "make speaker ids prefixes" in str(next(problems(data)))
    assert list(problems(data, speaker_order=False)) == []
    before = {path.name: path.read_bytes() for path in data.iterdir()}
    with pytest.raises(InputError, match="prefixes"):
        fix_data_dir(data)
    assert {path.name: path.read_bytes() for path in data.iterdir()} == before


def test_an_id_without_its_speaker_in_front_is_only_warned_of(data, run_program):
    for path in data.iterdir():
        path.write_text(path.read_text().replace("bob-3", "bo-3").replace("bob", "bxb"))
    fix_data_dir(data)
    done = run_program("validate-data-dir", data, check=True)
    assert "utt2spk:4: [bo-3] does not begin with its speaker bxb" in done.stderr


def test_fix_sorts_drops_and_keeps_a_list(data):
    for name in ("text", "utt2spk", "wav.scp"):
        rows = lines(data / name)
        random.Random(3).shuffle(rows)
        (data / name).write_text("".join(row + "\n" for row in rows))
    shuffled = (data / "text").read_bytes()
    (data / "cmvn.scp").write_text(f"ann {data}/cmvn.ark:1\ncyd {data}/cmvn.ark:2\n")
    rows = lines(data / "feats.scp")
    (data / "feats.scp").write_text("".join(row + "\n" for row in rows[1:]))
    fixed = fix_data_dir(data)
    assert [key for key, _ in fixed.dropped] == ["ann-1", *(f"bob-{n}" for n in range(1, 6))]
    assert dict(fixed.dropped)["ann-1"] == "not in feats.scp"
    assert lines(data / ".backup" / "dropped")[0] == "ann-1 not in feats.scp"
    assert (data / ".backup" / "text").read_bytes() == shuffled
    assert keys(data / "text") == ["ann-2", "ann-3", "cyd-1", "cyd-2"]
    assert lines(data / "spk2utt") == ["ann ann-2 ann-3", "cyd cyd-1 cyd-2"]
    assert fix_data_dir(data).changed == []


def test_fix_leaves_a_valid_directory_as_it_is(data):
    path = data / "utt2num_frames"
    path.write_text(path.read_text().replace("\n", " \n"))
    assert list(problems(data)) == []
    before = path.read_bytes()
    assert fix_data_dir(data).changed == []
    assert path.read_bytes() == before
    assert not (data / ".backup").exists()


def test_fix_changes_nothing_if_nothing_would_be_left(data):
    (data / "text").write_text("other words\n")
    with pytest.raises(InputError, match="no utterance would be left"):
        fix_data_dir(data)
    assert (data / "text").read_text() == "other words\n"
    assert not (data / ".backup").exists()


def test_segments_need_their_recordings(tmp_path):
    data = make(tmp_path / "data", {"ann": 4}, segments=True)
    edit(data / "wav.scp", 1, "rec9 x.wav")
    found = [str(problem) for problem in problems(data)]
    assert any("wav.scp:1: [rec9] recording that is not in segments" in text for text in found)
    assert any("wav.scp: [rec0] recording without a line" in text for text in found)
    fixed = fix_data_dir(data)
    assert [key for key, _ in fixed.dropped] == ["ann-1", "ann-2"]
    assert keys(data / "wav.scp") == ["rec1"]
    assert list(problems(data)) == []
    edit(data / "segments", 1, "ann-3 rec1 5.0 5.0")
    assert "segments:1: [ann-3] bad line" in str(next(problems(data)))
    (data / "wav.scp").unlink()
    with pytest.raises(InputError, match=r"segments without wav\.scp"):
        validate_data_dir(data)


def test_whatever_fix_leaves_is_valid(tmp_path):
    """Forty directories with random damage."""
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    draw = random.Random(seed)
    source = make(tmp_path / "whole", {"ann": 3, "bob": 5, "cyd": 2, "dan": 4}, segments=True)
    for number in range(40):
        data = tmp_path / str(number)
        shutil.copytree(source, data)
        for _ in range(draw.randint(1, 4)):
            damage(draw, data / draw.choice(sorted(path.name for path in data.iterdir() if path.suffix != ".json")))
        try:
            fix_data_dir(data)
        except InputError:
            continue
        assert [str(problem) for problem in problems(data)] == []
        assert DataDir(data).files["utt2spk"]
        assert fix_data_dir(data).changed == []
        shutil.rmtree(data)


def damage(draw: random.Random, path: Path) -> None:
    rows = path.read_bytes().split(b"\n")
    place = draw.randrange(len(rows))
    what = draw.choice(["drop", "double", "shuffle", "bytes", "cut", "carriage"])
    if what == "drop":
        del rows[place]
    elif what == "double":
        rows.insert(draw.randrange(len(rows)), rows[place])
    elif what == "shuffle":
        draw.shuffle(rows)
    elif what == "bytes":
        rows[place] += draw.randbytes(3)
    elif what == "carriage":
        rows[place] += b"\r"
    else:
        rows[place] = rows[place][: draw.randint(0, len(rows[place]))]
    path.write_bytes(b"\n".join(rows))


def test_spread_follows_kaldis_halving():
    letters = list("abcdefghij")
    assert spread(letters, 3) == ["e", "g", "j"]
    assert spread(letters, 10) == letters
    for count in range(11):
        assert len(set(spread(letters, count))) == count


def test_ways_to_choose(data):
    opened = open_data_dir(data)
    assert shortest(opened, 3) == ["cyd-2", "cyd-1", "bob-5"]
    assert per_speaker(opened, 2) == ["ann-1", "ann-2", "bob-1", "bob-3", "cyd-1", "cyd-2"]


def test_shortest_measures_features_where_lengths_are_not_listed(data):
    (data / "utt2num_frames").unlink()
    with write_table(f"ark,scp:{data}/feats.ark,{data}/feats.scp", "matrix") as write:
        for number, key in enumerate(keys(data / "utt2spk")):
            write(key, np.ones((20 - number % 7, 2), dtype=np.float32))
    assert shortest(open_data_dir(data), 2) == ["bob-4", "bob-3"]


def test_subsets_hold_all_files_and_the_record(data, tmp_path):
    out = tmp_path / "out"
    make(out, {"old": 2})
    (out / "vad.scp").write_text("old-1 x\nold-2 y\n")
    write_subset(open_data_dir(data), ["bob-1", "ann-1"], out)
    assert keys(out / "feats.scp") == keys(out / "text") == ["ann-1", "bob-1"]
    assert keys(out / "cmvn.scp") == ["ann", "bob"]
    assert keys(out / "utt2orig") == ["ann-1"]
    assert not (out / "vad.scp").exists()
    assert (out / "feature.json").read_bytes() == (data / "feature.json").read_bytes()
    validate_data_dir(out, ["text", "wav.scp", "feats.scp"])
    with pytest.raises(InputError, match="the target is the source"):
        write_subset(open_data_dir(data), ["bob-2"], data)
    edit(data / "text", 1, "ann-1 <s>")
    with pytest.raises(InputError, match="text:1"):
        open_data_dir(data)


def test_split_by_speaker_balances_and_keeps_the_order(tmp_path):
    counts = {f"s{n:02d}": n % 5 + 1 for n in range(20)}
    utt2spk = open_data_dir(make(tmp_path / "data", counts)).files["utt2spk"]
    parts = split_by_speaker(utt2spk.values(), 4)
    assert [utt for part in parts for utt in part] == list(utt2spk)
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 5
    owners = [{utt2spk[utt].value for utt in part} for part in parts]
    assert sum(map(len, owners)) == 20
    with pytest.raises(InputError, match="21 parts of 20 speakers"):
        split_by_speaker(utt2spk.values(), 21)
    assert [len(part) for part in split_evenly(list("abcdefgh"), 3)] == [3, 3, 2]


def test_combine_merges_and_completes(tmp_path):
    one = make(tmp_path / "one", {"ann": 2, "bob": 1})
    two = make(tmp_path / "two", {"cyd": 4}, segments=True)
    (two / "utt2dur").unlink()
    (one / "utt2uniq").write_text("ann-1 x\nann-2 x\nbob-1 y\n")
    combine_data_dirs(tmp_path / "all", [one, two])
    out = tmp_path / "all"
    assert keys(out / "utt2spk") == ["ann-1", "ann-2", "bob-1", "cyd-1", "cyd-2", "cyd-3", "cyd-4"]
    assert lines(out / "segments")[0] == "ann-1 ann-1 0.0 1.0"
    assert keys(out / "wav.scp") == ["ann-1", "ann-2", "bob-1", "rec0", "rec1"]
    assert lines(out / "utt2uniq")[-1] == "cyd-4 cyd-4"
    assert not (out / "utt2dur").exists()
    assert (out / "feature.json").exists()
    validate_data_dir(out, ["text", "wav.scp", "feats.scp"])


def test_combine_refuses_what_does_not_fit(tmp_path):
    one, two = make(tmp_path / "one", {"ann": 2}), make(tmp_path / "two", {"ann": 3})
    out = tmp_path / "all"
    with pytest.raises(InputError, match=r"two/utt2spk:1: \[ann-1\] also in .*one/utt2spk:1"):
        combine_data_dirs(out, [one, two])
    with pytest.raises(InputError, match="one of the sources"):
        combine_data_dirs(one, [one, two])
    other = make(tmp_path / "other", {"bob": 2})
    (other / "feature.json").write_text("{}")
    with pytest.raises(InputError, match="features made otherwise"):
        combine_data_dirs(out, [one, other])
    with pytest.raises(InputError, match="extra: no such file"):
        combine_data_dirs(out, [one, make(tmp_path / "more", {"bob": 2})], ["extra"])
    assert not out.exists()


def test_combine_leaves_out_statistics_that_differ_for_a_speaker(tmp_path):
    one = make(tmp_path / "one", {"ann": 2})
    two = make(tmp_path / "two", {"ann": 4})
    write_subset(open_data_dir(two), ["ann-3", "ann-4"], tmp_path / "rest")
    (tmp_path / "rest" / "cmvn.scp").write_text("ann /other.ark:4\n")
    combine_data_dirs(tmp_path / "all", [one, tmp_path / "rest"])
    assert not (tmp_path / "all" / "cmvn.scp").exists()
    assert keys(tmp_path / "all" / "text") == ["ann-1", "ann-2", "ann-3", "ann-4"]


def test_programs(data, tmp_path, run_program):
    assert "is valid" in run_program("validate-data-dir", data, check=True).stderr
    (data / "text").rename(tmp_path / "text")
    assert run_program("validate-data-dir", data).status == 1
    run_program("validate-data-dir", "--no-text", data, check=True)
    edit(data / "feats.scp", 1, "ann-1")
    done = run_program("validate-data-dir", "--no-text", data)
    assert done.status == 1
    assert "feats.scp:1: [ann-1] bad line" in done.stderr
    assert "problems: 1" in done.stderr
    assert "dropped [ann-1]" in run_program("fix-data-dir", data, check=True).stderr
    run_program("validate-data-dir", "--no-text", data, check=True)
    (tmp_path / "speakers").write_text("cyd\nann\n")
    for words, wanted in (
        (["--first", data, "2"], ["ann-2", "ann-3"]), (["--last", data, "1"], ["cyd-2"]),
        (["--shortest", data, "1"], ["cyd-2"]), (["--spk-list", tmp_path / "speakers", data],
         ["ann-2", "ann-3", "cyd-1", "cyd-2"]), (["--per-spk", data, "1"], ["ann-2", "bob-1", "cyd-1"]),
    ):  # fmt: skip
        run_program("subset-data-dir", *words, tmp_path / "sub", check=True)
        assert keys(tmp_path / "sub" / "utt2spk") == wanted
    run_program("subset-data-dir", "--speakers", data, "3", tmp_path / "sub", check=True)
    assert len(keys(tmp_path / "sub" / "utt2spk")) >= 3
    assert run_program("subset-data-dir", data, "10", tmp_path / "sub").status == 2
    assert run_program("subset-data-dir", "--first", "--last", data, "1", tmp_path / "sub").status == 2
    run_program("split-data", data, "3", check=True)
    assert [keys(data / f"split3/{part}/spk2utt") for part in (1, 2, 3)] == [["ann"], ["bob"], ["cyd"]]
    run_program("split-data", "--per-utt", data, "4", check=True)
    assert [len(keys(data / f"split4utt/{part}/feats.scp")) for part in (1, 2, 3, 4)] == [3, 2, 2, 2]
    assert run_program("split-data", data, "4").status == 1
    parts = [data / f"split3/{part}" for part in (1, 2, 3)]
    run_program("combine-data", tmp_path / "all", *parts, check=True)
    for name in ("utt2spk", "spk2utt", "feats.scp", "wav.scp", "cmvn.scp", "utt2orig"):
        assert (tmp_path / "all" / name).read_bytes() == (data / name).read_bytes()


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b"ann-2 caf\xe9", "not UTF-8"),
        (b"ann-2\ta\0b", "a NUL byte"),
        ("ann-2 a\u00a0b".encode(), "U+00A0"),
        (b"ann-2 <s>", "bad"),
    ],
)
def test_a_line_that_is_wrong_is_told_once_and_is_why_its_utterance_is_dropped(line, cause, data):
    edit(data / "text", 2, line)
    (found,) = problems(data)
    assert (found.key, found.line) == ("ann-2", 2)
    assert cause in found.what
    ((utterance, why),) = fix_data_dir(data).dropped
    assert utterance == "ann-2"
    assert cause in why
    assert why.endswith("(text:2)")


def with_recordings(folder: Path, names: dict[str, str]) -> Path:
    """A data directory without features whose recordings have these names."""
    folder.mkdir(parents=True)
    for name, word in (("utt2spk", "s"), ("text", "one")):
        (folder / name).write_text("".join(f"{key} {word}\n" for key in names))
    (folder / "spk2utt").write_text(f"s {' '.join(names)}\n")
    (folder / "wav.scp").write_text("".join(f"{key} {place}\n" for key, place in names.items()))
    return folder


@pytest.fixture
def recordings(tmp_path):
    """Four lines of wav.scp: two files that are there, one of them as a part of an archive, a command, and a lost one."""
    (tmp_path / "a.wav").touch()
    names = {"a": f"{tmp_path}/a.wav", "b": f"{tmp_path}/a.wav:17", "c": "cat nothing |", "d": f"{tmp_path}/none.wav"}
    return with_recordings(tmp_path / "raw", names)


def test_recordings_that_are_not_there_are_refused_and_dropped(recordings, tmp_path, run_program):
    done = run_program("validate-data-dir", "--no-feats", recordings)
    assert done.status == 1
    assert (
        f"{recordings}/wav.scp:4: [d] {tmp_path}/none.wav is not there; mend the name, bring the file, or run"
        in done.stderr
    )
    assert "problems: 1;" in done.stderr
    with pytest.raises(InputError, match="is not there"):
        validate_any_data(recordings)
    assert fix_data_dir(recordings).dropped == [("d", f"{tmp_path}/none.wav is not there (wav.scp:4)")]
    run_program("validate-data-dir", "--no-feats", recordings, check=True)


def test_a_relative_name_holds_in_one_place_only(recordings, tmp_path, run_program):
    edit(recordings / "wav.scp", 4, "d a.wav")
    run_program("validate-data-dir", "--no-feats", recordings, cwd=tmp_path, check=True)
    done = run_program("validate-data-dir", "--no-feats", recordings, cwd="/")
    assert "[d] a.wav is not there; expected a name from the root (/...), or one from where you are" in done.stderr


def test_data_whose_recordings_are_all_elsewhere_are_valid_with_a_warning(tmp_path, run_program):
    data = with_recordings(tmp_path / "raw", {"a": "/x/1.wav", "b": "/x/2.wav"})
    done = run_program("validate-data-dir", "--no-feats", data, check=True)
    assert "WARNING" in done.stderr
    assert "wav.scp: none of the recordings is there" in done.stderr
    assert fix_data_dir(data).kept == 2


@pytest.mark.parametrize("name", ["feats.scp", "cmvn.scp"])
def test_archives_that_are_not_there_are_refused(name, data, run_program):
    (data / name.replace("scp", "ark")).unlink()
    done = run_program("validate-data-dir", data)
    assert done.status == 1
    assert f"{data}/{name}:1: " in done.stderr
    with pytest.raises(InputError, match="is not there"):
        validate_any_data(data)
    with pytest.raises(InputError, match=r"no utterance would be left.*ark is not there \(\w+.scp:1\)"):
        fix_data_dir(data)


def test_recordings_are_not_needed_where_there_are_features(data, run_program):
    edit(data / "wav.scp", 2, f"ann-2 {data}/text")
    validate_any_data(data)
    assert len([problem for problem in problems(data, ["wav.scp"]) if "is not there" in str(problem)]) == 9
    assert fix_data_dir(data).kept == 10


def test_an_empty_transcript_is_refused_as_training_refuses_it(data, run_program):
    edit(data / "text", 2, "ann-2")
    edit(data / "text", 5, "bob-2 ")
    done = run_program("validate-data-dir", data)
    assert (
        f"{data}/text:2: [ann-2] an empty transcript; expected words; write what is said, or run fix-data-dir"
        in done.stderr
    )
    assert "problems: 2;" in done.stderr
    run_program("validate-data-dir", "--no-text", data, check=True)
    validate_any_data(data)
    assert [key for key, _ in fix_data_dir(data).dropped] == ["ann-2", "bob-2"]
    run_program("validate-data-dir", data, check=True)


def test_thousands_of_wrong_lines_are_counted_not_kept(tmp_path):
    file = tmp_path / "utt2dur"
    file.write_text("a 1\n" + "\n" * 5000)
    good, wrong = read_lines(file, FILES["utt2dur"])
    assert [line.key for line in good] == ["a"]
    assert len(wrong) == 1000
    assert wrong[999].line == 1001
    assert wrong[999].what == "a line without a key, and so on in 4000 more places"
