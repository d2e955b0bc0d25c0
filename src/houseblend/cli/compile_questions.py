"""compile-questions: the questions that a tree may ask, from sets of phones."""

from houseblend.cli.context_options import context_options
from houseblend.cli.program import argument, option, program


@program(example="compile-questions data/lang/topo questions.int questions.qst")
@argument("topology", help="topo of a lang directory")
@argument("sets", help="sets of phones to ask about, one a line")
@argument("out", help="where to write the questions")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@context_options
@option("--num-iters-refine", type=int, default=0, help="Let build-tree change the best question so many times")
def main(
    topology: str, sets: str, out: str, binary: bool, context_width: int, central_position: int, num_iters_refine: int
) -> None:
    """Ask about the phone of every position of the window, and about pdf-classes."""
    from houseblend.base.log import log
    from houseblend.cli.context_options import check_window
    from houseblend.hmm.topology import HmmTopology
    from houseblend.io.objects import open_output
    from houseblend.lang.phone_files import read_phone_sets
    from houseblend.tree.questions import compile_questions, write_questions

    check_window(context_width, central_position)
    hmms, asked = HmmTopology.load(topology), read_phone_sets(sets)
    questions = compile_questions(asked, hmms, context_width, num_iters_refine)
    with open_output(out, binary) as target:
        write_questions(target, questions)
    log(f"{len(asked)} sets of phones to ask about in {context_width} positions")
