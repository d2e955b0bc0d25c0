"""Parts of data directories and unions of them (Kaldi's subset_data_dir.sh, split_data.sh, combine_data.sh)."""

import shutil
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.base.seeds import seed_of
from houseblend.io.data_dir import (
    DataDir,
    fix_data_dir,
    require_speaker_order,
    speaker_lines,
    with_advice_that_helps,
    write_data_dir,
)
from houseblend.io.data_files import FILES, Line
from houseblend.io.tables import read_table

RECORDS = ("feature.json", "frame_shift")
"""How the features were made; the same in every part of a directory."""


def open_data_dir(path: Path) -> DataDir:
    """A data directory without bad lines.

    Raises:
        InputError: the first that is wrong.
    """
    data = DataDir(path)
    for error in with_advice_that_helps(data, data.wrong):
        raise error
    return data


def write_subset(data: DataDir, utterances: Iterable[str], target: Path) -> None:
    """Write a data directory with some of the utterances of another.

    Raises:
        InputError: no utterance, or the target is the source.
    """
    chosen = list(utterances)
    if not chosen:
        raise InputError("no utterances are left", file=target, do="choose others")
    if target.resolve() == data.path.resolve():
        raise InputError("the target is the source", file=target, do="name another directory")
    write_data_dir(target, data.chosen(chosen))
    for name in RECORDS:
        (target / name).unlink(missing_ok=True)
        if (data.path / name).exists():
            shutil.copyfile(data.path / name, target / name)


