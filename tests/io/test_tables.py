"""Tables: round trips of random objects, pipes, ranges, and errors that name file, key and place."""

import os
import resource
import struct
import subprocess
import sys

import numpy as np
import pytest

from houseblend.base.errors import InputError, UsageError
from houseblend.io import streams
from houseblend.io.tables import Table, open_table, read_object, read_table, write_object, write_table


@pytest.fixture
def draw():
    """Fresh values on every run; the seed is printed when a test fails."""
    seed = int.from_bytes(os.urandom(4), "little")
    print("seed", seed)
    return np.random.default_rng(seed)


def write(wspecifier, kind, entries, method=None):
    with write_table(wspecifier, kind, method) as writer:
        for key, value in entries.items():
            writer(key, value)


def random_objects(kind, draw):
    sizes = draw.integers(0, 20, 5)
    if kind == "matrix":
        return [draw.normal(0, 100, (n, draw.integers(1, 9))).astype(draw.choice(["f4", "f8"])) for n in sizes + 1]
    if kind == "vector":
        return [draw.normal(0, 100, n).astype(np.float32) for n in sizes]
    if kind == "int-vector":
        return [draw.integers(-(2**31), 2**31, n).astype(np.int32) for n in sizes]
    if kind == "int-pairs":
        return [[(int(a), int(b)) for a, b in draw.integers(0, 1000, (n, 2))] for n in sizes]
    if kind == "posterior":
        return [[[(int(i), float(np.float32(w))) for i, w in draw.random((m, 2))] for m in draw.integers(0, 4, n)]
                for n in sizes]  # fmt: skip
    if kind == "int":
        return [int(value) for value in draw.integers(-(2**31), 2**31, 5)]
    if kind == "float":
        return [float(np.float32(value)) for value in draw.normal(0, 1e3, 5)]
    return ["word"] * 5 if kind == "token" else [["a", "b"], [], ["ü"], ["x"], ["y", "z"]]


KINDS = ["matrix", "vector", "int-vector", "int-pairs", "posterior", "int", "float", "token", "tokens"]


