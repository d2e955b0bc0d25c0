"""paste-feats: put features of the same utterances side by side."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="paste-feats --length-tolerance=2 scp:mfcc.scp scp:pitch.scp ark:both.ark")
@argument("feats", nargs=-1, help="two or more tables of features, and the table to write; or matrix files")
@option("--length-tolerance", type=int, default=0, help="Greatest difference of lengths that is cut off (frames)")
@option("--binary", type=bool, default=True, help="Binary form, where one matrix is written")
@skipping
def main(feats: tuple[str, ...], length_tolerance: int, binary: bool, max_skipped: int | None) -> None:
    """Put the columns of one table behind those of another."""
    import contextlib

    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.feat.rearrange import paste
    from houseblend.io.tables import copies_table, open_table, read_object, read_table, write_object, write_table

    if len(feats) < 3:
        raise UsageError(f"{len(feats)} arguments", expected="two or more inputs and an output")
    first, *others, target = feats
    if not copies_table(first, target):
        parts = [read_object(name, "matrix") for name in feats[:-1]]
        write_object(target, "matrix", paste(parts, length_tolerance), binary)
        return
    with contextlib.ExitStack() as stack:
        tables = [stack.enter_context(open_table(name, "matrix")) for name in others]
        skips, write = stack.enter_context(Skips(max_skipped)), stack.enter_context(write_table(target, "matrix"))
        for key, values in read_table(first, "matrix"):
            try:
                write(key, paste([values, *(table[key] for table in tables)], length_tolerance))
                skips.done(key)
            except InputError as failure:
                skips.skip(key, failure)
