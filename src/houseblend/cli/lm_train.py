"""lm-train: an n-gram language model of a text, by modified Kneser-Ney estimation."""

from houseblend.cli.program import argument, option, program


@program(example="lm-train --min-counts=1,1,2 --vocabulary=lang/words.txt --held-out=dev.txt train.txt lm.arpa.gz")
@argument("text", help="text, a sentence a line (file or pipe)")
@argument("arpa", help="ARPA file to write; gzipped if the name ends in .gz")
@option("--order", type=int, default=3, help="Words of the longest n-grams")
@option("--min-counts", default="1", help="Least counts of n-grams kept, by order; the last holds for all higher")
@option("--prune", type=float, default=0.0, help="Drop n-grams that change the perplexity by less than this share")
@option("--vocabulary", help="Words, first in their lines [default: all words of the texts]")
@option("--unknown", default="<unk>", help="Word of the vocabulary that stands for all others")
@option("--background", help="A second text; its model is mixed in, by the weight best on --held-out")
@option("--held-out", help="Text whose perplexity is reported")
def main(
    text: str, arpa: str, order: int, min_counts: str, prune: float, vocabulary: str | None, unknown: str,
    background: str | None, held_out: str | None,
) -> None:  # fmt: skip
    """Estimate a language model and write it as an ARPA file."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.lang.train_lm import least_counts, train_lm

    if not prune >= 0:
        raise UsageError(f"--prune={prune}", expected="0 or more")
    if background is not None and held_out is None:
        raise UsageError("--background without --held-out", expected="a text for the weights of the mixture")
    least = least_counts(min_counts, order)
    result = train_lm(text, arpa, order, least, prune, vocabulary, unknown, background, held_out)
    if result is not None:
        log(f"{held_out}: {result}")
