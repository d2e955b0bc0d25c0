"""The frame store: unspliced features and pdfs in memory-mapped shards, in place of examples on disk.

Format: docs/formats.md. Frames of a subset are numbered consecutively, in the order of its utterances in the store;
windows of neighbouring frames are gathered when they are needed, edge frames repeated as Kaldi does.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from houseblend.base.atomic import atomic_open, write_json, write_text
from houseblend.base.errors import InputError
from houseblend.io.json_files import read_json
from houseblend.io.numbers import INT32, to_int

FORMAT = 1
AGAIN = "run make_frames again"
SHARD_BYTES = 2 << 30
SUBSETS = ("train", "heldout", "combine")


@dataclass(frozen=True)
class Utterance:
    """One line of the table: where an utterance lies, and whether it is in train or heldout, and in combine."""

    key: str
    subset: str
    combine: bool
    shard: int
    offset: int
    frames: int


class FrameStore:
    """A frame store opened for reading.

    Args:
        folder: the directory.

    Attributes:
        dim: numbers per frame.
        num_pdfs: number of pdfs.
        utterances: the table, in the order of the store.

    Raises:
        InputError: naming the file that is missing, truncated or of another format.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)
        index = _read_index(self.folder / "index.json")
        self.dim, self.num_pdfs, self.info = int(index["dim"]), int(index["num_pdfs"]), index
        self.utterances = [
            _parse_line(self.folder / "utterances", *line) for line in _lines(self.folder / "utterances")
        ]
        for utterance in self.utterances:
            sizes = index["shards"][utterance.shard : utterance.shard + 1]
            if not sizes or utterance.offset + utterance.frames > sizes[0]:
                what, file = "the shards do not hold these frames", self.folder / "utterances"
                raise InputError(what, file=file, key=utterance.key, do=AGAIN)
        self._feats, self._pdfs = [], []
        for number, frames in enumerate(index["shards"]):
            feats, pdfs = self.folder / f"feats.{number}.f32", self.folder / f"pdfs.{number}.i32"
            _require_size(feats, 4 * frames * self.dim)
            _require_size(pdfs, 4 * frames)
            self._feats.append(np.memmap(feats, dtype="<f4", mode="r", shape=(frames, self.dim)))
            self._pdfs.append(np.memmap(pdfs, dtype="<i4", mode="r", shape=(frames,)))

    def subset(self, name: str) -> "Subset":
        """The frames of train, heldout or combine.

        Raises:
            InputError: there is no such subset, or it is empty.
        """
        if name not in SUBSETS:
            raise InputError(f"subset {name!r}", file=self.folder, expected=", ".join(SUBSETS), do="name one of them")
        chosen = [u for u in self.utterances if (u.combine if name == "combine" else u.subset == name)]
        if not chosen:
            raise InputError(
                f"subset {name} is empty", file=self.folder, do="make the frames with a larger share for it"
            )
        return Subset(self, name, chosen)

    def shard(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        """Features [frames, dim] and pdfs [frames] of a shard, memory-mapped."""
        return self._feats[number], self._pdfs[number]


class Subset:
    """The frames of some utterances, numbered from 0 in the order of the store.

    Attributes:
        num_frames: how many there are.
        shard_sizes: frames in each shard, in the order of the shards.
    """

    def __init__(self, store: FrameStore, name: str, utterances: list[Utterance]) -> None:
        self.store, self.name = store, name
        lengths = np.array([u.frames for u in utterances], dtype=np.int64)
        self._starts = np.concatenate([[0], np.cumsum(lengths)])
        self._lengths = lengths
        self._offsets = np.array([u.offset for u in utterances], dtype=np.int64)
        self._shards = np.array([u.shard for u in utterances], dtype=np.int64)
        self.num_frames = int(self._starts[-1])
        sizes = np.bincount(self._shards, weights=lengths, minlength=len(store.info["shards"]))
        self.shard_sizes = [int(size) for size in sizes]

    def gather(self, frames_N: np.ndarray, left: int, right: int) -> tuple[np.ndarray, np.ndarray]:
        """Windows around frames, and their pdfs.

        Args:
            frames_N: frame numbers in this subset, shape [N].
            left: frames before.
            right: frames after; beyond the utterance the edge frame is repeated.

        Returns:
            float32 [N, left + 1 + right, dim], and int64 [N].
        """
        utterance = np.searchsorted(self._starts, frames_N, side="right") - 1
        inside = frames_N - self._starts[utterance]
        window = np.clip(inside[:, None] + np.arange(-left, right + 1), 0, (self._lengths[utterance] - 1)[:, None])
        rows = window + self._offsets[utterance][:, None]
        shards = self._shards[utterance]
        if (shards == shards[0]).all():
            feats, pdfs = self.store.shard(int(shards[0]))
            return feats[rows], pdfs[rows[:, 0] - window[:, 0] + inside].astype(np.int64)
        x = np.empty((*rows.shape, self.store.dim), dtype=np.float32)
        y = np.empty(len(rows), dtype=np.int64)
        for number in np.unique(shards):
            mine = shards == number
            feats, pdfs = self.store.shard(int(number))
            x[mine] = feats[rows[mine]]
            y[mine] = pdfs[(self._offsets[utterance] + inside)[mine]]
        return x, y


def write_store(
    folder: Path, dim: int, num_pdfs: int, utterances: Iterable[tuple[str, str, bool, np.ndarray, np.ndarray]],
    info: dict[str, object],
) -> None:  # fmt: skip
    """Write a frame store; the index comes last.

    Args:
        folder: existing directory.
        dim: numbers per frame.
        num_pdfs: number of pdfs.
        utterances: (key, subset, in combine?, features [T, dim], pdfs [T]), in the order of the store.
        info: what else the index is to hold.

    Raises:
        InputError: an utterance that does not fit, or whose numbers are not finite.
    """
    lines: list[str] = []
    shards: list[int] = []
    rest = iter(utterances)
    more = next(rest, None)
    while more is not None:
        number, frames = len(shards), 0
        with (
            atomic_open(folder / f"feats.{number}.f32") as feats_file,
            atomic_open(folder / f"pdfs.{number}.i32") as pdf_file,
        ):
            while more is not None and (frames == 0 or 4 * (frames + len(more[3])) * dim <= SHARD_BYTES):
                key, subset, combine, feats, pdfs = more
                _check(folder, key, feats, pdfs, dim, num_pdfs)
                feats_file.write(np.ascontiguousarray(feats, dtype="<f4").tobytes())
                pdf_file.write(np.ascontiguousarray(pdfs, dtype="<i4").tobytes())
                entry = Utterance(key, subset, combine, number, frames, len(feats))
                lines.append(" ".join(str(int(v) if isinstance(v, bool) else v) for v in asdict(entry).values()))
                frames += len(feats)
                more = next(rest, None)
        shards.append(frames)
    write_text(folder / "utterances", "".join(f"{line}\n" for line in lines))
    write_json(folder / "index.json", {**info, "format": FORMAT, "dim": dim, "num_pdfs": num_pdfs, "shards": shards})


def validate_store(folder: Path) -> None:
    """Read a whole store.

    Raises:
        InputError: naming the file or utterance that is wrong.
    """
    store = FrameStore(folder)
    place = [0] * len(store.info["shards"])
    for utterance in store.utterances:
        feats, pdfs = store.shard(utterance.shard)
        rows = slice(utterance.offset, utterance.offset + utterance.frames)
        if utterance.offset != place[utterance.shard]:
            what = "utterances overlap or leave a gap"
            raise InputError(what, file=folder / "utterances", key=utterance.key, do=AGAIN)
        place[utterance.shard] += utterance.frames
        _check(folder, utterance.key, feats[rows], pdfs[rows], store.dim, store.num_pdfs)
    if place != list(store.info["shards"]):
        raise InputError("the shards hold other numbers of frames than the table", file=folder / "utterances", do=AGAIN)


def _check(folder: Path, key: str, feats: np.ndarray, pdfs: np.ndarray, dim: int, num_pdfs: int) -> None:
    place = {"file": folder, "key": key, "do": "make features and alignments again, then the frames"}
    if feats.shape != (len(pdfs), dim) or not len(pdfs):
        found = f"features {feats.shape} and {len(pdfs)} pdfs"
        raise InputError(found, expected=f"[T, {dim}] and T > 0 pdfs", **place)
    if not np.isfinite(feats).all():
        raise InputError("features that are not finite", expected="finite numbers", **place)
    if pdfs.min() < 0 or pdfs.max() >= num_pdfs:
        odd = pdfs.min() if pdfs.min() < 0 else pdfs.max()
        raise InputError(f"pdf {odd}", expected=f"0 to {num_pdfs - 1}", **place)


def _read_index(path: Path) -> dict:
    index = read_json(path, {"format": int, "dim": int, "num_pdfs": int, "shards": list}, AGAIN)
    if index["format"] != FORMAT:
        raise InputError(f"format {index['format']}", file=path, expected=f"format {FORMAT}", do=AGAIN)
    if min(index["dim"], index["num_pdfs"]) < 1 or not all(type(size) is int and size > 0 for size in index["shards"]):
        raise InputError("sizes that cannot be", file=path, expected="whole numbers above 0", do=AGAIN)
    return index


def _lines(path: Path) -> list[tuple[int, str]]:
    try:
        lines = path.read_bytes().decode(errors="replace").split("\n")
    except FileNotFoundError:
        raise InputError("no such file", file=path, do=AGAIN) from None
    if lines[-1]:
        raise InputError("the last line has no end", file=path, line=len(lines), do=AGAIN)
    return list(enumerate(lines[:-1], start=1))


def _parse_line(path: Path, number: int, line: str) -> Utterance:
    try:
        key, subset, combine, shard, offset, frames = line.split()
        places = [to_int(word, range(INT32.stop)) for word in (shard, offset, frames)]
        if subset not in SUBSETS or combine not in ("0", "1"):
            raise ValueError("subset")
        return Utterance(key, subset, combine == "1", *places)
    except ValueError:
        raise InputError(
            "bad line", file=path, line=number, expected="KEY SUBSET COMBINE SHARD OFFSET FRAMES", do=AGAIN
        ) from None


def _require_size(path: Path, size: int) -> None:
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        raise InputError("no such file", file=path, do=AGAIN) from None
    if found != size:
        raise InputError(f"{found} bytes", file=path, expected=f"{size} bytes", do=AGAIN)
