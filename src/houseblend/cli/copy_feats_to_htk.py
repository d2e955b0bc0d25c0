"""copy-feats-to-htk: write features as HTK files, one an utterance."""

from houseblend.cli.program import argument, option, program


@program(example="copy-feats-to-htk --output-dir=htk --output-ext=mfc --sample-kind=6 scp:feats.scp")
@argument("feats_rspecifier", help="features")
@option("--output-dir", default="./", help="Directory to write to")
@option("--output-ext", default="fea", help="Extension of the files' names")
@option("--sample-period", type=int, default=100000, help="From one frame to the next in units of 100 ns")
@option("--sample-kind", type=int, default=9, help="HTK's number of the kind: 6 MFCC, 7 filterbank, 9 any other")
def main(feats_rspecifier: str, output_dir: str, output_ext: str, sample_period: int, sample_kind: int) -> None:
    """Write OUTPUT-DIR/UTTERANCE.OUTPUT-EXT for every utterance."""
    from pathlib import Path

    from houseblend.base.atomic import atomic_open
    from houseblend.cli.program import Skips
    from houseblend.io.htk import encode_htk
    from houseblend.io.tables import read_table

    folder = Path(output_dir)
    folder.mkdir(exist_ok=True)
    with Skips(0) as skips:
        for key, feats in read_table(feats_rspecifier, "matrix"):
            with atomic_open(folder / f"{key}.{output_ext}") as file:
                file.write(encode_htk(feats, sample_period, sample_kind))
            skips.done(key)
