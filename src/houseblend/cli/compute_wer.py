"""compute-wer: word error rate of a transcript against a reference."""

from houseblend.cli.program import argument, option, program


@program(example="compute-wer --text --mode=present ark:ref.txt ark:hyp.txt")
@argument("reference", help="reference (rspecifier of words)")
@argument("hypothesis", help="what was recognised (rspecifier of words)")
@option("--text", type=bool, default=True, help="Compare words as text (integers are text, too)")
@option(
    "--mode",
    default="strict",
    help="Missing hypotheses: strict fails, all counts them as empty, present leaves them out",
)
def main(reference: str, hypothesis: str, text: bool, mode: str) -> None:
    """Print %WER, %SER and counts, as Kaldi does."""
    from houseblend.base.errors import UsageError
    from houseblend.decode.score import wer_lines
    from houseblend.decode.wer import score_all
    from houseblend.io.tables import read_by_key

    if mode not in ("strict", "all", "present"):
        raise UsageError(f"--mode={mode}", expected="strict, all or present")
    counts, missing = score_all(read_by_key(reference, "tokens"), read_by_key(hypothesis, "tokens"), mode)
    print(wer_lines(counts, missing), end="")
