"""gmm-est: maximum-likelihood update of a GMM-HMM."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-est --mix-up=300 exp/mono/1.mdl 1.acc exp/mono/2.mdl")
@argument("model", help="GMM-HMM that the statistics were made with")
@argument("acc", help="statistics of gmm-acc-stats-ali")
@argument("out", help="model to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--mix-up", type=int, default=0, help="Gaussians wanted in all; 0 leaves their number")
@option("--power", type=float, default=0.2, help="Exponent by which occupancy shares out the Gaussians")
@option("--min-count", type=float, default=20.0, help="Occupancy that every Gaussian of a split pdf must have")
@option("--perturb-factor", type=float, default=0.01, help="How far halves move apart, in standard deviations")
@option("--min-gaussian-weight", type=float, default=1e-5, help="Gaussians of less weight are not updated")
@option("--min-gaussian-occupancy", type=float, default=10.0, help="Gaussians of less occupancy are not updated")
@option("--min-variance", type=float, default=0.001, help="Floor of variances")
@option("--remove-low-count-gaussians", type=bool, default=True, help="Remove Gaussians that are not updated")
@option("--transition-floor", type=float, default=0.01, help="Floor of transition probabilities")
@option("--transition-min-count", type=float, default=5.0, help="Transition-states of less count are not updated")
@option("--write-occs", help="Where to write the occupancy of every pdf")
def main(
    model: str, acc: str, out: str, binary: bool, mix_up: int, power: float, min_count: float, perturb_factor: float,
    min_gaussian_weight: float, min_gaussian_occupancy: float, min_variance: float,
    remove_low_count_gaussians: bool, transition_floor: float, transition_min_count: float, write_occs: str | None,
) -> None:  # fmt: skip
    """Estimate a model from statistics, and split Gaussians."""
    import numpy as np

    from houseblend.base.log import log
    from houseblend.gmm import estimate
    from houseblend.gmm.accumulate import Accumulators
    from houseblend.gmm.model import read_model, write_model
    from houseblend.io.tables import write_object

    transitions, mixtures = read_model(model)
    stats = Accumulators.read(acc)
    Accumulators.for_model(transitions, mixtures).require_same_shape(stats)
    gain, total = transitions.update(stats.transitions, transition_min_count, transition_floor)
    log(f"transitions: improvement per frame {gain / max(total, 1.0):.6f} over {total:.0f} frames")
    options = estimate.UpdateOptions(
        min_gaussian_weight, min_gaussian_occupancy, min_variance, remove_low_count_gaussians
    )
    before, mixtures = mixtures.num_gaussians, estimate.update(mixtures, stats, options)
    log(f"removed {before - mixtures.num_gaussians} Gaussians of little occupancy")
    occupancy = np.array([part.sum() for part in stats.occupancy])
    if write_occs:
        write_object(write_occs, "vector", occupancy.astype(np.float32), binary)
    if mix_up:
        mixtures = estimate.mix_up(mixtures, occupancy, mix_up, power, perturb_factor, min_count)
    write_model(out, transitions, mixtures, binary)
    log(f"wrote {mixtures.num_gaussians} Gaussians")
