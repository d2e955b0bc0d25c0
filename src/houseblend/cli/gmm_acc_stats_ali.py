"""gmm-acc-stats-ali: statistics of aligned features."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program, skipping


@program(example=f"gmm-acc-stats-ali exp/mono/1.mdl {WITH_DELTAS} ark:ali.ark 1.acc")
@argument("model", help="GMM-HMM")
@argument("feats", help="features as the model was trained on: normalised, with deltas")
@argument("alignments", help="transition-id of every frame")
@argument("acc", help="where to write the statistics")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@skipping
def main(model: str, feats: str, alignments: str, acc: str, binary: bool, max_skipped: int | None) -> None:
    """Accumulate counts of transitions, and occupancy, sums and squares of every Gaussian."""
    from houseblend.base.log import log
    from houseblend.cli.program import Skips
    from houseblend.gmm.accumulate import Accumulators
    from houseblend.gmm.model import read_model
    from houseblend.io.tables import open_table, read_table

    transitions, mixtures = read_model(model)
    stats = Accumulators.for_model(transitions, mixtures)
    with open_table(alignments, "int-vector") as aligned, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(feats, "matrix"):
            if key not in aligned:
                skips.skip(key, "no alignment")
            elif not 0 < len(aligned[key]) == len(feats_TD):
                skips.skip(key, f"{len(feats_TD)} frames, {len(aligned[key])} in the alignment")
            else:
                stats.add_alignment(transitions, mixtures, feats_TD, aligned[key], key)
                skips.done(key)
    stats.write(acc, binary)
    log(f"log-likelihood per frame {stats.log_likelihood / stats.frames:.4f} over {stats.frames:.0f} frames")
