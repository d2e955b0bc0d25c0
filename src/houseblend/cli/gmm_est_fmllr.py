"""gmm-est-fmllr: fMLLR transforms of speakers or utterances."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.gmm.fmllr_options import FmllrOptions


@program(example=f"gmm-est-fmllr --spk2utt=ark:data/spk2utt final.mdl {WITH_DELTAS} ark:1.post ark:trans.1")
@argument("model", help="GMM-HMM that the features are to fit")
@argument("feats", help="features, transformed as far as the model's are")
@argument("posteriors", help="posteriors of transition-ids")
@argument("transforms", help="where to write affine transforms, offset in the last column")
@option("--spk2utt", default="", help="Utterances of each speaker (rspecifier); default: a transform an utterance")
@options_of(FmllrOptions, "Estimation")
@skipping
def main(
    model: str, feats: str, posteriors: str, transforms: str, spk2utt: str, max_skipped: int | None, **values: object
) -> None:
    """Estimate affine transforms of features that fit speakers, or utterances, to a model."""
    from houseblend.base.options import chosen
    from houseblend.cli.fmllr_table import write_transforms
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.gaussian_posteriors import GaussianPosteriors
    from houseblend.gmm.model import read_model
    from houseblend.hmm.posterior import entries, to_pdfs
    from houseblend.io.tables import write_table

    transitions, mixtures = read_model(model)
    with write_table(transforms, "matrix") as write, Skips(max_skipped) as skips:
        utterances = (
            (key, x, GaussianPosteriors.of(mixtures, x, *entries(to_pdfs(posterior, transitions, key)), key)[0])
            for key, x, posterior in with_posteriors(feats, posteriors, skips)
        )
        write_transforms(write, mixtures, utterances, spk2utt, chosen(FmllrOptions, values), skips)
