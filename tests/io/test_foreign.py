"""Archives that ESPnet-style tools write with kaldiio and that Kaldi does not know."""

import builtins
import io
import pickle
import resource

import kaldiio
import numpy as np
import pytest

from houseblend.base.errors import InputError
from houseblend.cli.copy_feats import main as copy_feats
from houseblend.io.tables import open_table, read_object, read_table


def save(folder, entries, write_function="numpy", **keywords):
    """An archive and a script written by kaldiio."""
    kaldiio.save_ark(
        f"{folder}/a.ark", entries, scp=f"{folder}/a.scp", write_function=write_function, write_kwargs=keywords
    )


def tables(folder, kind):
    """What each way to read gives."""
    yield dict(read_table(f"ark:{folder}/a.ark", kind))
    yield dict(read_table(f"scp:{folder}/a.scp", kind))
    yield dict(read_table(f"ark:cat {folder}/a.ark |", kind))
    with open_table(f"scp:{folder}/a.scp", kind) as table:
        yield {key: table[key] for key in table}


def assert_same(found, wanted, dtype):
    assert list(found) == list(wanted)
    for key, value in wanted.items():
        assert found[key].dtype == dtype
        np.testing.assert_array_equal(found[key], np.asarray(value, dtype))


@pytest.mark.parametrize(
    ("kind", "shape"), [("matrix", (7, 3)), ("matrix", (1, 1)), ("matrix", (0, 4)), ("vector", (5,)), ("vector", (0,))]
)
@pytest.mark.parametrize(
    ("dtype", "read_as"), [("<f4", "f4"), (">f4", "f4"), ("<f8", "f8"), (">f8", "f8"), ("<f2", "f4")]
)
def test_arrays_of_real_numbers(kind, shape, dtype, read_as, tmp_path):
    draw = np.random.default_rng()
    entries = {f"utt{n}": draw.normal(0, 50, shape).astype(dtype) for n in range(3)}
    save(tmp_path, entries)
    for found in tables(tmp_path, kind):
        assert_same(found, entries, read_as)


@pytest.mark.parametrize("dtype", ["i1", "u1", "<i2", ">i4", "<i8", "<u8"])
def test_arrays_of_whole_numbers(dtype, tmp_path):
    entries = {"a": np.arange(100, dtype=dtype), "b": np.zeros(0, dtype)}
    save(tmp_path, entries)
    for found in tables(tmp_path, "int-vector"):
        assert_same(found, entries, "i4")


def test_arrays_by_columns_and_ranges(tmp_path):
    matrix = np.asfortranarray(np.random.default_rng().normal(size=(6, 4)))
    save(tmp_path, {"a": matrix})
    place = (tmp_path / "a.scp").read_text().split()[1]
    np.testing.assert_array_equal(read_object(f"{place}[1:3,0:1]", "matrix"), matrix[1:4, :2])


def test_features_become_kaldis(tmp_path):
    feats = np.random.default_rng().normal(size=(9, 5)).astype("f4")
    save(tmp_path, {"a": feats})
    assert copy_feats.main([f"scp:{tmp_path}/a.scp", f"ark:{tmp_path}/kaldi.ark"]) == 0
    assert (tmp_path / "kaldi.ark").read_bytes().startswith(b"a \0BFM ")
    np.testing.assert_array_equal(dict(read_table(f"ark:{tmp_path}/kaldi.ark", "matrix"))["a"], feats)


@pytest.mark.parametrize("form", ["flac", "wav"])
@pytest.mark.parametrize("channels", [1, 2])
def test_recordings(form, channels, tmp_path):
    draw = np.random.default_rng()
    samples = {f"u{n}": draw.integers(-(2**15), 2**15, (200 + n, channels)).astype("i2") for n in range(3)}
    save(tmp_path, {key: (16000, value) for key, value in samples.items()}, "soundfile", format=form)
    for found in tables(tmp_path, "wav"):
        assert [rate for rate, _ in found.values()] == [16000] * 3
        assert_same({key: value for key, (_, value) in found.items()}, samples, "f4")


@pytest.mark.parametrize(
    ("array", "kind", "expected"),
    [
        (np.zeros((2, 3, 4)), "matrix", "real numbers in two dimensions"),
        (np.zeros(3), "matrix", "real numbers in two dimensions"),
        (np.zeros((2, 2), "i4"), "matrix", "real numbers in two dimensions"),
        (np.zeros((2, 2)), "vector", "real numbers in one dimension"),
        (np.zeros(3), "int-vector", "whole numbers in one dimension"),
        (np.zeros(3), "wav", "a recording"),
        (np.array([2**31]), "int-vector", "numbers of 32 bits"),
        (np.array(["a"]), "vector", "no numpy array that is whole"),
        (np.zeros(3, "c8"), "vector", "no numpy array that is whole"),
        (np.zeros(3, "f4,i4"), "vector", "no numpy array that is whole"),
    ],
)
def test_arrays_of_another_kind_are_refused(array, kind, expected, tmp_path):
    save(tmp_path, {"utt": array})
    with pytest.raises(InputError, match=expected) as caught:
        list(read_table(f"ark:{tmp_path}/a.ark", kind))
    assert str(caught.value).startswith(f"{tmp_path}/a.ark: [utt] ")


