"""Kaldi's data directory as a whole: validating and mending, by the rules of `data_files`.

Utterances are those of utt2spk, speakers what it names, recordings what segments names, or else the utterances. Every
file that is there must hold exactly these ids.
"""

import functools
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.io.data_files import FILES, FIX, Line, file_of, read_lines, to_text

BACKUP = ".backup"
DROPPED = "dropped"
MAKE = "name another, or run the step that makes it first"
PREFIX = "make speaker ids prefixes of utterance ids"


class DataDir:
    """What the files of a data directory hold.

    Args:
        path: the directory.

    Attributes:
        files: the good lines of every file that is there, by name, then by key, in the order of the file.
        wrong: what is wrong with single lines and their order.

    Raises:
        InputError: there is no such directory, no utt2spk, or segments without wav.scp.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_dir():
            raise InputError("no such directory", file=path, expected="a data directory", do=MAKE)
        self.files: dict[str, dict[str, Line]] = {}
        self.wrong: list[InputError] = []
        for name, rule in FILES.items():
            if (path / name).exists():
                good, wrong = read_lines(path / name, rule)
                self.files[name] = {line.key: line for line in good}
                self.wrong += wrong
        if "utt2spk" not in self.files:
            raise InputError("no such file", file=path / "utt2spk", expected="UTTERANCE SPEAKER a line", do="write it")
        if "segments" in self.files and "wav.scp" not in self.files:
            raise InputError("segments without wav.scp", file=path / "segments", do="add wav.scp or remove segments")

    def speaker(self, utterance: str) -> str:
        """Who speaks an utterance of utt2spk."""
        return self.files["utt2spk"][utterance].value

    def recording(self, utterance: str) -> str:
        """The recording that an utterance is part of; where there are no segments, the utterance itself."""
        segments = self.files.get("segments")
        if segments is None:
            return utterance
        return segments[utterance].value.split()[0] if utterance in segments else ""

    def ids(self, index: str, utterances: Iterable[str]) -> set[str]:
        """The ids of some utterances (index utterance), of their speakers or of their recordings."""
        return {self.id_of(index, utterance) for utterance in utterances}

    def id_of(self, index: str, utterance: str) -> str:
        """The utterance itself, its speaker or its recording."""
        if index == "utterance":
            return utterance
        return self.speaker(utterance) if index == "speaker" else self.recording(utterance)

    def chosen(self, utterances: Iterable[str]) -> dict[str, list[Line]]:
        """The lines of every file that belong to some utterances, in the order of their keys; spk2utt made anew."""
        kept = sorted(set(utterances))
        lines = {}
        for name, entries in self.files.items():
            wanted = self.ids(FILES[name].index, kept)
            lines[name] = [entries[key] for key in sorted(entries) if key in wanted]
        lines["spk2utt"] = speaker_lines(lines["utt2spk"])
        return lines

    def unusable(self, recordings: bool = False, words: bool = False) -> list[InputError]:
        """Lines of the right form that lead nowhere: files that are not there, and transcripts without words.

        Recordings are missed where others are there: the data may have been prepared for another machine.

        Args:
            recordings: look for them even where there are features, for which nothing is read from them any more.
            words: look at transcripts; those of data that is only recognised may be empty.
        """
        found = [error for name in ("feats.scp", "vad.scp", "cmvn.scp") for error in self._lost(name)]
        if (recordings or "feats.scp" not in self.files) and not self.recordings_elsewhere():
            found = self._lost("wav.scp") + found
        if words:
            found += [
                InputError("an empty transcript", file=self.path / "text", line=line.number, key=line.key,
                           expected="words", do=f"write what is said, or {FIX}")
                for line in self.files.get("text", {}).values() if not line.value
            ]  # fmt: skip
        return found

    def recordings_elsewhere(self) -> bool:
        """Whether wav.scp names files and none of them is there."""
        named = [line for line in self.files.get("wav.scp", {}).values() if file_of(line.value) is not None]
        return bool(named) and len(named) == len(self._lost("wav.scp"))

    def _lost(self, name: str) -> list[InputError]:
        """The lines of a script whose files are not there."""
        exists, found = functools.cache(os.path.exists), []
        for line in self.files.get(name, {}).values():
            file = file_of(line.value)
            if file is not None and not exists(file):
                expected = None if os.path.isabs(file) else "a name from the root (/...), or one from where you are"
                found.append(
                    InputError(f"{file} is not there", file=self.path / name, line=line.number, key=line.key,
                               expected=expected, do=f"mend the name, bring the file, or {FIX}")
                )  # fmt: skip
        return found


def write_data_dir(folder: Path, lines: dict[str, list[Line]]) -> None:
    """Write the files given and remove the others that a data directory may hold; all that is not of it stays."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES.keys() - lines.keys():
        (folder / name).unlink(missing_ok=True)
    for name, entries in lines.items():
        write_text(folder / name, to_text(entries))


