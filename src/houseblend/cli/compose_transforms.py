"""compose-transforms: the product of two linear or affine transforms of features."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="compose-transforms --b-is-affine=true ark:new_trans.1 ark:trans.1 ark:composed_trans.1")
@argument("transform_a", help="what is done last: a rspecifier or the file of one matrix")
@argument("transform_b", help="what is done first: the same")
@argument("composed", help="where to write their product A B; a wspecifier if one of them is a table")
@option("--b-is-affine", type=bool, default=False, help="The last column of B is an offset (matters if A has one)")
@option("--utt2spk", default="", help="Speaker of each utterance (rspecifier), if A goes by utterance and B by speaker")
@option("--binary", type=bool, default=True, help="Write a single matrix in Kaldi's binary form")
@skipping
def main(
    transform_a: str, transform_b: str, composed: str, b_is_affine: bool, utt2spk: str, binary: bool,
    max_skipped: int | None,
) -> None:  # fmt: skip
    """Multiply transforms, key by key where there are tables."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.transforms import compose
    from houseblend.io.owners import by_owner
    from houseblend.io.tables import is_specifier, read_object, read_table, write_object, write_table

    tables = [is_specifier(name) for name in (transform_a, transform_b)]
    if any(tables) != is_specifier(composed):
        raise UsageError(f"cannot write to {composed}", expected="a wspecifier if an input is a table, else a file")
    if utt2spk and not all(tables):
        raise UsageError("--utt2spk is for two tables", expected="two rspecifiers")
    if not any(tables):
        a, b = (read_object(name, "matrix") for name in (transform_a, transform_b))
        write_object(composed, "matrix", compose(a, b, b_is_affine), binary)
        return
    leading, following = (transform_a, transform_b) if tables[0] else (transform_b, transform_a)
    follower_of = by_owner(following, "matrix", utt2spk)
    with write_table(composed, "matrix") as write, Skips(max_skipped, "transforms", leading) as skips:
        for key, leader in read_table(leading, "matrix"):
            try:
                follower = follower_of(key)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            pair = (leader, follower) if tables[0] else (follower, leader)
            try:
                write(key, compose(*pair, b_is_affine))
            except InputError as failure:
                raise failure.but(key=key) from None
            skips.done(key)
