"""Atomic files, seeds, locks, fingerprints."""

import os
import pickle
import subprocess
import sys

import pytest

from houseblend.base.atomic import atomic_open, write_json
from houseblend.base.errors import BusyError, InputError
from houseblend.base.fingerprint import hash_bytes, record_files
from houseblend.base.lock import directory_lock
from houseblend.base.process import is_alive
from houseblend.base.seeds import seed_of


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path):
    path = tmp_path / "a"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_open(path) as file:
        file.write(b"half")
        raise RuntimeError
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a"]


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "x.json", {"loss": float("nan")})
    assert os.listdir(tmp_path) == []


def test_seeds_differ_by_purpose_and_place_and_are_fixed_for_ever():
    assert seed_of(1, "order", 0) == 5417968740928187379
    assert len({seed_of(1, "order", 0), seed_of(1, "order", 1), seed_of(2, "order", 0), seed_of(1, "dither", 0)}) == 4


def test_a_lock_names_its_holder_and_falls_with_it(tmp_path):
    code = f"""
import pathlib, sys
from houseblend.base.lock import directory_lock
from houseblend.base.process import is_alive
with directory_lock(pathlib.Path({str(tmp_path)!r})):
    print("held", flush=True); sys.stdin.read()
"""
    holder = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    with pytest.raises(BusyError, match=str(holder.pid)), directory_lock(tmp_path):
        pass
    holder.kill()
    holder.wait()
    with directory_lock(tmp_path):
        pass


def test_records_keep_known_hashes_only_while_size_and_time_agree(tmp_path):
    (tmp_path / "a").write_text("one")
    first = record_files(tmp_path, {})
    assert first["a"][2] == hash_bytes(b"one")
    trusted = record_files(tmp_path, {"a": (*first["a"][:2], "known")})
    assert trusted["a"][2] == "known"
    os.utime(tmp_path / "a", ns=(1, 1))
    assert record_files(tmp_path, {"a": (*first["a"][:2], "known")})["a"][2] == hash_bytes(b"one")


def test_records_hold_features_that_lie_elsewhere_and_nothing_that_was_made_of_a_directory(tmp_path):
    data, elsewhere = tmp_path / "data", tmp_path / "mfcc"
    for name in ("data/decode", "data/graph", "data/conf", "mfcc"):
        (tmp_path / name).mkdir(parents=True)
    for name in (
        "data/decode/lat.1.gz",
        "data/graph/HCLG.fst",
        "data/conf/mfcc.conf",
        "data/own.ark",
        "mfcc/1.ark",
        "mfcc/c.ark",
    ):
        (tmp_path / name).write_text(name)
    lines = [
        f"u1 {elsewhere}/1.ark:13",
        f"u2\t{elsewhere}/1.ark:99[0:3]",
        f"u3 {data}/own.ark:3",
        "u4 cat x |",
        "u5 gone.ark:7",
        "",
    ]
    (data / "feats.scp").write_text("\n".join(lines))
    (data / "cmvn.scp").write_text(f"s1 {elsewhere}/c.ark")
    (data / "wav.scp").write_text(f"u1 {tmp_path}/a.wav")
    wanted = {"../mfcc/1.ark", "../mfcc/c.ark", "cmvn.scp", "conf/mfcc.conf", "feats.scp", "own.ark", "wav.scp"}
    assert set(record_files(data, {})) == wanted
    (tmp_path / "link").symlink_to(data)
    assert set(record_files(tmp_path / "link", {})) == wanted


def test_errors_say_where_what_and_what_to_do():
    text = str(InputError("no number", file="a/text", line=3, key="utt1", expected="an integer", do="mend it"))
    assert text == "a/text:3: [utt1] no number; expected an integer; mend it"


def test_errors_come_whole_from_another_process():
    error = InputError("no number", file="a/text", line=3, key="utt1").but(do="mend it")
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == "a/text:3: [utt1] no number; mend it"
    assert (again.what, again.line, again.do) == ("no number", 3, "mend it")


def test_a_process_that_has_ended_is_not_alive_though_nobody_has_waited_for_it():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    assert is_alive(process.pid)
    process.stdin.close()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    assert not is_alive(process.pid)
    process.wait()
    assert not is_alive(process.pid)
