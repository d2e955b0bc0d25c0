"""What is particular about the Free Spoken Digit Dataset: where it is found, and how strings are made of it."""

import tarfile
import urllib.error
import urllib.request
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

import numpy as np

from houseblend.base.atomic import write_bytes, write_text
from houseblend.base.errors import InputError
from houseblend.base.fingerprint import hash_bytes
from houseblend.base.log import Progress, log
from houseblend.base.seeds import seed_of
from houseblend.io.audio import encode_wav
from houseblend.io.tables import read_object

NAME = "free-spoken-digit-dataset"
COMMIT = "26eb9aaf"
URL = f"https://github.com/Jakobovski/{NAME}/archive/{COMMIT}.tar.gz"
MANIFEST = Path(__file__).parent / "manifest.sha256"
WORDS = "zero one two three four five six seven eight nine".split()
RATE = 8000
GAP_AMPLITUDE = 3.0
TRAIN_COLOURS = {"white": 0.0, "brown": -2.0, "blue": 1.0}
"""Exponents of the power spectrum f^a of the noises heard in training; the tests' pink noise (-1) is not among them."""
PINK = -1.0
TEST_SNR = 10.0
SESSION = 8
"""Strings of a speaker that share one noise: each such session is a speaker of its own for CMVN."""


@dataclass
class DigitString:
    """One utterance: its set and id, and (recording, gap in ms behind it) in order."""

    set_name: str
    utterance: str
    parts: list[tuple[str, int]]

    @property
    def speaker(self) -> str:
        """The person who speaks."""
        return self.utterance.partition("-")[0]

    @property
    def text(self) -> str:
        """The words."""
        return " ".join(WORDS[int(recording[0])] for recording, _ in self.parts)


def find_corpus(given: str, corpora: str, out: Path) -> Path:
    """The directory of the dataset, all of its files checked.

    Args:
        given: the directory named by the user; empty for none.
        corpora: a directory of corpora; empty for none.
        out: where a download goes.

    Raises:
        InputError: it is nowhere and cannot be downloaded, or a file differs from the manifest.
    """
    if given:
        return _checked(Path(given))
    if corpora and (Path(corpora) / NAME).is_dir():
        return _checked(Path(corpora) / NAME)
    try:
        log(f"downloading {URL}")
        with urllib.request.urlopen(URL, timeout=60) as answer:
            data = answer.read()
    except (urllib.error.URLError, OSError) as failure:
        raise InputError(
            f"the Free Spoken Digit Dataset is not here, and cannot be downloaded ({failure})",
            do=f"give --corpus DIR, or set HOUSEBLEND_CORPORA to a directory that holds {NAME}, or make {URL} reachable",
        ) from None
    target = out / "download"
    (target / "recordings").mkdir(parents=True)
    with tarfile.open(fileobj=BytesIO(data)) as archive:
        for member in archive:
            parts = Path(member.name).parts
            file = archive.extractfile(member) if member.isfile() and parts[1:2] == ("recordings",) else None
            if file is not None:
                write_bytes(target / "recordings" / parts[-1], file.read())
    return _checked(target)


def _checked(corpus: Path) -> Path:
    for line in MANIFEST.read_text().splitlines():
        expected, name = line.split()
        try:
            found = hash_bytes((corpus / name).read_bytes())
        except OSError:
            raise InputError(
                "the recording is missing", file=corpus / name, expected=f"the dataset at commit {COMMIT}",
                do="name its directory by --corpus, or get it again",
            ) from None  # fmt: skip
        if found != expected:
            raise InputError("the recording differs from the manifest", file=corpus / name, do="get the dataset again")
    return corpus


def read_strings(path: Path) -> list[DigitString]:
    """The strings of a list; InputError names the line that is wrong."""
    strings = []
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        words = line.split()
        if len(words) < 4 or len(words) % 2 or not all(gap.isdigit() for gap in words[3::2]):
            raise InputError("no string", file=path, line=number, expected="SET UTTERANCE RECORDING GAP ...")
        strings.append(DigitString(words[0], words[1], list(zip(words[2::2], map(int, words[3::2]), strict=True))))
    return strings


def write_sets(corpus: Path, strings_file: Path, out: Path, train_copies: int) -> None:
    """Write all sets and the language model.

    Args:
        corpus: the dataset.
        strings_file: list of the strings.
        out: directory to write.
        train_copies: noisy copies of each training string.
    """
    strings = read_strings(strings_file)
    with Progress(len(strings), "strings") as progress:
        for name in dict.fromkeys(string.set_name for string in strings):
            chosen = [string for string in strings if string.set_name == name]
            clean = []
            for string in chosen:
                clean.append((string, *join(corpus, string)))
                progress.add()
            _write_set(out / name, [(s.utterance, s.speaker, s, samples) for s, samples, _ in clean])
            if name == "train":
                _write_set(out / "train_noisy", _with_copies(clean, train_copies))
            else:
                noisy = [(s, add_noise(x, active, PINK, TEST_SNR, s.utterance)) for s, x, active in clean]
                _write_set(out / f"{name}_noise10", [(s.utterance, s.speaker, s, samples) for s, samples in noisy])
    write_text(out / "lm.arpa", uniform_arpa())


