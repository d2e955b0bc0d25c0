"""copy-tree: copy a decision tree, to text or binary."""

from houseblend.cli.program import argument, option, program


@program(example="copy-tree --binary=false tree -")
@argument("tree", help="tree to read")
@argument("out", help="where to write it")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(tree: str, out: str, binary: bool) -> None:
    """Copy a decision tree."""
    from houseblend.base.log import log
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.objects import open_output

    copied = ContextDependency.load(tree)
    with open_output(out, binary) as target:
        copied.write(target)
    log(f"copied a tree of {copied.num_pdfs} pdfs")
