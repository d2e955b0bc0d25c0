"""score-ctm: recognised words with times against a reference in segments, by the hub5 protocol."""

from pathlib import Path

from houseblend.cli.program import argument, option, program


@program(example="score-ctm --glm=data/eval2000/glm data/eval2000/stm exp/dnn_eval2000_score/ctm")
@argument("stm", type=Path, help="reference")
@argument("ctm", type=Path, help="hypothesis")
@option("--glm", type=Path, help="Global mapping rules")
@option("--alignments", type=Path, help="File to write alignments by segment to")
def main(stm: Path, ctm: Path, glm: Path | None, alignments: Path | None) -> None:
    """Print words and errors of all segments, of every subset and of every speaker, as sclite counts them."""
    from houseblend.base.atomic import write_text
    from houseblend.decode.hub5 import report, score_ctm
    from houseblend.decode.score import alignment_lines
    from houseblend.decode.stm_ctm import read_ctm, read_stm

    segments, titles = read_stm(stm)
    scored = score_ctm(segments, read_ctm(ctm), stm, ctm, glm)
    if alignments:
        write_text(alignments, "".join(alignment_lines(one.key, one.pairs) for one in scored))
    print(report(scored, titles), end="")