def speaker_lines(utt2spk: Iterable[Line]) -> list[Line]:
    """The lines of spk2utt that belong to those of utt2spk."""
    speakers: dict[str, list[str]] = {}
    for line in utt2spk:
        speakers.setdefault(line.value, []).append(line.key)
    return [Line(n, speaker, " ".join(speakers[speaker])) for n, speaker in enumerate(sorted(speakers), start=1)]


def problems(path: Path, required: Iterable[str] = (), speaker_order: bool = True) -> Iterator[InputError]:
    """Everything that is wrong with a data directory.

    Args:
        path: the directory.
        required: files that must be there beside utt2spk and spk2utt.
        speaker_order: the order of the utterances must also be one of the speakers, as Kaldi's programs want it.

    Raises:
        InputError: see `DataDir`.
    """
    data = DataDir(path)
    yield from with_advice_that_helps(data, _problems(data, required, speaker_order))


def with_advice_that_helps(data: DataDir, found: Iterable[InputError]) -> list[InputError]:
    """What is wrong with a data directory; fix-data-dir is advised only where it would not refuse."""
    found = list(found)
    if any(FIX in (error.do or "") for error in found):
        try:
            _mended(data)
        except InputError as refusal:
            return [_by_hand(error, refusal) for error in found]
    return found


def _by_hand(error: InputError, refusal: InputError) -> InputError:
    do = error.do or ""
    if FIX not in do:
        return error
    own = do.removesuffix(FIX).removesuffix(", or ") or "mend it by hand"
    return error.but(do=f"{own} (fix-data-dir cannot: {refusal.what})")


def _problems(data: DataDir, required: Iterable[str], speaker_order: bool) -> Iterator[InputError]:
    for name in ("spk2utt", *required):
        if name not in data.files:
            do = FIX if name == "spk2utt" else "write it, or run the step that makes it"
            yield InputError("no such file", file=data.path / name, expected=FILES[name].expected, do=do)
    yield from data.wrong
    if speaker_order:
        yield from _speaker_order(data.path, data.files["utt2spk"].values())
    if "spk2utt" in data.files:
        yield from _speaker_lists(data)
    for name, entries in data.files.items():
        yield from _ids_match(data, name, entries)
    yield from data.unusable("wav.scp" in required, "text" in required)


def doubts(path: Path) -> Iterator[str]:
    """What is allowed in a data directory, but rarely meant.

    Raises:
        InputError: see `DataDir`.
    """
    data = DataDir(path)
    odd = [line for line in data.files["utt2spk"].values() if not line.key.startswith(line.value)]
    for line in odd[:1]:
        yield f"{path}/utt2spk:{line.number}: [{line.key}] does not begin with its speaker {line.value}; {PREFIX}"
    if data.recordings_elsewhere():
        yield f"{path}/wav.scp: none of the recordings is there; mend their names, or work where they are"


def validate_data_dir(path: Path, required: Iterable[str] = (), speaker_order: bool = True) -> None:
    """Raise the first of a data directory's `problems`, and say how many more there are.

    Raises:
        InputError: naming file, line and key, what was expected and what to do.
    """
    found = list(problems(path, required, speaker_order))
    if found:
        first, more = found[0], len(found) - 1
        do = "; ".join([*([first.do] if first.do else []), *([f"{more} more: run validate-data-dir"] if more else [])])
        raise InputError(
            first.what, file=first.file, key=first.key, line=first.line, expected=first.expected, do=do or None
        )


def validate_any_data(path: Path) -> None:
    """`validate_data_dir` for a directory with recordings, features, or both.

    Raises:
        InputError: it has neither, or breaks a rule.
    """
    validate_data_dir(path)
    if not (path / "wav.scp").exists() and not (path / "feats.scp").exists():
        raise InputError("neither wav.scp nor feats.scp", file=path, expected="one of them", do="add wav.scp")


@dataclass(frozen=True)
class Fixed:
    """What `fix_data_dir` did.

    Args:
        kept: number of utterances left.
        dropped: utterance and reason.
        changed: names of the files that were written.
    """

    kept: int
    dropped: list[tuple[str, str]]
    changed: list[str]


def fix_data_dir(path: Path) -> Fixed:
    """Sort the files of a data directory and keep the utterances that obey all rules; spk2utt is made from utt2spk.

    Files that change are kept in `.backup`, beside a list of the dropped utterances (`dropped`: UTTERANCE REASON).

    Raises:
        InputError: no utterance would be left, or the speakers are out of order; nothing is changed then.
    """
    data = DataDir(path)
    lines, dropped = _mended(data)
    changed = [name for name, wanted in lines.items() if not _stands(data, name, wanted)]
    if changed:
        (path / BACKUP).mkdir(exist_ok=True)
        write_text(path / BACKUP / DROPPED, "".join(f"{key} {why}\n" for key, why in sorted(dropped.items())))
    for name in changed:
        if (path / name).exists():
            shutil.copyfile(path / name, path / BACKUP / name)
    for name in changed:
        write_text(path / name, to_text(lines[name]))
    return Fixed(len(lines["utt2spk"]), sorted(dropped.items()), changed)


