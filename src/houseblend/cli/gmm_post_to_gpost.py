"""gmm-post-to-gpost: posteriors of transition-ids to posteriors of Gaussians."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program, skipping


@program(example=f"gmm-post-to-gpost final.alimdl {WITH_DELTAS} ark:1.post ark:1.gpost")
@argument("model", help="GMM-HMM")
@argument("feats", help="features as the model was trained on")
@argument("posteriors", help="posteriors of transition-ids")
@argument("gauss_posteriors", help="where to write them")
@option("--rand-prune", type=float, default=0.0, help="Weights of Gaussians below this become this or 0 by chance")
@option("--binary", type=bool, default=True, help="Taken as Kaldi's is; the wspecifier tells the form")
@skipping
def main(
    model: str, feats: str, posteriors: str, gauss_posteriors: str, rand_prune: float, binary: bool,
    max_skipped: int | None,
) -> None:  # fmt: skip
    """Share out the weights of pdfs among their Gaussians, by how well each explains the frame."""
    from dataclasses import replace

    from houseblend.base.log import log
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
    from houseblend.gmm.model import read_model
    from houseblend.hmm.posterior import entries, prune_at_random, to_pdfs
    from houseblend.io.tables import write_table

    transitions, mixtures = read_model(model)
    likelihood, total = 0.0, 0.0
    with write_table(gauss_posteriors, "gauss-posterior") as write, Skips(max_skipped) as skips:
        for key, feats_TD, posterior in with_posteriors(feats, posteriors, skips):
            weighted = entries(to_pdfs(posterior, transitions, key))
            shared, scored = GaussianPosteriors.of(mixtures, feats_TD, *weighted, key)
            pruned = replace(shared, weights=prune_at_random(shared.weights, rand_prune, key))
            write(key, pruned.to_table(mixtures, len(feats_TD)))
            likelihood, total = likelihood + scored, total + weighted[2].sum()
            skips.done(key)
    log(f"log-likelihood per frame {likelihood / max(total, 1.0):.4f} over {total:.0f} frames")
