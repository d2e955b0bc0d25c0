"""compute-cmvn-stats: mean and variance statistics by utterance, by speaker, or of all."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="compute-cmvn-stats --spk2utt=ark:data/train/spk2utt scp:feats.scp ark,scp:cmvn.ark,cmvn.scp")
@argument("feats_rspecifier", help="features")
@argument("stats", help="statistics to write: a wspecifier, or a file for the statistics of all features")
@option("--spk2utt", default="", help="Utterances of each speaker (rspecifier): one sum a speaker")
@option("--binary", type=bool, default=True, help="Binary form of the single file")
@skipping
def main(feats_rspecifier: str, stats: str, spk2utt: str, binary: bool, max_skipped: int | None) -> None:
    """Sums, sums of squares and counts, for apply-cmvn; in single precision where one file holds them, as in Kaldi."""
    import numpy as np

    from houseblend.cli.program import Skips
    from houseblend.feat.cmvn import cmvn_stats
    from houseblend.io.tables import open_table, read_table, write_object, write_table

    with Skips(max_skipped) as skips:
        if not stats.partition(":")[0].startswith("ark"):
            total = None
            for key, feats in read_table(feats_rspecifier, "matrix"):
                total = cmvn_stats(feats) if total is None else total + cmvn_stats(feats)
                skips.done(key)
            if total is not None:
                write_object(stats, "matrix", total.astype(np.float32), binary)
            return
        with write_table(stats, "matrix") as write:
            if not spk2utt:
                for key, feats in read_table(feats_rspecifier, "matrix"):
                    write(key, cmvn_stats(feats))
                    skips.done(key)
                return
            with open_table(feats_rspecifier, "matrix") as table:
                for speaker, utterances in read_table(spk2utt, "tokens"):
                    found = [key for key in utterances if key in table]
                    for key in sorted(set(utterances) - set(found)):
                        skips.skip(key, f"no features of this utterance of {speaker}")
                    if found:
                        write(speaker, sum(cmvn_stats(table[key]) for key in found))
                        skips.done(speaker)
