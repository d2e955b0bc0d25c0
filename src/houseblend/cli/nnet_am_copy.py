"""nnet-am-copy: copy a model of nnet2, to text or binary, or change its learning rates."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-am-copy --learning-rate=0.002 0.mdl 1.mdl")
@argument("model_in", help="acoustic model of nnet2")
@argument("model_out", help="where to write it")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--learning-rate-factor", type=float, default=1.0, help="Multiply all learning rates")
@option("--learning-rate", type=float, help="Set all learning rates")
@option("--learning-rates", default="", help="Set them one by one, separated by colons")
@option("--remove-dropout", type=bool, default=False, help="Taken as Kaldi's is; models with dropout are not read")
def main(
    model_in: str, model_out: str, binary: bool, learning_rate_factor: float, learning_rate: float | None,
    learning_rates: str, remove_dropout: bool,
) -> None:  # fmt: skip
    """Copy an acoustic model of nnet2."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model

    model = read_nnet2_model(model_in)
    trained = model.network.trained
    rates = [learning_rate_factor * component.learning_rate for component in trained]
    if learning_rate is not None:
        rates = [learning_rate] * len(trained)
    if learning_rates:
        try:
            rates = [float(word) for word in learning_rates.split(":")]
        except ValueError:
            rates = []
        if len(rates) != len(trained):
            expected = f"{len(trained)} numbers separated by colons"
            raise UsageError(f"--learning-rates={learning_rates}", expected=expected)
    for component, rate in zip(trained, rates, strict=True):
        component.learning_rate = rate
    write_nnet2_model(model_out, model, binary)
    log(f"copied {model_in} to {model_out}")
