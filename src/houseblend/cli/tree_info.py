"""tree-info: number of pdfs and context of a decision tree."""

from houseblend.cli.program import argument, program


@program(example="tree-info exp/mono/tree")
@argument("tree", help="tree to read")
def main(tree: str) -> None:
    """Print the number of pdfs and the width of the context."""
    from houseblend.hmm.tree import ContextDependency

    read = ContextDependency.load(tree)
    print(f"num-pdfs {read.num_pdfs}\ncontext-width {read.context_width}\ncentral-position {read.central_position}")