def _mended(data: DataDir) -> tuple[dict[str, list[Line]], dict[str, str]]:
    """The lines of every file after mending, and why utterances are dropped; InputError as `fix_data_dir`."""
    useless = {(error.file, error.key): error for error in data.unusable(words=True)}
    reasons = {utterance: _reason_to_drop(data, utterance, useless) for utterance in _mentioned(data)}
    dropped = {utterance: reason for utterance, reason in reasons.items() if reason}
    kept = [utterance for utterance in data.files["utt2spk"] if utterance not in dropped]
    if not kept:
        reason = next(iter(dropped.values()), "utt2spk has no good line")
        do = f"mend the files by hand; first reason: {reason}"
        raise InputError("no utterance would be left", file=data.path, do=do)
    lines = data.chosen(kept)
    require_speaker_order(data.path, lines["utt2spk"])
    return lines, dropped


def require_speaker_order(path: Path, utt2spk: Iterable[Line]) -> None:
    """Refuse utterances, sorted, whose speakers are not.

    Raises:
        InputError: naming the first that is out of order.
    """
    for error in _speaker_order(path, utt2spk):
        raise error


def _mentioned(data: DataDir) -> list[str]:
    """All utterances that any file speaks of, sorted."""
    found = {str(error.key) for error in data.wrong if error.file == data.path / "utt2spk" and error.key is not None}
    for name, entries in data.files.items():
        if FILES[name].index == "utterance":
            found |= entries.keys()
    return sorted(found)


def _reason_to_drop(data: DataDir, utterance: str, useless: Mapping[tuple[Any, Any], InputError]) -> str | None:
    """What an utterance lacks, or which of its lines is useless (by file and key); None if nothing."""
    if utterance not in data.files["utt2spk"]:
        return _reason(data, "utt2spk", utterance)
    for name, entries in data.files.items():
        key = data.id_of(FILES[name].index, utterance)
        if FILES[name].complete and name != "spk2utt" and key not in entries:
            return _reason(data, name, key)
        if error := useless.get((data.path / name, key)):
            return f"{error.what} ({name}:{error.line})"
    return None


def _reason(data: DataDir, name: str, key: str) -> str:
    """Why an id has no good line in a file."""
    for error in data.wrong:
        if error.file == data.path / name and error.key == key:
            return f"{error.what} ({name}:{error.line})"
    return f"not in {name}" if key else f"not in {name}, since it has no segment"


def _stands(data: DataDir, name: str, wanted: list[Line]) -> bool:
    """Whether a file obeys all rules and has these entries already; blanks, as Kaldi's tables end in, do not count."""
    if name not in data.files or any(error.file == data.path / name for error in data.wrong):
        return False
    return to_text(data.files[name].values()) == to_text(wanted)


def _speaker_order(path: Path, utt2spk: Iterable[Line]) -> Iterator[InputError]:
    before = ""
    for line in utt2spk:
        if line.value < before:
            yield InputError(
                f"speaker {line.value} behind {before}", file=path / "utt2spk", line=line.number, key=line.key,
                expected="speakers in the order of their utterances", do=PREFIX,
            )  # fmt: skip
        before = max(before, line.value)


def _speaker_lists(data: DataDir) -> Iterator[InputError]:
    """Whether spk2utt says the same as utt2spk."""
    wanted = {line.key: line.value.split() for line in speaker_lines(data.files["utt2spk"].values())}
    for line in data.files["spk2utt"].values():
        if line.key in wanted and sorted(line.value.split()) != sorted(wanted[line.key]):
            odd = sorted(set(line.value.split()) ^ set(wanted[line.key])) or ["an utterance twice"]
            yield InputError(
                f"differs from utt2spk: {odd[0]}", file=data.path / "spk2utt", line=line.number, key=line.key,
                expected="the utterances that utt2spk gives to this speaker", do=FIX,
            )  # fmt: skip


def _ids_match(data: DataDir, name: str, entries: dict[str, Line]) -> Iterator[InputError]:
    index, complete = FILES[name].index, FILES[name].complete
    source = {"utterance": "utt2spk", "speaker": "utt2spk", "recording": "segments"}[index]
    if index == "recording" and "segments" not in data.files:
        index, source = "utterance", "utt2spk"
    wanted = data.ids(index, data.files["utt2spk"]) - {""}
    file = data.path / name
    for key, line in entries.items():
        if key not in wanted:
            yield InputError(f"{index} that is not in {source}", file=file, line=line.number, key=key, do=FIX)
    if complete:
        told = {error.key for error in data.wrong if error.file == file}
        for key in sorted(wanted - entries.keys() - told):
            expected = f"a line for every {index} of {source}"
            yield InputError(f"{index} without a line", file=file, key=key, expected=expected, do=FIX)
