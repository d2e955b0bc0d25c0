"""gmm-compute-likes: log-likelihood of every frame and pdf."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, program, skipping


@program(example=f"gmm-compute-likes exp/mono/final.mdl {WITH_DELTAS} ark:likes.ark")
@argument("model", help="GMM-HMM")
@argument("feats", help="features as the model was trained on: normalised, with deltas")
@argument("likes", help="where to write matrices of frames by pdfs")
@skipping
def main(model: str, feats: str, likes: str, max_skipped: int | None) -> None:
    """Compute log-likelihoods by pdf."""
    from houseblend.cli.program import Skips
    from houseblend.gmm.model import read_model
    from houseblend.io.tables import read_table, write_table

    _, mixtures = read_model(model)
    with write_table(likes, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(feats, "matrix"):
            if not len(feats_TD):
                skips.skip(key, "no frames")
                continue
            write(key, mixtures.log_likelihoods(feats_TD, key))
            skips.done(key)
