"""cmvn-to-nnet: CMVN statistics as components of nnet1."""

from houseblend.cli.program import argument, option, program


@program(example="cmvn-to-nnet --binary=false cmvn-g.stats cmvn.nnet")
@argument("stats", help="global statistics of compute-cmvn-stats")
@argument("nnet_out", help="network to write")
@option("--binary", type=bool, default=False, help="Write in binary form")
@option("--std-dev", type=float, default=1.0, help="Standard deviation of the output")
@option("--var-floor", type=float, default=1e-10, help="Variances below are raised to it")
@option("--learn-rate-coef", type=float, default=0.0, help="Factor on the learning rate of both components")
def main(stats: str, nnet_out: str, binary: bool, std_dev: float, var_floor: float, learn_rate_coef: float) -> None:
    """Write <AddShift> and <Rescale>, which make the mean 0 and the standard deviation 1."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet1 import write_nnet1
    from houseblend.nnet.nnet1.normalise import normalising

    if min(std_dev, var_floor) <= 0.0:
        raise UsageError(f"--std-dev={std_dev}, --var-floor={var_floor}", expected="numbers above 0")
    network = normalising(stats, std_dev, var_floor, learn_rate_coef)
    write_nnet1(nnet_out, network, binary)
    log(f"wrote the normalisation of {network.input_dim} dims to {nnet_out}")