@pytest.mark.parametrize("text", ["", ",t"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_was_written_is_read_in_order_and_by_key(kind, text, draw, tmp_path):
    entries = {f"key{n}": value for n, value in enumerate(random_objects(kind, draw))}
    write(f"ark,scp{text}:{tmp_path}/a.ark,{tmp_path}/a.scp", kind, entries)
    for source in (f"ark:{tmp_path}/a.ark", f"scp:{tmp_path}/a.scp", f"ark:cat {tmp_path}/a.ark |"):
        found = dict(read_table(source, kind))
        assert list(found) == list(entries)
        for key, value in entries.items():
            _assert_same(found[key], value, bool(text))
    with open_table(f"scp,o,s,cs:{tmp_path}/a.scp", kind) as table:
        for key in reversed(entries):
            assert key in table
            _assert_same(table[key], entries[key], bool(text))


def _assert_same(found, wanted, text):
    if isinstance(wanted, np.ndarray) and wanted.dtype.kind == "f" and text:
        np.testing.assert_allclose(found, wanted, rtol=1e-6, atol=1e-30)
    elif isinstance(wanted, np.ndarray):
        assert found.dtype == wanted.dtype
        np.testing.assert_array_equal(found, wanted)
    elif text:
        assert str(found).count(",") == str(wanted).count(",")
        np.testing.assert_allclose(_numbers(found), _numbers(wanted), rtol=1e-6)
    else:
        assert found == wanted


def _numbers(value):
    if isinstance(value, list | tuple):
        return [number for item in value for number in _numbers(item)]
    return [0.0 if isinstance(value, str) else float(value)]


@pytest.mark.parametrize("method", [1, 2, 3, 5])
def test_compression_stays_within_its_step(method, draw, tmp_path):
    values = draw.normal(0, draw.choice([1e-3, 1, 1e4]), (draw.integers(9, 60), 7)).astype(np.float32)
    write(f"ark:{tmp_path}/c.ark", "matrix", {"a": values}, method)
    found = dict(read_table(f"ark:{tmp_path}/c.ark", "matrix"))["a"]
    span = np.ptp(values)
    step = {1: np.ptp(values, axis=0) / 63, 2: np.ptp(values, axis=0) / 63, 3: span / 65535, 5: span / 255}[method]
    assert (np.abs(found - values) <= 1.01 * step + span / 30000).all()


def test_fixed_ranges_of_compression_clip(tmp_path):
    values = np.array([[-1e6, -3.0, 0.4, 0.6, 300.0, 1e6]], dtype=np.float32)
    for method, low, high in ((4, -32768, 32767), (6, 0, 255), (7, 0, 1)):
        write(f"ark:{tmp_path}/c.ark", "matrix", {"a": values}, method)
        found = dict(read_table(f"ark:{tmp_path}/c.ark", "matrix"))["a"]
        np.testing.assert_allclose(found, np.clip(values, low, high), atol=1.01 if method != 7 else 0.01)


def test_compression_of_nothing_and_of_what_is_not_finite(tmp_path):
    write(f"ark:{tmp_path}/c.ark", "matrix", {"a": np.zeros((0, 0), dtype=np.float32)}, 1)
    assert dict(read_table(f"ark:{tmp_path}/c.ark", "matrix"))["a"].shape == (0, 0)
    with pytest.raises(InputError, match="not finite"):
        write(f"ark:{tmp_path}/d.ark", "matrix", {"a": np.full((9, 2), np.nan, dtype=np.float32)}, 1)
    assert not (tmp_path / "d.ark").exists()
    with pytest.raises(UsageError, match="1 to 7"):
        write(f"ark:{tmp_path}/d.ark", "matrix", {}, 8)


def test_compressed_text_holds_what_compression_leaves(tmp_path, draw):
    values = draw.normal(0, 1, (30, 3)).astype(np.float32)
    write(f"ark:{tmp_path}/c.ark", "matrix", {"a": values}, 2)
    write(f"ark,t:{tmp_path}/c.txt", "matrix", {"a": values}, 2)
    binary, text = (dict(read_table(f"ark:{tmp_path}/{name}", "matrix"))["a"] for name in ("c.ark", "c.txt"))
    np.testing.assert_allclose(text, binary, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("kind", ["matrix", "vector", "int-vector", "int-pairs", "posterior", "compressed"])
def test_every_truncation_of_an_archive_is_refused_with_file_and_key(kind, draw, tmp_path):
    real, method = ("matrix", 1) if kind == "compressed" else (kind, None)
    values = [value for value in random_objects(real, draw) if len(value)] or random_objects("posterior", draw)
    entries = {f"key{n}": value for n, value in enumerate(values[:2])}
    path = tmp_path / "a.ark"
    write(f"ark:{path}", real, entries, method)
    data = path.read_bytes()
    ends = [0, len(data)]
    for key in list(entries)[1:]:
        ends.append(data.index(key.encode() + b" \0B"))
    for size in {int(n) for n in draw.integers(1, len(data), 40)} - set(ends):
        path.write_bytes(data[:size])
        with pytest.raises(InputError) as failure:
            dict(read_table(f"ark:{path}", real))
        assert str(path) in str(failure.value)
        if size > data.index(b"\0B"):
            assert failure.value.key is not None


def test_an_announced_size_beyond_the_file_takes_no_memory(tmp_path):
    """Four gigabytes are announced, and refused with 1 GB of address space to spare."""
    head = b"a \0BFM \4" + struct.pack("<i", 32768) + b"\4" + struct.pack("<i", 32768)
    compressed = b"a \0BCM2 " + struct.pack("<ffii", 0, 1, 2**15, 2**15)
    (tmp_path / "one").write_bytes(head + b"few")
    (tmp_path / "two").write_bytes(compressed + b"few")
    (tmp_path / "three").write_bytes(b"a \0B\4" + struct.pack("<i", 2**31 - 1) + b"few")
    code = (
        "import sys; from houseblend.io.tables import read_table; from houseblend.base.errors import InputError\n"
        "try: list(read_table(sys.argv[1], sys.argv[2]))\n"
        "except InputError as failure: print(failure)\n"
    )
    for name, kind in (("one", "matrix"), ("two", "matrix"), ("three", "int-vector"), ("three", "posterior")):
        for source in (f"ark:{tmp_path}/{name}", f"ark:cat {tmp_path}/{name} |"):
            done = subprocess.run(
                [sys.executable, "-c", code, source, kind], capture_output=True, text=True, check=False,
                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)),
            )  # fmt: skip
            assert "[a]" in done.stdout, done.stderr


def test_ranges_are_inclusive_and_checked(tmp_path):
    values = np.arange(60, dtype=np.float32).reshape(10, 6)
    write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", "matrix", {"a": values})
    place = (tmp_path / "a.scp").read_text().split()[1]
    np.testing.assert_array_equal(read_object(f"{place}[2:4]", "matrix"), values[2:5])
    np.testing.assert_array_equal(read_object(f"{place}[:,1:1]", "matrix"), values[:, 1:2])
    np.testing.assert_array_equal(read_object(f"{place}[2:4,0:5]", "matrix"), values[2:5])
    np.testing.assert_array_equal(read_object(f"{place}[8:11]", "matrix"), values[8:])
    for bad in ("[4:2]", "[10:10]", "[0:13]", "[a:b]"):
        (tmp_path / "b.scp").write_text(f"x {place}[0:1]\ny {place}{bad}\n")
        with pytest.raises(InputError) as failure:
            dict(read_table(f"scp:{tmp_path}/b.scp", "matrix"))
        assert "y" in str(failure.value)


def test_the_status_of_a_command_counts_unless_the_reader_stopped_before(tmp_path):
    write(f"ark:{tmp_path}/a.ark", "int", {f"k{n}": n for n in range(20000)})
    with pytest.raises(InputError, match="status 3"):
        list(read_table(f"ark:cat {tmp_path}/a.ark; exit 3 |", "int"))
    with pytest.raises(InputError, match="status"):
        list(read_table(f"ark:false | cat {tmp_path}/a.ark |", "int"))
    first = next(read_table(f"ark:cat {tmp_path}/a.ark; exit 3 |", "int"))
    assert first == ("k0", 0)
    with pytest.raises(InputError, match="status 4"):
        write(f"ark:| cat > {tmp_path}/b.ark; exit 4", "int", {"a": 1})
    write(f"ark:| gzip -c > {tmp_path}/b.ark.gz", "int", {"a": 1})
    assert list(read_table(f"ark:{tmp_path}/b.ark.gz", "int")) == [("a", 1)]


def test_broken_gzip_is_refused(tmp_path):
    write(f"ark:| gzip -c > {tmp_path}/a.gz", "matrix", {"a": np.arange(1800.0).reshape(200, 9)})
    data = (tmp_path / "a.gz").read_bytes()
    middle = len(data) // 2
    for broken in (data[:middle], b"no gzip", data[:middle] + b"\xff" * 64 + data[middle + 64 :]):
        (tmp_path / "b.gz").write_bytes(broken)
        with pytest.raises(InputError, match="b.gz"):
            dict(read_table(f"ark:{tmp_path}/b.gz", "matrix"))


def test_zeros_behind_gzip_data_are_passed_over_but_not_for_ever(tmp_path, monkeypatch):
    write(f"ark:| gzip -c > {tmp_path}/a.gz", "int", {"a": 1})
    with (tmp_path / "a.gz").open("ab") as file:
        file.write(bytes(2000))
    assert dict(read_table(f"ark:{tmp_path}/a.gz", "int")) == {"a": 1}
    monkeypatch.setattr(streams, "MAX_TEXT", 1000)
    with pytest.raises(InputError, match=r"a\.gz.*nothing comes out of 1000 bytes"):
        list(read_table(f"ark:{tmp_path}/a.gz", "int"))


def test_nothing_is_left_behind_when_writing_fails(tmp_path):
    (tmp_path / "a.ark").write_bytes(b"old")
    with pytest.raises(InputError, match="one word"):
        write(f"ark,scp:{tmp_path}/a.ark,{tmp_path}/a.scp", "int", {"good": 1, "two words": 2})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.ark"]
    assert (tmp_path / "a.ark").read_bytes() == b"old"
    with pytest.raises(InputError, match="does not exist"):
        write(f"ark:{tmp_path}/none/a.ark", "int", {"a": 1})


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("a\n", "a key without a file name"),
        ("a {tmp}/x.ark:2\na {tmp}/x.ark:2\n", "twice"),
        ("a missing.ark:5\n", "no such file"),
        ("a {tmp}/x.ark:100000\n", "points to byte 100000"),
        ("a {tmp}/x.ark:1\n", "[a]"),
    ],
)
def test_bad_scripts_are_named(script, message, tmp_path):
    write(f"ark:{tmp_path}/x.ark", "matrix", {"a": np.ones((2, 2))})
    (tmp_path / "x.scp").write_text(script.format(tmp=tmp_path))
    with pytest.raises(InputError) as failure:
        dict(read_table(f"scp:{tmp_path}/x.scp", "matrix"))
    assert message in str(failure.value)


