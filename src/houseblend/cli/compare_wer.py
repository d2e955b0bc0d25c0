"""compare-wer: whether two decodings of the same data differ, by paired bootstrap and by matched pairs."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="compare-wer exp/mono_test_score exp/dnn_test_score")
@argument("first", type=Path, help="score directory")
@argument("second", type=Path, help="score directory of the same data")
@option("--seed", type=int, default=1, help="Seed of the resampling")
def main(first: Path, second: Path, seed: int) -> None:
    """Print both rates, their difference, its 95 % interval over utterances, how often the second was better among the
    resamples, and the matched pairs sentence segment word error test."""
    from houseblend.base.errors import InputError
    from houseblend.decode.matched_pairs import matched_pairs
    from houseblend.decode.score import read_counts, read_kinds, read_reference
    from houseblend.decode.wer import compare

    result = compare(read_counts(first), read_counts(second), seed)
    if read_reference(first) != read_reference(second):
        raise InputError(
            "scored on other transcripts", file=second, expected=f"those of {first}", do="score both again"
        )
    pairs = matched_pairs(read_kinds(first), read_kinds(second))
    print(f"{first} {result.first:.2f} %, {second} {result.second:.2f} %")
    print(f"difference {result.difference:+.2f} [ 95 % interval {result.low:+.2f} to {result.high:+.2f} ]")
    print(f"the second is better in {100 * result.second_better:.1f} % of the resamples")
    print(f"matched pairs: {pairs.segments} segments, Z {pairs.score:+.3f}, p {pairs.probability:.3g}")
