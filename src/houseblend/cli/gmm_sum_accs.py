"""gmm-sum-accs: sum of statistics."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-sum-accs 1.acc 1.1.acc 1.2.acc 1.3.acc")
@argument("total", help="where to write the sum")
@argument("parts", help="statistics, summed in this order", nargs=-1)
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(total: str, parts: tuple[str, ...], binary: bool) -> None:
    """Sum statistics of gmm-acc-stats-ali."""
    from houseblend.base.log import log
    from houseblend.gmm.accumulate import Accumulators

    stats = Accumulators.read(parts[0])
    for part in parts[1:]:
        stats.merge(Accumulators.read(part))
    stats.write(total, binary)
    log(f"summed {len(parts)} statistics of {stats.frames:.0f} frames")