@pytest.mark.parametrize("name", ["a.ark", "ark", "foo:x", "ark,scp:x", "ark,q:x"])
def test_what_is_no_rspecifier_is_a_usage_error(name):
    with pytest.raises(UsageError):
        next(read_table(name, "matrix"))
    if name != "ark,scp:x":
        with pytest.raises(UsageError), write_table(name, "matrix"):
            pass


def test_an_archive_of_another_kind_is_refused(tmp_path):
    write(f"ark:{tmp_path}/m.ark", "matrix", {"a": np.ones((3, 2), dtype=np.float32)})
    for kind in ("vector", "int", "int-vector", "token", "posterior", "wav"):
        with pytest.raises(InputError, match=r"m\.ark"):
            dict(read_table(f"ark:{tmp_path}/m.ark", kind))


def test_permissive_reading_leaves_out_what_cannot_be_read(tmp_path):
    write(f"ark,scp:{tmp_path}/m.ark,{tmp_path}/m.scp", "int", {"a": 1, "c": 3})
    lines = (tmp_path / "m.scp").read_text().splitlines()
    (tmp_path / "m.scp").write_text(f"{lines[0]}\nb {tmp_path}/none.ark:3\n{lines[1]}\n")
    assert dict(read_table(f"scp,p:{tmp_path}/m.scp", "int")) == {"a": 1, "c": 3}


@pytest.mark.parametrize("entry", ["touch ran |", "touch ran|", "touch ran |[0:1]", "cat a.mat; touch ran |"])
def test_commands_in_a_script_run_only_if_they_may(entry, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_object("a.mat", "matrix", np.ones((2, 3), np.float32))
    (tmp_path / "a.scp").write_text(f"a a.mat\nb {entry}\n")
    for value in ("off", "no", ""):
        monkeypatch.setenv("HOUSEBLEND_PIPES", value)
        for read in (lambda: list(read_table("scp:a.scp", "matrix")), lambda: Table("scp:a.scp", "matrix")["b"]):
            with pytest.raises(
                InputError, match=rf"a\.scp:2: \[b\] a command, and HOUSEBLEND_PIPES={value}: (touch|cat)"
            ):
                read()
        with pytest.raises(InputError, match="a command"):
            list(read_table("scp,p:a.scp", "matrix"))
        assert not (tmp_path / "ran").exists()
        assert read_object("cat a.mat |", "matrix").shape == (2, 3)
    monkeypatch.setenv("HOUSEBLEND_PIPES", "on")
    assert len(list(read_table("scp,p:a.scp", "matrix"))) >= 1
    assert (tmp_path / "ran").exists()
