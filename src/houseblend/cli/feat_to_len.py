"""feat-to-len: lengths of utterances in frames."""

from houseblend.cli.program import argument, program


@program(example="feat-to-len scp:feats.scp ark,t:utt2num_frames")
@argument("tables", nargs=-1, help="features, and lengths to write; without the latter the sum goes to stdout")
def main(tables: tuple[str, ...]) -> None:
    """Number of frames of every utterance, or of all together."""
    import contextlib

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table

    source, *targets = tables
    if len(targets) > 1:
        raise UsageError(f"{len(tables)} arguments", expected="one or two")
    lengths = write_table(targets[0], "int") if targets else contextlib.nullcontext()
    total = 0
    with lengths as write, Skips(0) as skips:
        for key, feats in read_table(source, "matrix"):
            total += len(feats)
            if write is not None:
                write(key, len(feats))
            skips.done(key)
    if not targets:
        print(total)