def test_a_recording_is_no_matrix(tmp_path):
    save(tmp_path, {"utt": (8000, np.zeros(9, "i2"))}, "soundfile")
    with pytest.raises(InputError, match="a recording at byte 4; expected real numbers in two dimensions"):
        list(read_table(f"ark:{tmp_path}/a.ark", "matrix"))


UNPICKLED: list[str] = []


class Witness:
    """Tells that it was unpickled."""

    def __reduce__(self):
        return tell, ("unpickled",)


def tell(word: str) -> None:
    UNPICKLED.append(word)


@pytest.mark.parametrize("kind", ["matrix", "vector", "int-vector", "wav"])
def test_nothing_is_ever_unpickled(kind, tmp_path):
    save(tmp_path, {"utt": Witness()}, "pickle")
    with pytest.raises(InputError, match=r"\[utt\] a pickled object"):
        list(read_table(f"ark:{tmp_path}/a.ark", kind))
    save(tmp_path, {"utt": np.array([Witness()], object)})
    with pytest.raises(InputError, match="no numpy array that is whole"):
        list(read_table(f"scp:{tmp_path}/a.scp", kind))
    assert UNPICKLED == []
    pickle.loads(pickle.dumps(Witness()))
    assert UNPICKLED.pop() == "unpickled"


def announced(shape: str, dtype: str = "<f4", data: bytes = b"\0" * 16) -> bytes:
    """An archive of one array whose header says what it likes."""
    header = f"{{'descr': '{dtype}', 'fortran_order': False, 'shape': {shape}, }}".encode().ljust(117) + b"\n"
    file = b"\x93NUMPY\1\0" + len(header).to_bytes(2, "little") + header + data
    return b"utt NPY\2" + len(file).to_bytes(2, "little") + file


@pytest.mark.parametrize(
    "content",
    [
        announced("(1000000000, 1000)"), announced("(10**9, 1)"), announced("(2, 3)"), announced("(-2, -2)"),
        announced("(2, 2)", "<f8"), announced("(2, 2)", "|O"), announced("((2, 2)"), announced("(2, 2)", "<f4" * 999),
        announced("(2, 2)")[:-1], announced("(2, 2)")[:40], b"utt NPY", b"utt NPY\x02", b"utt NPY\xff" + b"\xff" * 300,
        b"utt NPY\x08" + b"\xff" * 8 + b"x" * 99, b"utt NPY\x00", b"utt NPY\x01\x05abcde", b"utt AUDIO\x01\x05abcde",
        b"utt AUDIO\x05\xff\xff\xff\xff\xff" + b"RIFF" * 20,
    ],
)  # fmt: skip
def test_what_is_announced_is_held_against_the_bytes_that_are_there(content, tmp_path):
    (tmp_path / "a.ark").write_bytes(content)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    kind = "wav" if b"AUDIO" in content else "matrix"
    with pytest.raises(InputError) as caught:
        list(read_table(f"ark:{tmp_path}/a.ark", kind))
    assert str(caught.value).startswith(f"{tmp_path}/a.ark: [utt] ") or kind == "wav"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000
    (tmp_path / "a.ark").write_bytes(announced("(2, 2)"))
    assert dict(read_table(f"ark:{tmp_path}/a.ark", "matrix"))["utt"].tolist() == [[0.0, 0.0], [0.0, 0.0]]


def test_a_truncated_recording_is_told(tmp_path):
    buffer = io.BytesIO()
    kaldiio.save_ark(buffer, {"utt": (8000, np.arange(5000, dtype="i2"))}, write_function="soundfile")
    whole = buffer.getvalue()
    file = whole[len("utt AUDIO") + 3 : -1000]
    (tmp_path / "a.ark").write_bytes(b"utt AUDIO\2" + len(file).to_bytes(2, "little") + file)
    with pytest.raises(InputError, match="truncated audio"):
        list(read_table(f"ark:{tmp_path}/a.ark", "wav"))


def test_without_kaldiio_the_error_says_which_extra_to_install(tmp_path, monkeypatch):
    save(tmp_path, {"utt": np.zeros((2, 2))})
    honest = builtins.__import__

    def refuse(name, *words, **keywords):
        if name.startswith("kaldiio"):
            raise ImportError(name)
        return honest(name, *words, **keywords)

    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(InputError, match=r"\[utt\] a numpy array, .*; pip install 'houseblend\[espnet\]'"):
        list(read_table(f"ark:{tmp_path}/a.ark", "matrix"))


def test_words_that_begin_like_marks_are_words(tmp_path):
    (tmp_path / "text").write_text("u1 NPY is a word\nu2 AUDIO too\nu3 PKL\n")
    assert dict(read_table(f"ark:{tmp_path}/text", "tokens"))["u2"] == ["AUDIO", "too"]
