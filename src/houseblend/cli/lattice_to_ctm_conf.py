"""lattice-to-ctm-conf: words of lattices with times and confidences."""

from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.decode.options import LatticeOptions


@program(example="lattice-to-ctm-conf --acoustic-scale=0.1 ark:aligned.ark words.ctm")
@argument("lattices", help="lattices from lattice-align-words-lexicon (rspecifier)")
@argument("ctm", help="file to write, lines: utterance 1 start duration word confidence")
@options_of(LatticeOptions, "Options", without=["beam"])
@option("--frame-shift", type=float, default=0.01, help="Seconds a frame")
@option("--decode-mbr", type=bool, default=True, help="Choose words by minimum Bayes risk, or else the best path's")
@skipping
def main(
    lattices: str, ctm: str, acoustic_scale: float, inv_acoustic_scale: float, lm_scale: float, frame_shift: float,
    decode_mbr: bool, max_skipped: int | None,
) -> None:  # fmt: skip
    """Write words as numbers of words.txt, each with its posterior probability."""
    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.mbr import timed_words
    from houseblend.io.streams import open_sink

    if inv_acoustic_scale <= 0:
        raise UsageError(f"--inv-acoustic-scale={inv_acoustic_scale}", expected="a positive number")
    with open_sink(ctm) as sink, Skips(max_skipped, "lattices", lattices) as skips:
        for key, lattice in read_lattice_table(lattices):
            try:
                words = timed_words(lattice, lm_scale, acoustic_scale / inv_acoustic_scale, decode_mbr)
            except InputError as failure:
                skips.skip(key, failure)
                continue
            for word, begin, end, confidence in words:
                times = f"{begin * frame_shift:.2f} {(end - begin) * frame_shift:.2f}"
                sink.write(f"{key} 1 {times} {word} {confidence:.2f}\n".encode())
            skips.done(key)
