"""Options of feature extraction; names and defaults are Kaldi's, but for dither (0 unless asked for)."""

from dataclasses import asdict, dataclass, field, fields
from typing import Any, TypeVar

from houseblend.base.errors import InputError, UsageError
from houseblend.base.options import check_choices, declared


@dataclass(frozen=True)
class Normalisation:
    """What is done to features before a model sees them, with the statistics of cmvn.scp."""

    cmvn: str = declared("mean", "What is normalised, by speaker", ("none", "mean", "mean-var"))

    def __post_init__(self) -> None:
        """UsageError: another word."""
        check_choices(self)


@dataclass(frozen=True)
class CmvnOptions:
    """The same as apply-cmvn and a model's cmvn_opts say it."""

    norm_means: bool = declared(True, "false copies the features")
    norm_vars: bool = declared(False, "Normalise the variance too")


@dataclass(frozen=True)
class SlidingOptions:
    """Normalisation of each frame by those around it."""

    cmn_window: int = declared(600, "Frames that are averaged")
    min_cmn_window: int = declared(100, "The least number of them at the beginning, without --center")
    center: bool = declared(False, "Frames around each rather than before it")
    norm_vars: bool = declared(False, "Normalise the variance too")

    def __post_init__(self) -> None:
        """UsageError: windows that cannot be."""
        if self.cmn_window < 1 or (not self.center and not 1 <= self.min_cmn_window <= self.cmn_window):
            given = f"--cmn-window={self.cmn_window} --min-cmn-window={self.min_cmn_window}"
            raise UsageError(given, expected="1 <= least <= window")


@dataclass(frozen=True)
class DeltaOptions:
    """Deltas behind features."""

    delta_order: int = declared(2, "Order of the deltas")
    delta_window: int = declared(2, "Frames on either side, for one order")


@dataclass(frozen=True)
class SpliceOptions:
    """Frames side by side."""

    left_context: int = declared(4, "Frames before")
    right_context: int = declared(4, "Frames after")


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


@dataclass(frozen=True)
class PitchOptions:
    """Pitch and correlation."""

    sample_frequency: float = declared(16000.0, "Rate of the recordings in Hz; another rate is an error")
    frame_length: float = declared(25.0, "Length of a window in ms")
    frame_shift: float = declared(10.0, "From one frame to the next in ms")
    snip_edges: bool = declared(True, "Only windows that lie wholly inside the recording")
    min_f0: float = declared(50.0, "Lowest pitch in Hz")
    max_f0: float = declared(400.0, "Highest pitch in Hz")
    soft_min_f0: float = declared(10.0, "Pitch in Hz towards which correlations count for less")
    penalty_factor: float = declared(0.1, "Cost of changes of pitch")
    delta_pitch: float = declared(0.005, "Ratio of neighbouring pitches that are told apart, less 1")
    nccf_ballast: float = declared(7000.0, "The larger, the smaller the correlations of quiet frames")
    nccf_ballast_online: bool = declared(False, "Judge what is quiet by the samples up to a frame's end only")
    resample_frequency: float = declared(4000.0, "Rate in Hz at which correlations are measured")
    lowpass_cutoff: float = declared(1000.0, "Cutoff of the low-pass in front of it, in Hz")
    lowpass_filter_width: int = declared(1, "Zeros of the low-pass on each side")
    upsample_filter_width: int = declared(5, "Zeros on each side of the filter that interpolates correlations")
    frames_per_chunk: int = declared(0, "Take recordings in chunks of so many frames; 0: whole")
    simulate_first_pass_online: bool = declared(False, "Frames as they are believed when their chunk has come")
    recompute_frame: int = declared(
        500, "Frame at which the first ones are judged again by the power so far, if in chunks"
    )

    def __post_init__(self) -> None:
        """UsageError: values by which no recording has a pitch."""
        if self.window < 1 or self.shift < 1:
            raise UsageError(
                f"--frame-length={self.frame_length:g} and --frame-shift={self.frame_shift:g}",
                expected="at least a sample each, at --resample-frequency",
            )
        if not 0 < self.min_f0 < self.max_f0:
            raise UsageError(f"--min-f0={self.min_f0:g} and --max-f0={self.max_f0:g}", expected="0 < lowest < highest")
        for name in ("penalty_factor", "delta_pitch", "upsample_filter_width"):
            if getattr(self, name) <= 0:
                raise UsageError(f"--{name.replace('_', '-')}={getattr(self, name):g}", expected="above 0")
        if self.simulate_first_pass_online and self.chunk_size < 1:
            raise UsageError("--simulate-first-pass-online without chunks", do="give --frames-per-chunk")

    @property
    def window(self) -> int:
        """Samples in a window, at --resample-frequency."""
        return int(self.resample_frequency * self.frame_length / 1000.0)

    @property
    def shift(self) -> int:
        """Samples from one frame to the next, at --resample-frequency."""
        return int(self.resample_frequency * self.frame_shift / 1000.0)

    @property
    def chunk_size(self) -> int:
        """Samples of the recording in a chunk; 0: it is not cut."""
        return int(self.frames_per_chunk * self.sample_frequency * self.frame_shift / 1000.0)


