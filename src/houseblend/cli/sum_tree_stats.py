"""sum-tree-stats: sum of statistics for trees."""

from houseblend.cli.program import argument, option, program


@program(example="sum-tree-stats treeacc 1.treeacc 2.treeacc 3.treeacc")
@argument("total", help="where to write the sum")
@argument("parts", help="statistics, summed in this order", nargs=-1)
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(total: str, parts: tuple[str, ...], binary: bool) -> None:
    """Sum statistics of acc-tree-stats."""
    from houseblend.base.log import log
    from houseblend.io.objects import open_output
    from houseblend.tree.statistics import TreeStatistics

    stats = TreeStatistics.sum(TreeStatistics.load(part) for part in parts)
    with open_output(total, binary) as target:
        stats.write(target)
    log(f"summed {len(parts)} statistics: {len(stats)} states of phones in context")
