"""gmm-acc-stats-twofeats: statistics of features, whose Gaussians other features tell."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="gmm-acc-stats-twofeats 35.mdl scp:adapted.scp scp:unadapted.scp ark:1.post 35.1.acc")
@argument("model", help="GMM-HMM")
@argument("feats", help="features as the model was trained on: they tell the Gaussians")
@argument("new_feats", help="features of the same frames that statistics are made of")
@argument("posteriors", help="posteriors of transition-ids")
@argument("acc", help="where to write the statistics")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@skipping
def main(
    model: str, feats: str, new_feats: str, posteriors: str, acc: str, binary: bool, max_skipped: int | None
) -> None:
    """Accumulate counts of transitions, and occupancy, sums and squares of every Gaussian: for a model of other features
    that matches this one Gaussian by Gaussian, such as the one that aligns before there are transforms."""
    import numpy as np

    from houseblend.base.log import log
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.accumulate import Accumulators
    from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
    from houseblend.gmm.model import read_model
    from houseblend.hmm.posterior import entries, to_pdfs
    from houseblend.io.tables import open_table

    transitions, mixtures = read_model(model)
    stats = Accumulators.for_model(transitions, mixtures)
    with open_table(new_feats, "matrix") as others, Skips(max_skipped) as skips:
        for key, feats_TD, posterior in with_posteriors(feats, posteriors, skips):
            if key not in others:
                skips.skip(key, "no second features")
                continue
            new_TD = others[key]
            if new_TD.shape != feats_TD.shape:
                skips.skip(key, f"second features of shape {new_TD.shape}, not {feats_TD.shape}")
                continue
            weighted = entries(to_pdfs(posterior, transitions, key))
            stats.add_posteriors(*GaussianPosteriors.of(mixtures, feats_TD, *weighted, key), new_TD)
            _, ids, weights = entries(posterior)
            stats.transitions += np.bincount(ids, weights, len(stats.transitions))
            skips.done(key)
    stats.write(acc, binary)
    log(f"log-likelihood per frame {stats.log_likelihood / max(stats.frames, 1.0):.4f} over {stats.frames:.0f} frames")
