"""gmm-est: maximum-likelihood update of a GMM-HMM."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.gmm.options import SplitOptions, UpdateOptions
from houseblend.hmm.options import TransitionOptions


@program(example="gmm-est --mix-up=300 exp/mono/1.mdl 1.acc exp/mono/2.mdl")
@argument("model", help="GMM-HMM that the statistics were made with")
@argument("acc", help="statistics of gmm-acc-stats-ali")
@argument("out", help="model to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--mix-up", type=int, default=0, help="Gaussians wanted in all; 0 leaves their number")
@options_of(SplitOptions, "Splitting")
@options_of(UpdateOptions, "Update")
@options_of(TransitionOptions, "Update")
@option("--write-occs", help="Where to write the occupancy of every pdf")
def main(model: str, acc: str, out: str, binary: bool, mix_up: int, write_occs: str | None, **values: Any) -> None:
    """Estimate a model from statistics, and split Gaussians."""
    import numpy as np

    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.gmm import estimate
    from houseblend.gmm.accumulate import Accumulators
    from houseblend.gmm.model import read_model, write_model
    from houseblend.io.tables import write_object

    transitions, mixtures = read_model(model)
    stats = Accumulators.read(acc)
    Accumulators.for_model(transitions, mixtures).require_same_shape(stats)
    gain, total = transitions.update(stats.transitions, chosen(TransitionOptions, values))
    log(f"transitions: improvement per frame {gain / max(total, 1.0):.6f} over {total:.0f} frames")
    before = mixtures.num_gaussians
    mixtures = estimate.update(mixtures, stats, chosen(UpdateOptions, values))
    log(f"removed {before - mixtures.num_gaussians} Gaussians of little occupancy")
    occupancy = np.array([part.sum() for part in stats.occupancy])
    if write_occs:
        write_object(write_occs, "vector", occupancy.astype(np.float32), binary)
    if mix_up:
        mixtures = estimate.mix_up(mixtures, occupancy, mix_up, chosen(SplitOptions, values))
    write_model(out, transitions, mixtures, binary)
    log(f"wrote {mixtures.num_gaussians} Gaussians")