def join(corpus: Path, string: DigitString) -> tuple[np.ndarray, np.ndarray]:
    """Samples of a string, int16 scale, shape [n], and where somebody speaks, bool, shape [n]."""
    noise = _generator("gap", string.utterance)
    pieces, active = [], []
    for recording, gap in string.parts:
        rate, samples = read_object(str(corpus / "recordings" / f"{recording}.wav"), "wav")
        if rate != RATE:
            raise InputError(f"sampling rate {rate} Hz", file=corpus, key=recording, expected=f"{RATE} Hz")
        pieces += [samples[:, 0], GAP_AMPLITUDE * noise.standard_normal(gap * RATE // 1000)]
        active += [_active(samples[:, 0]), np.zeros(len(pieces[-1]), dtype=bool)]
    return np.concatenate(pieces), np.concatenate(active)


def add_noise(samples: np.ndarray, active: np.ndarray, exponent: float, snr: float, key: str) -> np.ndarray:
    """Samples with coloured noise, shape [n].

    Args:
        samples: int16 scale, shape [n].
        active: where somebody speaks, shape [n].
        exponent: a of the noise's power spectrum f^a.
        snr: power of the active speech over that of the noise, in dB.
        key: what the noise is drawn for.
    """
    noise = coloured_noise(len(samples), exponent, key)
    power = float(np.mean(samples[active] ** 2))
    mixed = samples + noise * np.sqrt(power / 10 ** (snr / 10))
    return mixed * min(1.0, 32767.0 / np.abs(mixed).max())


def coloured_noise(count: int, exponent: float, key: str) -> np.ndarray:
    """Gaussian noise of unit power with power spectrum f^exponent above 50 Hz and none below, shape [count]."""
    spectrum = np.fft.rfft(_generator("noise", key).standard_normal(count))
    frequency = np.fft.rfftfreq(count, 1 / RATE)
    audible = frequency >= 50
    spectrum[audible] *= frequency[audible] ** (exponent / 2)
    spectrum[~audible] = 0
    noise = np.fft.irfft(spectrum, count)
    return noise / np.sqrt(np.mean(noise**2))


def uniform_arpa() -> str:
    """All digits and the end of the string with equal probability."""
    log_prob = -np.log10(len(WORDS) + 1)
    lines = [f"{log_prob:.6f}\t</s>", "-99\t<s>", *(f"{log_prob:.6f}\t{word}" for word in WORDS)]
    return f"\\data\\\nngram 1={len(lines)}\n\n\\1-grams:\n" + "\n".join(lines) + "\n\n\\end\\\n"


def _active(samples: np.ndarray) -> np.ndarray:
    """Blocks of 10 ms whose power is within 30 dB of the loudest."""
    size = RATE // 100
    blocks = np.arange(len(samples)) // size
    power = np.bincount(blocks, weights=samples**2) / np.bincount(blocks)
    return (power >= 1e-3 * power.max())[blocks]


def _with_copies(clean: list, copies: int) -> list:
    """Every string as it is, and with noise; strings of a session share colour and level."""
    entries = [(string.utterance, string.speaker, string, samples) for string, samples, _ in clean]
    for copy in range(1, copies + 1):
        for string, samples, active in clean:
            session = f"{string.speaker}-x{copy}s{int(string.utterance.rpartition('-')[2]) // SESSION:02d}"
            chance = _generator("session", session)
            exponent = TRAIN_COLOURS[str(chance.choice(sorted(TRAIN_COLOURS)))]
            snr = float(chance.uniform(0, 20))
            utterance = f"{session}-{string.utterance.rpartition('-')[2]}"
            entries.append((utterance, session, string, add_noise(samples, active, exponent, snr, utterance)))
    return entries


def _write_set(folder: Path, entries: list) -> None:
    """A data directory of (utterance, speaker, string, samples)."""
    (folder / "wav").mkdir(parents=True)
    entries = sorted(entries, key=lambda entry: entry[0])
    for utterance, _, _, samples in entries:
        write_bytes(folder / "wav" / f"{utterance}.wav", encode_wav(RATE, samples))
    columns = {
        "wav.scp": [f"{folder}/wav/{utterance}.wav" for utterance, _, _, _ in entries],
        "text": [string.text for _, _, string, _ in entries],
        "utt2spk": [speaker for _, speaker, _, _ in entries],
        "utt2dur": [f"{len(samples) / RATE:.3f}" for _, _, _, samples in entries],
        "utt2orig": [string.utterance for _, _, string, _ in entries],
    }
    for name, values in columns.items():
        rows = (f"{entry[0]} {value}\n" for entry, value in zip(entries, values, strict=True))
        write_text(folder / name, "".join(rows))
    speakers: dict[str, list[str]] = {}
    for utterance, speaker, _, _ in entries:
        speakers.setdefault(speaker, []).append(utterance)
    write_text(folder / "spk2utt", "".join(f"{name} {' '.join(speakers[name])}\n" for name in sorted(speakers)))


def _generator(purpose: str, key: str) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(key=seed_of(1, purpose, key)))
