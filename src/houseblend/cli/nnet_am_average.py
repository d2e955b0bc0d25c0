"""nnet-am-average: average acoustic models of nnet2."""

from houseblend.cli.program import argument, option, program


@program(example="nnet-am-average --weights=1:2:1 1.mdl 2.mdl 3.mdl mean.mdl")
@argument("files", nargs=-1, help="models to average, then where to write the mean")
@option("--weights", default="", help="Weights separated by colons, one per model; normalised to sum to one")
@option("--skip-last-layer", type=bool, default=False, help="Take the last trained layer of the first model")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(files: tuple[str, ...], weights: str, skip_last_layer: bool, binary: bool) -> None:
    """Write the mean of parameters and statistics; transition model and priors are the first model's."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model
    from houseblend.nnet.nnet2.edits import averaged

    count = len(files) - 1
    if count < 1:
        raise UsageError("too few files", expected="one or more models, then the model to write")
    try:
        numbers = [float(word) for word in weights.split(":")] if weights else [1.0] * count
    except ValueError:
        numbers = []
    if len(numbers) != count or not sum(numbers) > 0:
        raise UsageError(f"--weights={weights}", expected=f"{count} numbers separated by colons, of a sum above 0")
    models = [read_nnet2_model(name) for name in files[:-1]]
    shares = [number / sum(numbers) for number in numbers]
    models[0].network = averaged([model.network for model in models], shares, skip_last_layer)
    write_nnet2_model(files[-1], models[0], binary)
    log(f"averaged {count} models into {files[-1]}")
