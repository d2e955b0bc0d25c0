"""Utterances of the digits recipe: joined, with noise, written as Kaldi data directories."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from digit_strings import WORDS, DigitString
from noise import RATE, add_noise, generator

from houseblend.base.atomic import write_text
from houseblend.base.workers import in_processes
from houseblend.io.audio import encode_wav
from houseblend.io.directories import validate

GAP_LEVEL = 4.0
"""Standard deviation of the noise between digits, on the int16 scale."""
COPY_COLOURS = ("white", "brown", "blue")
COPY_SNR_DB = (0.0, 20.0)
COPY_SPEED = (0.85, 1.15)
"""Range of the speed of a copy: pitch and formants move with it, as between people."""
SESSION = 8
"""Utterances of a speaker that share speed and noise of a copy."""


@dataclass(frozen=True)
class Utterance:
    """A string with its sound.

    Args:
        name: the string's id, or that of a noisy copy; it begins with the speaker.
        speaker: who shares statistics for CMVN: a person, or a person in one noise.
        string: what is said.
        samples: on the int16 scale, shape [num_samples].
    """

    name: str
    speaker: str
    string: DigitString
    samples: np.ndarray


def join(string: DigitString, recordings: dict[str, np.ndarray]) -> Utterance:
    """The clean utterance: recordings with low white noise between."""
    draw = generator(string.seed, "gaps")
    parts = [recordings[string.recordings[0]]]
    for gap, name in zip(string.gaps, string.recordings[1:], strict=True):
        parts += [GAP_LEVEL * draw.standard_normal(gap * RATE // 1000), recordings[name]]
    return Utterance(string.utterance, string.speaker, string, np.concatenate(parts))


def pink_noise(utterances: list[Utterance], snr_db: float) -> list[Utterance]:
    """The same with pink noise; the ids end in -noise and the ratio."""
    noisy = []
    for one in utterances:
        samples = add_noise(one.samples, "pink", snr_db, generator(one.string.seed, "pink"))
        noisy.append(replace(one, name=f"{one.name}-noise{snr_db:g}", samples=samples))
    return noisy


def apart(utterances: list[Utterance], condition: str) -> list[Utterance]:
    """The same as of other speakers, so that a set may hold them beside the clean ones without sharing CMVN."""
    return [
        replace(
            one, name=f"{one.speaker}-{condition}-{one.name.partition('-')[2]}", speaker=f"{one.speaker}-{condition}"
        )
        for one in utterances
    ]


def change_speed(samples: np.ndarray, factor: float) -> np.ndarray:
    """Played faster by `factor`, shape [num_samples / factor]: resampled by cutting or padding the spectrum."""
    count = round(len(samples) / factor)
    spectrum, wanted = np.fft.rfft(samples), np.zeros(count // 2 + 1, complex)
    kept = min(len(spectrum), len(wanted))
    wanted[:kept] = spectrum[:kept]
    return np.fft.irfft(wanted, count) * (count / len(samples))


def noisy_copies(utterances: list[Utterance], copies: int, jobs: int) -> list[Utterance]:
    """Copies at a drawn speed with noise of a drawn colour (never pink) and level.

    A speaker's utterances of one session share all three, as all noisy utterances of a speaker in a test do, and each
    such session is a speaker of its own: its id sorts behind the clean utterances, as Kaldi's data directories want it.
    The result does not depend on `jobs`, the number of processes.
    """
    sessions = []
    for speaker in sorted({one.speaker for one in utterances}):
        spoken = [one for one in utterances if one.speaker == speaker]
        for copy in range(1, copies + 1):
            for first in range(0, len(spoken), SESSION):
                session = f"{speaker}-{spoken[first].string.subset}-copy{copy}s{first // SESSION:02d}"
                sessions.append((session, copy, spoken[first : first + SESSION]))
    return [one for copied in in_processes(_copied, sessions, jobs) for one in copied]


def _copied(session: tuple[str, int, list[Utterance]]) -> list[Utterance]:
    """The noisy utterances of a session: its id, the number of the copy, and the clean utterances."""
    speaker, copy, spoken = session
    draw = generator(spoken[0].string.seed, "session", copy)
    colour, snr_db = COPY_COLOURS[draw.randint(len(COPY_COLOURS))], draw.uniform(*COPY_SNR_DB)
    speed = draw.uniform(*COPY_SPEED)
    noisy = []
    for one in spoken:
        draw = generator(one.string.seed, "copy", copy)
        samples = add_noise(change_speed(one.samples, speed), colour, snr_db, draw)
        name = f"{speaker}-{one.name.rpartition('-')[2]}"
        noisy.append(replace(one, name=name, speaker=speaker, samples=samples))
    return noisy


def write_set(folder: Path, utterances: list[Utterance]) -> None:
    """Write a data directory with 16-bit WAV files in wav/; copies are listed in utt2orig.

    Raises:
        OSError: a file cannot be written.
        InputError: the directory is not valid (a bug, or the list of strings).
    """
    (folder / "wav").mkdir(parents=True)
    utterances = sorted(utterances, key=lambda one: one.name)
    speakers: dict[str, list[str]] = {}
    for one in utterances:
        _write_wav(folder / "wav" / f"{one.name}.wav", one.samples)
        speakers.setdefault(one.speaker, []).append(one.name)
    files = {
        "wav.scp": [f"{one.name} {folder}/wav/{one.name}.wav" for one in utterances],
        "text": [f"{one.name} {one.string.text}" for one in utterances],
        "utt2spk": [f"{one.name} {one.speaker}" for one in utterances],
        "spk2utt": [" ".join([speaker, *names]) for speaker, names in sorted(speakers.items())],
        "utt2dur": [f"{one.name} {len(one.samples) / RATE:.6f}" for one in utterances],
    }
    if any(one.name != one.string.utterance for one in utterances):
        files["utt2orig"] = [f"{one.name} {one.string.utterance}" for one in utterances]
    for name, lines in files.items():
        write_text(folder / name, "".join(f"{line}\n" for line in lines))
    validate("data", folder)


def _write_wav(path: Path, samples: np.ndarray) -> None:
    """Write without syncing, which a thousand small files would wait for; a step that breaks off starts anew."""
    try:
        path.write_bytes(encode_wav(RATE, samples))
    except OSError as failure:
        failure.filename = str(path)
        raise


def unigram() -> str:
    """Every digit, and the end of the sentence, with the same probability; ARPA."""
    weight = f"{-np.log10(len(WORDS) + 1):.6f}"
    entries = [f"{weight} </s>", "-99 <s>", *(f"{weight} {word}" for word in WORDS)]
    return "\n".join(["", "\\data\\", f"ngram 1={len(entries)}", "", "\\1-grams:", *entries, "", "\\end\\", ""])
