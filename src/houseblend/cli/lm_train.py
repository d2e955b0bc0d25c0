"""lm-train: an n-gram language model of a text, by modified Kneser-Ney estimation."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.lang.options import LmOptions


@program(example="lm-train --min-counts=1,1,2 --vocabulary=lang/words.txt --held-out=dev.txt train.txt lm.arpa.gz")
@argument("text", help="text, a sentence a line (file or pipe)")
@argument("arpa", help="ARPA file to write; gzipped if the name ends in .gz")
@options_of(LmOptions, "Estimation")
@option("--vocabulary", help="Words, first in their lines [default: all words of the texts]")
@option("--background", help="A second text; its model is mixed in, by the weight best on --held-out")
@option("--held-out", help="Text whose perplexity is reported")
def main(
    text: str, arpa: str, vocabulary: str | None, background: str | None, held_out: str | None, **values: Any
) -> None:
    """Estimate a language model and write it as an ARPA file."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.lang.train_lm import train_lm

    if background is not None and held_out is None:
        raise UsageError("--background without --held-out", expected="a text for the weights of the mixture")
    result = train_lm(text, arpa, chosen(LmOptions, values), vocabulary, background, held_out)
    if result is not None:
        log(f"{held_out}: {result}")
