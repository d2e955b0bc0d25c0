"""The list of digit strings: which recordings are joined, with which gaps, for which set."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from houseblend.base.errors import InputError

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


@dataclass(frozen=True)
class DigitString:
    """One utterance of the recipe.

    Args:
        subset: train, dev, test_spk or test_unseen.
        utterance: its id, which begins with the speaker.
        seed: of its noises.
        recordings: names such as 7_theo_31, at least one.
        gaps: milliseconds between each recording and the next, one less than recordings.
    """

    subset: str
    utterance: str
    seed: int
    recordings: tuple[str, ...]
    gaps: tuple[int, ...]

    @property
    def speaker(self) -> str:
        """Who says it."""
        return self.recordings[0].split("_")[1]

    @property
    def text(self) -> str:
        """The digits in words."""
        return " ".join(WORDS[int(name.split("_")[0])] for name in self.recordings)

    def line(self) -> str:
        """As it stands in the list."""
        chain = [self.recordings[0]]
        for gap, name in zip(self.gaps, self.recordings[1:], strict=True):
            chain += [str(gap), name]
        return " ".join([self.subset, self.utterance, str(self.seed), *chain])


def read_strings(path: Path) -> list[DigitString]:
    """All strings of the list, in its order.

    Raises:
        InputError: a line of another form.
    """
    return list(_parse(path))


def _parse(path: Path) -> Iterator[DigitString]:
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        if line.startswith("#") or not line.strip():
            continue
        try:
            subset, utterance, seed, *chain = line.split()
            string = DigitString(subset, utterance, int(seed), tuple(chain[::2]), tuple(map(int, chain[1::2])))
            if len(chain) % 2 == 0 or not string.text or not utterance.startswith(f"{string.speaker}-"):
                raise ValueError
        except (ValueError, IndexError):
            raise InputError(
                "no digit string", file=path, line=number, expected="SET UTTERANCE SEED RECORDING [GAP RECORDING]..."
            ) from None
        yield string