def spread(items: Sequence[str], count: int) -> list[str]:
    """`count` items from all over a list, by halving list and count (as Kaldi's subset_scp.pl)."""
    if count == 0 or len(items) <= 1:
        return list(items[:count])
    half = len(items) // 2
    return spread(items[:half], count // 2) + spread(items[half:], count - count // 2)


def shortest(data: DataDir, count: int) -> list[str]:
    """The utterances with the fewest frames, by utt2num_frames or else by the features themselves.

    Raises:
        InputError: there are no features.
    """
    if "feats.scp" not in data.files:
        raise InputError("no such file", file=data.path / "feats.scp", do="make features first")
    if "utt2num_frames" in data.files:
        lengths = {key: float(line.value) for key, line in data.files["utt2num_frames"].items()}
    else:
        lengths = {key: len(feats) for key, feats in read_table(f"scp:{data.path}/feats.scp", "matrix")}
    return sorted(lengths, key=lambda key: (lengths[key], key))[:count]


def per_speaker(data: DataDir, count: int) -> list[str]:
    """Of every speaker `count` utterances at equal distances, or all if there are fewer."""
    chosen: list[str] = []
    for line in speaker_lines(data.files["utt2spk"].values()):
        utterances = line.value.split()
        step = max(1, len(utterances) // count)
        chosen += utterances[: count * step : step]
    return chosen


def random_speakers(data: DataDir, count: int) -> list[str]:
    """All utterances of speakers in random order (the same in every run), until there are at least `count`."""
    lines = speaker_lines(data.files["utt2spk"].values())
    chosen: list[str] = []
    for line in sorted(lines, key=lambda line: seed_of(0, "subset", line.key)):
        if len(chosen) >= count:
            break
        chosen += line.value.split()
    return chosen


def split_by_speaker(utt2spk: Iterable[Line], parts: int) -> list[list[str]]:
    """Utterances in parts of about the same size; a speaker's stay together, speakers in their order.

    Speakers are dealt out evenly, then move over a border as long as that makes two neighbours more equal.

    Raises:
        InputError: there are more parts than speakers.
    """
    speakers = [line.value.split() for line in speaker_lines(utt2spk)]
    if len(speakers) < parts:
        raise InputError(f"{parts} parts of {len(speakers)} speakers", do="split into fewer, or with --per-utt")
    dealt: list[list[list[str]]] = [[] for _ in range(parts)]
    for number, utterances in enumerate(speakers):
        dealt[number * parts // len(speakers)].append(utterances)
    sizes = [sum(map(len, part)) for part in dealt]

    def move(source: int, target: int) -> bool:
        """Give the speaker next to the border away, if that helps."""
        if not 0 <= target < parts:
            return False
        place = -1 if target > source else 0
        size = len(dealt[source][place])
        if abs(sizes[target] - sizes[source] + 2 * size) >= abs(sizes[target] - sizes[source]):
            return False
        speaker = dealt[source].pop(place)
        dealt[target].insert(0 if target > source else len(dealt[target]), speaker)
        sizes[source] -= size
        sizes[target] += size
        return True

    while any([move(part, part + side) for part in range(parts) for side in (1, -1)]):
        pass
    return [[utterance for speaker in part for utterance in speaker] for part in dealt]


def split_evenly(utterances: Sequence[str], parts: int) -> list[list[str]]:
    """Parts whose sizes differ by one at most, the larger ones first.

    Raises:
        InputError: there are more parts than utterances.
    """
    if len(utterances) < parts:
        raise InputError(f"{parts} parts of {len(utterances)} utterances", do="split into fewer")
    size, rest = divmod(len(utterances), parts)
    ends = [part * size + min(part, rest) for part in range(parts + 1)]
    return [list(utterances[start:end]) for start, end in pairwise(ends)]


def combine_data_dirs(target: Path, sources: Sequence[Path], extra_files: Sequence[str] = (), fix: bool = True) -> None:
    """Write a data directory with the utterances of several.

    Files that not all sources have are left out, but for segments, utt2uniq and utt2orig, which are completed.

    Args:
        target: directory to write.
        sources: the directories.
        extra_files: files that are no part of a data directory, lines to be merged and sorted.
        fix: mend the result, should a source lack entries.

    Raises:
        InputError: an utterance stands in two sources, ids have different entries, or features differ in kind.
    """
    if target.resolve() in [source.resolve() for source in sources]:
        raise InputError("the target is one of the sources", file=target, do="name another directory")
    opened = [open_data_dir(source) for source in sources]
    _complete(opened)
    merged: dict[str, list[Line]] = {}
    for name, rule in FILES.items():
        having = [data for data in opened if name in data.files]
        if name == "spk2utt" or not having:
            continue
        if rule.complete and len(having) < len(opened):
            lacking = next(data.path for data in opened if name not in data.files)
            log(f"not combining {name}: {lacking} has none")
            continue
        lines = _merge(name, having)
        if lines is not None:
            merged[name] = lines
    merged["spk2utt"] = speaker_lines(merged["utt2spk"])
    require_speaker_order(target, merged["utt2spk"])
    records = _common_records(opened) if "feats.scp" in merged else {}
    extra = {name: sorted({row for data in opened for row in _rows(data.path / name)}) for name in extra_files}
    write_data_dir(target, merged)
    for name in RECORDS:
        (target / name).unlink(missing_ok=True)
    for name, content in records.items():
        (target / name).write_bytes(content)
    for name, rows in extra.items():
        (target / name).write_bytes(b"".join(rows))
    if fix:
        for utterance, reason in fix_data_dir(target).dropped:
            warn(f"dropped [{utterance}]: {reason}")


def _complete(opened: Sequence[DataDir]) -> None:
    """Give segments and utt2uniq to directories without them, if others have them."""
    utterances = [data.files["utt2spk"] for data in opened]
    if any("utt2uniq" in data.files for data in opened):
        for data, keys in zip(opened, utterances, strict=True):
            data.files.setdefault("utt2uniq", {key: Line(n, key, key) for n, key in enumerate(keys, start=1)})
    if any("segments" in data.files for data in opened):
        for data, keys in zip(opened, utterances, strict=True):
            if "segments" not in data.files:
                data.files["segments"] = _whole_recordings(data, keys)


def _whole_recordings(data: DataDir, utterances: Iterable[str]) -> dict[str, Line]:
    durations = data.files.get("utt2dur")
    if durations is None:
        do = "write it: wav-to-duration scp:wav.scp ark,t:utt2dur"
        raise InputError("no such file, needed to make segments", file=data.path / "utt2dur", do=do)
    return {
        key: Line(number, key, f"{key} 0.0 {durations[key].value}")
        for number, key in enumerate(utterances, start=1)
        if key in durations
    }


def _merge(name: str, having: Sequence[DataDir]) -> list[Line] | None:
    """The lines of all, sorted; None for CMVN statistics that differ for one speaker."""
    found: dict[str, tuple[Line, DataDir]] = {}
    for data in having:
        for key, line in data.files[name].items():
            if key not in found:
                found[key] = (line, data)
                continue
            first, origin = found[key]
            if FILES[name].index != "utterance" and first.value == line.value:
                continue
            if name == "cmvn.scp":
                warn(f"not combining cmvn.scp: [{key}] is in {origin.path} and {data.path}; compute it again")
                return None
            raise InputError(
                f"also in {origin.path / name}:{first.number}", file=data.path / name, line=line.number, key=key,
                expected="ids of their own in every directory", do="rename them, or leave one out with subset-data-dir",
            )  # fmt: skip
    return [found[key][0] for key in sorted(found)]


def _common_records(opened: Sequence[DataDir]) -> dict[str, bytes]:
    """The files that say how features were made, which must agree."""
    common: dict[str, bytes] = {}
    for name in RECORDS:
        contents = [(data.path / name).read_bytes() if (data.path / name).exists() else None for data in opened]
        for data, content in zip(opened, contents, strict=True):
            if content != contents[0]:
                raise InputError(
                    "features made otherwise", file=data.path / name, expected=f"what {opened[0].path / name} says",
                    do="make the features of all with the same options, or combine directories without features",
                )  # fmt: skip
        if contents[0] is not None:
            common[name] = contents[0]
    return common


def _rows(path: Path) -> list[bytes]:
    if not path.is_file():
        raise InputError("no such file", file=path, do="leave it out of --extra-files, or write it")
    return path.read_bytes().splitlines(keepends=True)
