"""acc-lda: statistics of features by pdf, for LDA."""

from houseblend.cli.program import argument, option, program, skipping

SPLICED = '"ark:apply-cmvn --utt2spk=ark:data/utt2spk scp:data/cmvn.scp scp:data/feats.scp ark:- | splice-feats ark:- ark:- |"'


@program(example=f"acc-lda exp/tri1_ali/final.mdl {SPLICED} ark:1.post lda.acc")
@argument("model", help="transition model, or acoustic model of any kind, whose pdfs are the classes")
@argument("feats", help="features, usually normalised and spliced")
@argument("posteriors", help="posteriors of transition-ids")
@argument("acc", help="where to write the statistics")
@option("--rand-prune", type=float, default=0.0, help="Weights below this become this or 0 by chance; 0: all are kept")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@skipping
def main(
    model: str, feats: str, posteriors: str, acc: str, rand_prune: float, binary: bool, max_skipped: int | None
) -> None:
    """Accumulate count and sum of every pdf, and the second moment of all frames."""
    from houseblend.base.log import log
    from houseblend.cli.posterior_table import with_posteriors
    from houseblend.cli.program import Skips
    from houseblend.gmm.lda import LdaStats
    from houseblend.hmm.posterior import entries, prune_at_random, to_pdfs
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.io.objects import open_output

    transitions = TransitionModel.load(model)
    stats: LdaStats | None = None
    with Skips(max_skipped) as skips:
        for key, feats_TD, posterior in with_posteriors(feats, posteriors, skips):
            stats = stats or LdaStats.zeros(transitions.num_pdfs, feats_TD.shape[1])
            if feats_TD.shape[1] != stats.dim:
                skips.skip(key, f"features of dimension {feats_TD.shape[1]}, not {stats.dim} as the first")
                continue
            frames, pdfs, weights = entries(to_pdfs(posterior, transitions, key))
            weights = prune_at_random(weights, rand_prune, key)
            kept = weights != 0
            stats.add(feats_TD[frames[kept]], pdfs[kept], weights[kept])
            skips.done(key)
    assert stats is not None
    with open_output(acc, binary) as target:
        stats.write(target)
    log(f"accumulated {stats.counts.sum():g} frames of dimension {stats.dim}")
