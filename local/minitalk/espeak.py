"""espeak-ng through ctypes: one process a voice, as the library repeats itself only in a process that has not spoken yet.

`load` starts the library once, without speaking; every `Voice` is a forked child with its own variant and random seed.
"""

import contextlib
import ctypes
import multiprocessing
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from houseblend.base.errors import HouseBlendError, InputError
from houseblend.base.process import die_with_parent

RATE = 22050
VARIANT_FILES = "voices/!v"
SPOKEN_FILES = ("phontab", "phonindex", "phondata", "intonations", "en_dict")
_SYNCHRONOUS, _PHONEME_EVENTS, _UTF8, _RATE, _VOLUME = 2, 1, 1, 1, 2
_END, _WORD, _PHONEME = 0, 1, 7
_SHORTEST, _LONGEST = 0.03, 3.0
"""Seconds a word: what lies outside is a voice that failed."""


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    _fields_ = (
        ("type", ctypes.c_int), ("identifier", ctypes.c_uint), ("text_position", ctypes.c_int), ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int), ("sample", ctypes.c_int), ("user_data", ctypes.c_void_p), ("id", _Id),
    )  # fmt: skip


_CALLBACK = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.POINTER(_Event))
_C = ctypes.CDLL(None)


@dataclass(frozen=True)
class Spoken:
    """What the library said.

    Args:
        sound: 16-bit samples at RATE.
        phonemes: first sample, espeak's name of the phoneme, and number of its word (from 0), in order of time; pauses
            have the name "_" or "_:".
        heard: numbers of the words that the library named; others are run together with the one before.
    """

    sound: bytes
    phonemes: list[tuple[int, str, int]]
    heard: set[int]


@dataclass(frozen=True)
class VoiceSpec:
    """A voice that can be made again.

    Args:
        accent: file of the language, such as gmw/en-US.
        variant: text of a variant file.
        rate: nominal words a minute.
        volume: 0 to 100.
        seed: of the library's random numbers.
    """

    accent: str
    variant: str
    rate: int
    volume: int
    seed: int


class Library:
    """The loaded library with a data folder of its own, which holds English and room for one variant a voice."""

    def __init__(self) -> None:
        try:
            import espeakng_loader
        except ImportError:
            raise InputError("espeak-ng is not installed", do="pip install 'houseblend[synth]'") from None
        self._folder = tempfile.TemporaryDirectory(prefix="espeak-")
        self._data = _own_data(Path(espeakng_loader.get_data_path()), Path(self._folder.name))
        self._library = ctypes.CDLL(espeakng_loader.get_library_path())
        self._library.espeak_TextToPhonemes.restype = ctypes.c_char_p
        rate = self._library.espeak_Initialize(_SYNCHRONOUS, 0, str(self._data.parent).encode(), _PHONEME_EVENTS)
        if rate != RATE:
            raise HouseBlendError(
                f"espeak-ng starts with {rate} Hz", expected=f"{RATE} Hz", do="install its wheel again"
            )

    def set_voice(self, spec: VoiceSpec, name: str) -> None:
        """Speak with a voice from now on; `name` of the variant file is nobody else's."""
        variant = self._data / VARIANT_FILES / name
        variant.write_text(spec.variant)
        code = self._library.espeak_SetVoiceByName(f"{spec.accent}+{name}".encode())
        variant.unlink()
        if code != 0:
            raise HouseBlendError(f"espeak-ng takes no such voice (it returns {code})", key=spec.accent)
        self._library.espeak_SetParameter(_RATE, spec.rate, 0)
        self._library.espeak_SetParameter(_VOLUME, spec.volume, 0)

    def set_seed(self, seed: int) -> None:
        """Seed both generators: that of the library and that of C, which it uses too."""
        _C.srand(seed)
        self._library.espeak_ng_SetRandSeed(seed)

    def speak(self, words: list[str]) -> Spoken:
        """Speak words.

        Raises:
            HouseBlendError: it failed, or took an implausible time.
        """
        sound: list[bytes] = []
        phonemes: list[tuple[int, str, int]] = []
        heard: set[int] = set()
        numbers, place = {}, 1
        for number, word in enumerate(words):
            numbers[place] = number
            place += len(word) + 1

        def take(samples: int | None, count: int, events: Any) -> int:
            if samples and count > 0:
                sound.append(ctypes.string_at(samples, 2 * count))
            index = 0
            while (kind := events[index].type) != _END:
                if kind == _WORD:
                    heard.add(numbers.get(events[index].text_position, max(heard, default=0)))
                elif kind == _PHONEME:
                    phonemes.append((events[index].sample, events[index].id.string.decode(), max(heard, default=0)))
                index += 1
            return 0

        callback = _CALLBACK(take)
        self._library.espeak_SetSynthCallback(callback)
        text = " ".join(words).encode()
        code = self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        spoken = Spoken(b"".join(sound), phonemes, heard)
        seconds = len(spoken.sound) / 2 / RATE / len(words)
        if code != 0 or not _SHORTEST < seconds < _LONGEST or not phonemes:
            raise HouseBlendError(f"espeak-ng returns {code} after {seconds:.2f} s a word", key=" ".join(words))
        return spoken

    def phonemes(self, text: str) -> str:
        """Espeak's names of the phonemes of a text in the voice that is set, "_" between, words apart."""
        pointer = ctypes.c_char_p(text.encode())
        mode = ord("_") << 8
        return self._library.espeak_TextToPhonemes(ctypes.byref(pointer), _UTF8, mode).decode()


