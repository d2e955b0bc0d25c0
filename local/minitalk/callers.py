"""Who calls: a voice, an accent, and what the tables of callers say."""

from dataclasses import dataclass
from random import Random

from espeak import VoiceSpec
from profiles import Profile

from houseblend.base.seeds import seed_of

ACCENTS = {
    "gmw/en-US": ("SOUTH MIDLAND", 14),
    "gmw/en-US-nyc": ("NYC", 2),
    "gmw/en": ("MIXED", 1),
    "gmw/en-GB-x-rp": ("MIXED", 1),
    "gmw/en-GB-x-gbclan": ("NORTHERN", 1),
    "gmw/en-GB-scotland": ("WESTERN", 1),
    "gmw/en-029": ("SOUTHERN", 1),
}
"""Espeak's file, the dialect area in the table, and the weight: two thirds have the accent of the dictionary."""
PITCH_HZ = {"male": 95.0, "female": 170.0}
FORMANTS = {"male": 1.0, "female": 1.16}
VOLUME = 40
"""Of 100: higher formants would clip above it."""


@dataclass(frozen=True)
class Caller:
    """A person.

    Args:
        number: as in the tables; training, development and evaluation have ranges of their own.
        sex: male or female.
        birth_year: for the table.
        education: 0 to 3, for the table.
        voice: how espeak speaks for them.
    """

    number: int
    sex: str
    birth_year: int
    education: int
    voice: VoiceSpec

    @property
    def dialect(self) -> str:
        """Dialect area, one of the table's."""
        return ACCENTS[self.voice.accent][0]


def draw_caller(seed: int, number: int, profile: Profile) -> Caller:
    """The caller of a number: the same for the same seed, number and profile."""
    random = Random(seed_of(seed, "caller", number))
    sex = "male" if random.random() < 0.5 else "female"
    accent = _weighted(random, {name: weight for name, (_, weight) in ACCENTS.items()})
    variant = _variant(random, sex, profile)
    rate = round(_between(random, *profile.rate))
    year, education = int(_between(random, 1920, 1972)), int(4 * random.random())
    return Caller(
        number, sex, year, education, VoiceSpec(accent, variant, rate, VOLUME, seed_of(seed, "voice", number) % 2**31)
    )


def _variant(random: Random, sex: str, profile: Profile) -> str:
    """A variant file of espeak: pitch and range, formants, roughness and breath."""
    pitch = PITCH_HZ[sex] * 2.0 ** _normal(random, 0.0, 0.23)
    scale = _normal(random, FORMANTS[sex], profile.formant_sd)
    lines = [
        "language variant", "name caller", f"gender {sex}",
        f"pitch {round(pitch)} {round(pitch * _between(random, 1.15, 1.6))}",
        f"flutter {int(_between(random, 0, 12))}", f"roughness {int(_between(random, 0, 5))}",
        f"voicing {round(_between(random, 80, 110))}",
    ]  # fmt: skip
    for formant in range(9):
        own = _normal(random, 1.0, profile.formant_jitter) if 1 <= formant <= 3 else 1.0
        height, width = _normal(random, 100, 10), _normal(random, 100, 12)
        lines.append(f"formant {formant} {round(100 * scale * own)} {_percent(height)} {_percent(width)}")
    if random.random() < 0.25:
        lines += [
            f"breath {' '.join(str(int(_between(random, 10, 50))) for _ in range(5))}",
            "breathw 150 150 200 200 400",
        ]
    return "\n".join(lines) + "\n"


def _percent(value: float) -> int:
    return round(min(max(value, 70.0), 125.0))


def _between(random: Random, low: float, high: float) -> float:
    return low + (high - low) * random.random()


def _normal(random: Random, mean: float, deviation: float) -> float:
    """Twelve even draws less six: normal enough, within six deviations, and of a stream that Python promises to keep."""
    return mean + deviation * (sum(random.random() for _ in range(12)) - 6.0)


def _weighted(random: Random, weights: dict[str, int]) -> str:
    place = random.random() * sum(weights.values())
    for name, weight in weights.items():
        place -= weight
        if place < 0:
            return name
    return next(iter(weights))
