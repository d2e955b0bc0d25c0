"""build-tree: a decision tree over phones in context."""

from typing import Any

from houseblend.cli.context_options import context_options
from houseblend.cli.program import argument, option, options_of, program
from houseblend.tree.options import BuildOptions


@program(example="build-tree --max-leaves=2000 treeacc data/lang/phones/roots.int questions.qst data/lang/topo tree")
@argument("acc", help="statistics of acc-tree-stats")
@argument("roots", help="phones that begin as one leaf, one root a line")
@argument("questions", help="questions of compile-questions")
@argument("topology", help="topo of a lang directory")
@argument("tree", help="tree to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@context_options
@options_of(BuildOptions, "Leaves")
def main(
    acc: str, roots: str, questions: str, topology: str, tree: str, binary: bool, context_width: int,
    central_position: int, **values: Any,
) -> None:  # fmt: skip
    """Split the roots by the questions that gain most likelihood, then merge leaves that are alike."""
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.cli.context_options import check_window
    from houseblend.hmm.topology import HmmTopology
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.objects import open_output
    from houseblend.lang.phone_files import read_roots
    from houseblend.tree.build import build_tree
    from houseblend.tree.questions import read_questions
    from houseblend.tree.statistics import TreeStatistics

    check_window(context_width, central_position)
    hmms, stats = HmmTopology.load(topology), TreeStatistics.load(acc)
    classes = {phone: hmms.num_pdf_classes(phone) for phone in hmms.phones}
    options = chosen(BuildOptions, values)
    root = build_tree(stats, read_roots(roots), read_questions(questions), classes, central_position, options)
    built = ContextDependency(context_width, central_position, root)
    with open_output(tree, binary) as target:
        built.write(target)
    log(f"a tree of {built.num_pdfs} leaves")
