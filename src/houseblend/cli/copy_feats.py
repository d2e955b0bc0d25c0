"""copy-feats: copy feature archives, compressed or not."""

from houseblend.cli.program import argument, option, program


@program(example="copy-feats --compress=true scp:feats.scp ark,scp:out.ark,out.scp")
@argument("feats_in", help="rspecifier of features, or the file of one matrix")
@argument("feats_out", help="wspecifier of features, or the file of one matrix")
@option("--binary", type=bool, default=True, help="Binary form, where one matrix is written")
@option("--htk-in", type=bool, default=False, help="Read HTK's files")
@option("--compress", type=bool, default=False, help="Write compressed matrices (tables only)")
@option("--compression-method", type=int, default=1, help="Kaldi's number of the method, 1 to 7, with --compress")
@option("--write-num-frames", default="", help="Wspecifier for the length of every utterance (tables only)")
def main(
    feats_in: str, feats_out: str, binary: bool, htk_in: bool, compress: bool, compression_method: int,
    write_num_frames: str,
) -> None:  # fmt: skip
    """Copy features, in single precision."""
    import contextlib

    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import copies_table, read_object, read_table, write_object, write_table

    kind = "htk" if htk_in else "matrix"
    if not copies_table(feats_in, feats_out):
        if compress or write_num_frames:
            raise UsageError("--compress and --write-num-frames are for tables", expected="ark: or scp:")
        write_object(feats_out, "matrix", read_object(feats_in, kind).astype(np.float32), binary)
        return
    lengths = write_table(write_num_frames, "int") if write_num_frames else contextlib.nullcontext()
    method = compression_method if compress else None
    with write_table(feats_out, "matrix", method) as write, lengths as write_length, Skips(0) as skips:
        for key, feats in read_table(feats_in, kind):
            write(key, feats.astype(np.float32))
            if write_length is not None:
                write_length(key, len(feats))
            skips.done(key)
