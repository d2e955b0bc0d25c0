"""compare-wer: whether two decodings of the same data differ, by paired bootstrap."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="compare-wer exp/mono_test_score exp/dnn_test_score")
@argument("first", type=Path, help="score directory")
@argument("second", type=Path, help="score directory of the same data")
@option("--seed", type=int, default=1, help="Seed of the resampling")
def main(first: Path, second: Path, seed: int) -> None:
    """Print both rates, their difference, its 95 % interval over utterances, and how often the second was better."""
    from houseblend.decode.score import read_counts
    from houseblend.decode.wer import compare

    result = compare(read_counts(first), read_counts(second), seed)
    print(f"{first} {result.first:.2f} %, {second} {result.second:.2f} %")
    print(f"difference {result.difference:+.2f} [ 95 % interval {result.low:+.2f} to {result.high:+.2f} ]")
    print(f"the second is better in {100 * result.second_better:.1f} % of the resamples")
