"""transform-feats: multiply features by a matrix."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="transform-feats exp/tri2/final.mat scp:feats.scp ark:transformed.ark")
@argument("transform", help="one matrix for all, or a rspecifier by utterance or speaker")
@argument("feats_rspecifier", help="features")
@argument("feats_wspecifier", help="features to write")
@option("--utt2spk", default="", help="Speaker of each utterance (rspecifier)")
@skipping
def main(transform: str, feats_rspecifier: str, feats_wspecifier: str, utt2spk: str, max_skipped: int | None) -> None:
    """Apply a linear transform, or an affine one that has one more column."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.feat.rearrange import transform_frames
    from houseblend.io.owners import by_owner
    from houseblend.io.tables import read_table, write_table

    matrix_of = by_owner(transform, "matrix", utt2spk)
    with write_table(feats_wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            try:
                write(key, transform_frames(feats, matrix_of(key)))
                skips.done(key)
            except InputError as failure:
                skips.skip(key, failure)
