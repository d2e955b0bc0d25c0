"""gmm-est-fmllr-gpost: fMLLR transforms of speakers or utterances, of Gaussian posteriors."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.gmm.fmllr_options import FmllrOptions


@program(example=f"gmm-est-fmllr-gpost --spk2utt=ark:data/spk2utt final.mdl {WITH_DELTAS} ark:1.gpost ark:trans.1")
@argument("model", help="GMM-HMM that the features are to fit")
@argument("feats", help="features, transformed as far as the model's are")
@argument("posteriors", help="posteriors of Gaussians (gmm-post-to-gpost), of a model of as many Gaussians a pdf")
@argument("transforms", help="where to write affine transforms, offset in the last column")
@option("--spk2utt", default="", help="Utterances of each speaker (rspecifier); default: a transform an utterance")
@options_of(FmllrOptions, "Estimation")
@skipping
def main(
    model: str, feats: str, posteriors: str, transforms: str, spk2utt: str, max_skipped: int | None, **values: object
) -> None:
    """Estimate affine transforms of features that fit speakers, or utterances, to a model; another told the Gaussians."""
    from houseblend.base.options import chosen
    from houseblend.cli.fmllr_table import write_transforms
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
    from houseblend.gmm.model import read_model
    from houseblend.io.tables import write_table

    _, mixtures = read_model(model)
    with write_table(transforms, "matrix") as write, Skips(max_skipped) as skips:
        utterances = (
            (key, x, GaussianPosteriors.from_table(posterior, mixtures, key))
            for key, x, posterior in with_posteriors(feats, posteriors, skips, "gauss-posterior")
        )
        write_transforms(write, mixtures, utterances, spk2utt, chosen(FmllrOptions, values), skips)