class Voice:
    """A child process that speaks with one voice; to be used in a `with` block."""

    def __init__(self, library: Library, spec: VoiceSpec) -> None:
        fork = multiprocessing.get_context("fork")
        self._line, theirs = fork.Pipe()
        self._process = fork.Process(target=_serve, args=(library, spec, theirs, self._line))
        self._process.start()
        theirs.close()

    def __enter__(self) -> "Voice":
        return self

    def __exit__(self, *reason: object) -> None:
        self._line.close()
        self._process.join()

    def say(self, words: list[str]) -> Spoken:
        """Speak words, none of them empty; the same words after the same give the same samples.

        Raises:
            HouseBlendError: the library failed.
        """
        try:
            self._line.send(words)
            answer = self._line.recv()
        except (EOFError, OSError):
            raise HouseBlendError("espeak-ng ended", key=" ".join(words)) from None
        if isinstance(answer, str):
            raise HouseBlendError(answer)
        return answer


def in_child(work: Callable[[], Any]) -> Any:
    """What `work` returns in a forked child, so that this process stays one that has not spoken.

    Raises:
        HouseBlendError: that of `work`, or the child ended without an answer.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=_answer, args=(work, theirs))
    process.start()
    theirs.close()
    try:
        answer = ours.recv()
    except EOFError:
        raise HouseBlendError("espeak-ng ended") from None
    finally:
        process.join()
    if isinstance(answer, HouseBlendError):
        raise answer
    return answer


def _answer(work: Callable[[], Any], line: Connection) -> None:
    try:
        line.send(work())
    except HouseBlendError as failure:
        line.send(HouseBlendError(str(failure)))


def _serve(library: Library, spec: VoiceSpec, line: Connection, parents: Connection) -> None:
    """A child's life: speak what comes along the line until it is closed."""
    die_with_parent()
    parents.close()
    library.set_seed(spec.seed)
    with contextlib.suppress(EOFError, BrokenPipeError, KeyboardInterrupt):
        try:
            library.set_voice(spec, f"v{multiprocessing.current_process().pid}")
            while True:
                line.send(library.speak(line.recv()))
        except HouseBlendError as failure:
            line.recv()
            line.send(str(failure))


def _own_data(installed: Path, folder: Path) -> Path:
    """A data folder with the English files of `installed` and an empty folder of variants."""
    data = folder / "espeak-ng-data"
    (data / VARIANT_FILES).mkdir(parents=True)
    (data / "lang").mkdir()
    (data / "lang/gmw").symlink_to(installed / "lang/gmw")
    for name in SPOKEN_FILES:
        (data / name).symlink_to(installed / name)
    return data
