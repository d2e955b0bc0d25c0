"""gmm-acc-mllt: statistics for MLLT."""

from houseblend.cli.program import argument, option, program, skipping


@program(example='gmm-acc-mllt --rand-prune=4.0 exp/tri2/2.mdl "ark:transform-feats 0.mat ..|" ark:1.post 2.macc')
@argument("model", help="GMM-HMM")
@argument("feats", help="features as the model was trained on")
@argument("posteriors", help="posteriors of transition-ids")
@argument("acc", help="where to write the statistics")
@option("--rand-prune", type=float, default=0.25, help="Weights of Gaussians below this become this or 0 by chance")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@skipping
def main(
    model: str, feats: str, posteriors: str, acc: str, rand_prune: float, binary: bool, max_skipped: int | None
) -> None:
    """Accumulate, for every dimension, how features scatter around the means, by the inverse variances."""
    from houseblend.base.log import log
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
    from houseblend.gmm.mllt import MlltStats
    from houseblend.gmm.model import read_model
    from houseblend.hmm.posterior import entries, prune_at_random, to_pdfs
    from houseblend.io.objects import open_output

    transitions, mixtures = read_model(model)
    stats, likelihood, total = MlltStats.zeros(mixtures.dim), 0.0, 0.0
    with Skips(max_skipped) as skips:
        for key, feats_TD, posterior in with_posteriors(feats, posteriors, skips):
            weighted = entries(to_pdfs(posterior, transitions, key))
            shared, scored = GaussianPosteriors.of(mixtures, feats_TD, *weighted, key)
            stats.add(shared.with_weights(prune_at_random(shared.weights, rand_prune, key)), mixtures, feats_TD)
            likelihood, total = likelihood + scored, total + weighted[2].sum()
            skips.done(key)
    with open_output(acc, binary) as target:
        stats.write(target)
    log(f"log-likelihood per frame {likelihood / max(total, 1.0):.4f} over {total:.0f} frames")
