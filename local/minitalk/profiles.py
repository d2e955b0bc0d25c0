"""How hard a corpus is: every knob is a number of one table. Ranges are drawn from evenly."""

from dataclasses import dataclass, replace

Range = tuple[float, float]


@dataclass(frozen=True)
class Profile:
    """Knobs of a corpus.

    Args:
        snr_db: active speech over noise, drawn for a side of a call.
        rate: words a minute as espeak counts them (it speaks about a quarter faster), drawn for a caller.
        formant_sd: standard deviation of a caller's formant scale (1.0 for men, 1.16 for women).
        formant_jitter: of each of the lowest three formants beside it.
        low_hz: lower edge of a side's band.
        high_hz: upper edge.
        tilt_db: standard deviation of the tilt from 300 to 3400 Hz.
        ripple_db: of the handset's resonances.
        level_db: of the level.
        clipped: share of sides that are too loud for their line.
        crosstalk_db: the other side under the own.
        noises: kinds of noise, one a side.
    """

    snr_db: Range
    rate: Range
    formant_sd: float
    formant_jitter: float
    low_hz: Range = (120.0, 350.0)
    high_hz: Range = (3100.0, 3750.0)
    tilt_db: float = 4.0
    ripple_db: float = 3.0
    level_db: float = 4.0
    clipped: float = 0.1
    crosstalk_db: Range = (-55.0, -30.0)
    noises: tuple[str, ...] = ("white", "pink", "brown", "babble")


PROFILES = {
    "clean": Profile(
        snr_db=(40.0, 50.0), rate=(150.0, 230.0), formant_sd=0.045, formant_jitter=0.035, low_hz=(60.0, 120.0),
        high_hz=(3700.0, 3850.0), tilt_db=0.0, ripple_db=0.0, clipped=0.0, crosstalk_db=(-80.0, -60.0), noises=("white",),
    ),
    "phone": Profile(snr_db=(2.0, 17.0), rate=(160.0, 260.0), formant_sd=0.07, formant_jitter=0.05),
    "hard": Profile(snr_db=(0.0, 15.0), rate=(180.0, 300.0), formant_sd=0.08, formant_jitter=0.06, clipped=0.2),
}  # fmt: skip
HARDER_SNR_DB, HARDER_RATE = -5.0, 1.1


def harder(profile: Profile) -> Profile:
    """The same for the harder part of the evaluation: more noise, faster speech."""
    low, high = profile.snr_db
    return replace(
        profile,
        snr_db=(low + HARDER_SNR_DB, high + HARDER_SNR_DB),
        rate=(profile.rate[0] * HARDER_RATE, profile.rate[1] * HARDER_RATE),
    )
