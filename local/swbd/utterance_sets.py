"""Kaldi data directories of utterances, and which utterances are for what."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ms98_dictionary import counted
from ms98_transcripts import Utterance
from recordings import Recordings, file_and_channel

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.log import log, warn
from houseblend.io.data_dir import speaker_lines, write_data_dir
from houseblend.io.data_files import Line
from houseblend.io.directories import validate


def split_calls(utterances: Sequence[Utterance], dev_until: int) -> dict[str, list[Utterance]]:
    """The calls up to a number as dev, the others as train.

    Raises:
        InputError: a set would be empty.
    """
    sets: dict[str, list[Utterance]] = {"dev": [], "train": []}
    for one in utterances:
        sets["dev" if int(one.call.removeprefix("sw")) <= dev_until else "train"].append(one)
    for name, chosen in sets.items():
        if not chosen:
            raise InputError(f"no utterances for {name}", do="give --dev-until another number, or copy more discs")
    return sets


def write_set(
    folder: Path, utterances: Sequence[Utterance], recordings: Recordings, callers: Mapping[str, str]
) -> None:
    """Write a data directory; a speaker is a side of a call, or the caller where one is known.

    Raises:
        InputError: the directory is not valid (a bug, or odd names).
    """
    named = sorted((_key(one, callers), one) for one in utterances)
    sides = {one.recording for one in utterances}
    files = {
        "text": [(key, " ".join(one.words)) for key, one in named],
        "segments": [(key, f"{one.recording} {one.start / 100:g} {one.end / 100:g}") for key, one in named],
        "utt2spk": [(key, callers.get(one.recording, one.recording)) for key, one in named],
    }
    lines = {name: [Line(number, *row) for number, row in enumerate(rows, start=1)] for name, rows in files.items()}
    lines["wav.scp"], lines["reco2file_and_channel"] = recordings.scp(sides), file_and_channel(sides)
    lines["spk2utt"] = speaker_lines(lines["utt2spk"])
    write_data_dir(folder, lines)
    validate("data", folder)
    seconds = sum(one.end - one.start for one in utterances) / 100
    log(f"{folder}: {len(utterances)} utterances, {seconds / 3600:.2f} hours, {len(lines['spk2utt'])} speakers")


def report_unknown(path: Path, utterances: Sequence[Utterance], known: set[str]) -> None:
    """Write words that are not in the dictionary with their counts, and tell how many they are."""
    spoken = [word for one in utterances for word in one.words]
    unknown = counted(word for word in spoken if word not in known)
    write_text(path, "".join(f"{word} {count}\n" for word, count in unknown))
    total = sum(count for _, count in unknown)
    say = warn if unknown else log
    say(f"{len(unknown)} words are not in the dictionary, {total} of {len(spoken)} spoken: see {path}")


def _key(one: Utterance, callers: Mapping[str, str]) -> str:
    """The id; behind a caller the side of the call without its sw, so that ids begin with their speaker."""
    caller = callers.get(one.recording)
    return f"{caller}-{one.key.removeprefix('sw')}" if caller else one.key