@dataclass(frozen=True)
class PitchFeatureOptions:
    """What becomes of pitch and correlation."""

    pitch_scale: float = declared(2.0, "Factor on the normalised log pitch")
    pov_scale: float = declared(2.0, "Factor on the warped correlation, which tells how probable voicing is")
    pov_offset: float = declared(0.0, "Added to it")
    delta_pitch_scale: float = declared(10.0, "Factor on the delta of the log pitch")
    delta_pitch_noise_stddev: float = declared(0.005, "Standard deviation of noise added to the delta before that")
    normalization_left_context: int = declared(75, "Frames before each over which log pitch is normalised")
    normalization_right_context: int = declared(75, "Frames after each")
    delta_window: int = declared(2, "Frames on each side that a delta is of")
    delay: int = declared(0, "Frames by which all features come later")
    add_pov_feature: bool = declared(True, "Give the warped correlation")
    add_normalized_log_pitch: bool = declared(True, "Give log pitch less its mean, weighted by voicing")
    add_delta_pitch: bool = declared(True, "Give the delta of the log pitch")
    add_raw_log_pitch: bool = declared(False, "Give the log pitch itself")
    srand: int = declared(0, "Seed of the noise")

    def __post_init__(self) -> None:
        """UsageError: no feature, or negative counts of frames."""
        if not self.dim:
            raise UsageError("no feature at all", do="leave one of the --add options true")
        for name in ("normalization_left_context", "normalization_right_context", "delay"):
            if getattr(self, name) < 0:
                raise UsageError(f"--{name.replace('_', '-')}={getattr(self, name)}", expected="at least 0")
        if self.delta_window < 1:
            raise UsageError(f"--delta-window={self.delta_window}", expected="at least 1")

    @property
    def dim(self) -> int:
        """Number of features."""
        return self.add_pov_feature + self.add_normalized_log_pitch + self.add_delta_pitch + self.add_raw_log_pitch


@dataclass(frozen=True)
class VadOptions:
    """Which frames speech is in."""

    vad_energy_threshold: float = declared(5.0, "Log energy above which a frame counts as loud, less the next")
    vad_energy_mean_scale: float = declared(0.5, "Share of the utterance's mean log energy that is added to it")
    vad_frames_context: int = declared(0, "Frames on each side of each that are looked at")
    vad_proportion_threshold: float = declared(0.6, "Share of them that must be loud")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        if self.vad_energy_mean_scale < 0 or self.vad_frames_context < 0:
            raise UsageError(
                f"--vad-energy-mean-scale={self.vad_energy_mean_scale:g} --vad-frames-context={self.vad_frames_context}",
                expected="at least 0",
            )
        if not 0 < self.vad_proportion_threshold < 1:
            raise UsageError(
                f"--vad-proportion-threshold={self.vad_proportion_threshold:g}", expected="between 0 and 1"
            )


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
