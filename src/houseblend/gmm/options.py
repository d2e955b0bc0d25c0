"""Options of estimating and aligning with GMM-HMMs; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.tree.options import MergeOptions


@dataclass(frozen=True)
class UpdateOptions:
    """The maximum-likelihood update of mixtures (Kaldi's MleDiagGmmOptions)."""

    min_gaussian_weight: float = declared(1e-5, "Gaussians of less weight are not updated")
    min_gaussian_occupancy: float = declared(10.0, "Gaussians of less occupancy are not updated")
    min_variance: float = declared(0.001, "Floor of variances")
    remove_low_count_gaussians: bool = declared(True, "Remove Gaussians that are not updated")


@dataclass(frozen=True)
class SplitOptions:
    """How Gaussians are shared out among pdfs, and split; the defaults are those of Kaldi's gmm-est."""

    power: float = declared(0.2, "Exponent by which occupancy shares out the Gaussians")
    min_count: float = declared(20.0, "Occupancy that every Gaussian of a split pdf must have")
    perturb_factor: float = declared(0.01, "How far halves move apart, in standard deviations")


@dataclass(frozen=True)
class AlignOptions:
    """Alignment of utterances to their transcripts; the defaults are those of Kaldi's training scripts."""

    beam: float = declared(10.0, "Beam of the alignment; four times as much where it fails")
    boost_silence: float = declared(1.0, "Factor on the likelihood of silence in alignment")

    def __post_init__(self) -> None:
        """UsageError: a factor that is not above 0."""
        if self.boost_silence <= 0:
            raise UsageError(f"--boost-silence={self.boost_silence:g}", expected="a factor above 0")


@dataclass(frozen=True)
class ScheduleOptions:
    """How many iterations and Gaussians training has; and the share that may end without an alignment."""

    num_iters: int = declared(35, "Number of the model that is the last")
    max_iter_inc: int = declared(25, "Last iteration that adds Gaussians")
    totgauss: int = 0
    power: float = declared(0.25, "Exponent by which occupancy shares out the Gaussians")
    max_unaligned: float = declared(0.5, "Share of the utterances that may end without an alignment")

    def __post_init__(self) -> None:
        """UsageError: a schedule that cannot be."""
        if not 0 <= self.max_unaligned <= 1:
            raise UsageError(f"--max-unaligned={self.max_unaligned:g}", expected="a share from 0 to 1")
        if min(self.num_iters, self.max_iter_inc) < 1:
            raise UsageError("no iterations", expected="--num-iters and --max-iter-inc of 1 or more")


@dataclass(frozen=True)
class MonoOptions(ScheduleOptions):
    """The schedule of Kaldi's train_mono.sh, with its defaults."""

    num_iters: int = declared(40, "Iterations")
    max_iter_inc: int = declared(30, "Last iteration that adds Gaussians")
    totgauss: int = declared(1000, "Gaussians wanted in all")


@dataclass(frozen=True)
class TriphoneOptions(ScheduleOptions, MergeOptions):
    """The schedule of Kaldi's train_deltas.sh, and how its tree is built."""

    def __post_init__(self) -> None:
        """UsageError: a schedule that cannot be."""
        super().__post_init__()
        if self.num_iters < 2:
            raise UsageError(f"--num-iters={self.num_iters}", expected="2 or more: the first model is number 1")


@dataclass(frozen=True)
class LdaOptions(TriphoneOptions):
    """The same of Kaldi's train_lda_mllt.sh."""

    dim: int = declared(40, "Dimension of the features after LDA")


@dataclass(frozen=True)
class InputTransformOptions:
    """nnet3's LDA of a network's spliced input (Kaldi's nnet-get-feature-transform)."""

    dim: int = declared(0, "Rows; 0: all")
    within_class_factor: float = declared(0.001, "Variance kept by directions that tell nothing")
    max_singular_value: float = declared(5.0, "Largest singular value; 0: no limit")


@dataclass(frozen=True)
class SatOptions(TriphoneOptions):
    """The same of Kaldi's train_sat.sh."""

    power: float = declared(0.2, "Exponent by which occupancy shares out the Gaussians")
