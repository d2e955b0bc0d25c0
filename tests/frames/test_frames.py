"""The frame store and its order: permutations that can be sought, windows with Kaldi's edges, refusals."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from houseblend.base.errors import InputError, UsageError
from houseblend.feat.deltas import splice
from houseblend.frames import store as store_module
from houseblend.frames.options import StoreOptions
from houseblend.frames.order import Order
from houseblend.frames.store import FrameStore, validate_store, write_store


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=4).filter(any), st.integers(0, 99), st.integers(1, 90), st.data()
)
def test_every_epoch_is_a_permutation_and_any_interval_can_be_sought(sizes, seed, window, data):
    order = Order(sizes, seed, window)
    total = sum(sizes)
    whole = np.concatenate(list(order.interval(0, 3 * total)))
    for epoch in range(3):
        assert sorted(whole[epoch * total : (epoch + 1) * total]) == list(range(total))
    begin = data.draw(st.integers(0, 3 * total - 1))
    end = data.draw(st.integers(begin + 1, 3 * total))
    assert (np.concatenate(list(order.interval(begin, end))) == whole[begin:end]).all()
    size = data.draw(st.integers(1, 70))
    batches = list(order.minibatches(begin, end, size))
    assert (np.concatenate([frames for _, frames in batches]) == whole[begin:end]).all()
    assert [position for position, _ in batches] == list(range(begin, end, size))


def test_orders_differ_between_seeds_and_epochs():
    first = np.concatenate(list(Order([1000], 1).interval(0, 2000)))
    second = np.concatenate(list(Order([1000], 2).interval(0, 1000)))
    assert (first[:1000] != first[1000:]).any()
    assert (first[:1000] != second).any()


def random_utterances(chance, count=9, dim=5, num_pdfs=7):
    """Features and pdfs of some utterances."""
    for number in range(count):
        frames = int(chance.integers(1, 30))
        feats = chance.normal(size=(frames, dim)).astype(np.float32)
        yield (
            f"u{number}",
            "heldout" if number == 4 else "train",
            number == 2,
            feats,
            chance.integers(0, num_pdfs, frames),
        )


@pytest.mark.parametrize("shard_bytes", [1 << 30, 700])
def test_gathering_is_splicing_with_repeated_edges(tmp_path, monkeypatch, shard_bytes):
    monkeypatch.setattr(store_module, "SHARD_BYTES", shard_bytes)
    utterances = list(random_utterances(np.random.default_rng()))
    write_store(tmp_path, 5, 7, utterances, {})
    store = FrameStore(tmp_path)
    assert (len(store.info["shards"]) > 1) == (shard_bytes == 700)
    validate_store(tmp_path)
    for name, chosen in (("train", [u for u in utterances if u[1] == "train"]), ("combine", [utterances[2]])):
        subset = store.subset(name)
        wanted = np.concatenate([splice(feats, 2, 3) for _, _, _, feats, _ in chosen])
        pdfs = np.concatenate([pdfs for *_, pdfs in chosen])
        frames = np.random.default_rng().permutation(subset.num_frames)
        x, y = subset.gather(frames, 2, 3)
        assert (x.reshape(len(x), -1) == wanted[frames]).all()
        assert (y == pdfs[frames]).all()


def test_the_store_is_hardly_larger_than_its_features(tmp_path):
    chance = np.random.default_rng(1)
    entries = [
        (f"u{n}", "train", False, chance.normal(size=(500, 40)).astype(np.float32), np.zeros(500, int))
        for n in range(20)
    ]
    write_store(tmp_path, 40, 2, entries, {})
    size = sum(path.stat().st_size for path in tmp_path.iterdir())
    assert size <= 1.1 * sum(entry[3].nbytes for entry in entries)


@pytest.mark.parametrize("name", ["feats.0.f32", "pdfs.0.i32"])
def test_a_truncated_shard_is_refused_by_name(tmp_path, name):
    write_store(tmp_path, 5, 7, random_utterances(np.random.default_rng()), {})
    data = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(data[:-4])
    with pytest.raises(InputError, match=name):
        FrameStore(tmp_path)


def test_another_format_is_refused(tmp_path):
    write_store(tmp_path, 5, 7, random_utterances(np.random.default_rng()), {})
    index = json.loads((tmp_path / "index.json").read_text())
    (tmp_path / "index.json").write_text(json.dumps({**index, "format": 2}))
    with pytest.raises(InputError, match=r"format 2; expected format 1"):
        FrameStore(tmp_path)


@pytest.mark.parametrize("spoil", ["nan", "pdf", "length"])
def test_bad_frames_are_refused_and_leave_no_index(tmp_path, spoil):
    def entries():
        feats, pdfs = np.zeros((4, 5), np.float32), np.zeros(4, int)
        yield "good", "train", False, feats, pdfs
        if spoil == "nan":
            feats = feats + np.float32("nan")
        if spoil == "pdf":
            pdfs = pdfs + 7
        yield "bad", "train", False, feats, pdfs[:3] if spoil == "length" else pdfs

    with pytest.raises(InputError, match="bad"):
        write_store(tmp_path, 5, 7, entries(), {})
    assert list(tmp_path.iterdir()) == []


def test_the_programs_tell_and_check(run_program, tmp_path):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "parallel"))
    from tiny import write_tiny_frames

    frames = write_tiny_frames(tmp_path / "frames")
    assert "dim 8" in run_program("frames-info", frames, check=True).stdout.decode()
    run_program("validate-frames", frames, check=True)
    with open(frames / "feats.0.f32", "r+b") as file:
        file.write(np.float32("nan").tobytes())
    done = run_program("validate-frames", frames)
    assert done.status == 1
    assert "not finite" in done.stderr


@pytest.mark.parametrize(
    ("heldout", "combine", "most"), [(0.0, 0.1, 100), (1.0, 0.1, 100), (0.1, 0.0, 100), (0.1, 0.1, 0)]
)
def test_shares_that_are_none_are_refused(heldout, combine, most):
    with pytest.raises(
        UsageError, match=f"--heldout-share={heldout:g}, --combine-share={combine:g}, .*={most}; expected"
    ):
        StoreOptions(heldout, combine, most)
