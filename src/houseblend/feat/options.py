"""Options of feature extraction; names and defaults are Kaldi's, but for dither (0 unless asked for)."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from houseblend.base.errors import InputError
from houseblend.base.options import check_choices, declared


@dataclass(frozen=True)
class Normalisation:
    """What is done to features before a model sees them, with the statistics of cmvn.scp."""

    cmvn: str = declared("mean", "What is normalised, by speaker", ("none", "mean", "mean-var"))

    def __post_init__(self) -> None:
        """UsageError: another word."""
        check_choices(self)


@dataclass(frozen=True)
class FrameOptions:
    """How a recording is cut into frames."""

    sample_frequency: float = declared(16000.0, "Rate of the recordings in Hz; another rate is an error")
    frame_length: float = declared(25.0, "Length of a window in ms")
    frame_shift: float = declared(10.0, "From one frame to the next in ms")
    dither: float = declared(0.0, "Standard deviation of noise added to the samples")
    preemphasis_coefficient: float = declared(0.97, "Coefficient of the pre-emphasis")
    remove_dc_offset: bool = declared(True, "Subtract the mean of every frame")
    window_type: str = declared(
        "povey", "Shape of the window", ("hamming", "hanning", "povey", "rectangular", "sine", "blackman")
    )
    blackman_coeff: float = declared(0.42, "Constant of the generalised Blackman window")
    round_to_power_of_two: bool = declared(True, "Pad windows with zeros to a power of two")
    snip_edges: bool = declared(True, "Only windows that lie wholly inside the recording")

    def __post_init__(self) -> None:
        """InputError: windows or shifts of less than a sample."""
        if self.size < 2 or self.shift < 1:
            raise InputError(
                f"--frame-length={self.frame_length:g} and --frame-shift={self.frame_shift:g}",
                expected="at least two samples and one sample",
            )

    @property
    def shift(self) -> int:
        """Samples from one frame to the next."""
        return int(self.sample_frequency * 0.001 * self.frame_shift)

    @property
    def size(self) -> int:
        """Samples in a window."""
        return int(self.sample_frequency * 0.001 * self.frame_length)

    @property
    def padded_size(self) -> int:
        """Length of the Fourier transform."""
        return 1 << (self.size - 1).bit_length() if self.round_to_power_of_two else self.size


@dataclass(frozen=True)
class Resampling:
    """Which other rates a recording may have."""

    allow_downsample: bool = declared(False, "Resample recordings of a higher rate than --sample-frequency")
    allow_upsample: bool = declared(False, "Resample recordings of a lower rate than --sample-frequency")


@dataclass(frozen=True)
class DitherOptions:
    """Where the noise of the dither comes from."""

    seed: int = declared(0, "Seed of the dither")


@dataclass(frozen=True)
class MelOptions:
    """The mel filterbank."""

    num_mel_bins: int = declared(23, "Number of triangular filters")
    low_freq: float = declared(20.0, "Lower edge of the band in Hz")
    high_freq: float = declared(0.0, "Upper edge in Hz; 0 or below: counted from half the rate")
    vtln_low: float = declared(100.0, "Lower cutoff of the warping in Hz")
    vtln_high: float = declared(-500.0, "Upper cutoff in Hz; below 0: counted from half the rate")


@dataclass(frozen=True)
class MfccOptions:
    """MFCC."""

    frame: FrameOptions = field(default_factory=FrameOptions)
    mel: MelOptions = field(default_factory=MelOptions)
    num_ceps: int = declared(13, "Number of cepstra, C0 included")
    use_energy: bool = declared(True, "Log energy in place of C0")
    energy_floor: float = declared(0.0, "Floor of the energy; 0 for none")
    raw_energy: bool = declared(True, "Energy before pre-emphasis and windowing")
    cepstral_lifter: float = declared(22.0, "Constant of the lifter; 0 for none")
    htk_compat: bool = declared(False, "Energy or C0 last, as HTK has it")


@dataclass(frozen=True)
class FbankOptions:
    """Log mel filterbank."""

    frame: FrameOptions = field(default_factory=FrameOptions)
    mel: MelOptions = field(default_factory=MelOptions)
    use_energy: bool = declared(False, "One more column with the log energy")
    energy_floor: float = declared(0.0, "Floor of the energy; 0 for none")
    raw_energy: bool = declared(True, "Energy before pre-emphasis and windowing")
    htk_compat: bool = declared(False, "Energy last, as HTK has it")
    use_log_fbank: bool = declared(True, "Logarithms of the filters' outputs")
    use_power: bool = declared(True, "Power rather than magnitude spectrum")


@dataclass(frozen=True)
class PlpOptions:
    """Perceptual linear prediction."""

    frame: FrameOptions = field(default_factory=FrameOptions)
    mel: MelOptions = field(default_factory=MelOptions)
    lpc_order: int = declared(12, "Order of the linear prediction")
    num_ceps: int = declared(13, "Number of cepstra, C0 included")
    use_energy: bool = declared(True, "Log energy in place of C0")
    energy_floor: float = declared(0.0, "Floor of the energy; 0 for none")
    raw_energy: bool = declared(True, "Energy before pre-emphasis and windowing")
    compress_factor: float = declared(0.33333, "Power that intensities are raised to, to have loudness")
    cepstral_lifter: float = declared(22.0, "Constant of the lifter; 0 for none")
    cepstral_scale: float = declared(1.0, "Factor on all cepstra")
    htk_compat: bool = declared(False, "Energy or C0 last, as HTK has it")


@dataclass(frozen=True)
class SpectrogramOptions:
    """Log power spectrum."""

    frame: FrameOptions = field(default_factory=FrameOptions)
    energy_floor: float = declared(0.0, "Floor of the energy; 0 for none")
    raw_energy: bool = declared(True, "Energy before pre-emphasis and windowing")


FeatureOptions = MfccOptions | FbankOptions | PlpOptions | SpectrogramOptions
Options = TypeVar("Options", bound=FeatureOptions)
_PARTS = {"frame": FrameOptions, "mel": MelOptions}


def flat_fields(kind: type) -> list[tuple[str, Any, str]]:
    """Name (with underscores), default and help of every option, those of frames and filters included."""
    found = []
    for part in (*parts_of(kind).values(), kind):
        found += [(f.name, f.default, f.metadata["help"]) for f in fields(part) if f.name not in _PARTS]
    return found


def options_from(kind: type[Options], values: dict[str, Any]) -> Options:
    """Options from a flat dictionary of names; what is not given keeps its default."""
    nested = {name: part(**_chosen(part, values)) for name, part in parts_of(kind).items()}
    return kind(**nested, **_chosen(kind, values))


def options_to(options: FeatureOptions) -> dict[str, Any]:
    """The same as a flat dictionary."""
    tree = asdict(options)
    nested = {key: value for name in parts_of(type(options)) for key, value in tree.pop(name).items()}
    return {**nested, **tree}


def parts_of(kind: type) -> dict[str, type]:
    """The option classes of frames and filters that a kind of features has, by the names of its fields."""
    return {f.name: _PARTS[f.name] for f in fields(kind) if f.name in _PARTS}


def _chosen(kind: type, values: dict[str, Any]) -> dict[str, Any]:
    return {f.name: values[f.name] for f in fields(kind) if f.name in values and f.name not in _PARTS}
