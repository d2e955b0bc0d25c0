"""cluster-phones: sets of phones that sound alike, to ask about them or to join them."""

from houseblend.cli.context_options import context_options
from houseblend.cli.program import argument, option, program


@program(example="cluster-phones treeacc data/lang/phones/sets.int questions.int")
@argument("acc", help="statistics of acc-tree-stats")
@argument("sets", help="sets of phones that stay together, one a line")
@argument("out", help="where to write sets of phones, one a line")
@context_options
@option("--pdf-class-list", default="1", help="Frames of these pdf-classes count, separated by colons")
@option("--mode", type=("questions", "k-means"), default="questions", help="Sets to ask about, or classes by k-means")
@option("--num-classes", type=int, default=-1, help="Classes wanted of k-means")
def main(
    acc: str, sets: str, out: str, context_width: int, central_position: int, pdf_class_list: str, mode: str,
    num_classes: int,
) -> None:  # fmt: skip
    """Cluster phones by their frames: halves of halves for questions, or a number of classes."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.cli.context_options import check_window, numbers_of
    from houseblend.io.streams import open_sink
    from houseblend.lang.phone_files import read_phone_sets
    from houseblend.tree.phone_clusters import phone_classes, phone_questions
    from houseblend.tree.statistics import TreeStatistics

    check_window(context_width, central_position)
    if (mode == "questions") != (num_classes == -1):
        raise UsageError("--num-classes belongs to --mode=k-means", do="give both or none")
    pdf_classes = numbers_of("--pdf-class-list", pdf_class_list)
    together, stats = read_phone_sets(sets), TreeStatistics.load(acc)
    if mode == "questions":
        found = phone_questions(stats, together, pdf_classes, central_position)
    else:
        found = phone_classes(stats, together, pdf_classes, central_position, num_classes)
    with open_sink(out) as sink:
        sink.write("".join(f"{' '.join(map(str, phones))}\n" for phones in found).encode())
    log(f"{len(found)} sets of phones")
