"""lm-perplexity: the perplexity of a text by a language model."""

from houseblend.cli.program import argument, options_of, program
from houseblend.lang.options import LmOptions


@program(example="lm-perplexity lm.arpa.gz test.txt")
@argument("arpa", help="ARPA file")
@argument("text", help="text, a sentence a line (file or pipe)")
@options_of(LmOptions, "Options", only=["unknown"])
def main(arpa: str, text: str, unknown: str) -> None:
    """Print the perplexity of a text; words that the model lacks are left out and reported."""
    from houseblend.lang.train_lm import perplexity_of

    print(perplexity_of(arpa, text, unknown))
