"""nnet-combine-fast: combine models of nnet2, with weights for each layer, so that they fit examples best."""

from typing import Any

from houseblend.cli.program import argument, option, options_of, program
from houseblend.train.nnet2_options import CombineOptions


@program(example="nnet-combine-fast --num-lbfgs-iters=40 18.mdl 19.mdl 20.mdl ark:valid.egs final.mdl")
@argument("files", nargs=-1, help="models, examples (rspecifier), and the model to write")
@options_of(CombineOptions, "Search")
@option("--binary", type=bool, default=True, help="Write in binary form")
@option("--num-threads", type=int, default=1, help="Taken as Kaldi's is; the result does not depend on it")
@option("--use-gpu", type=("yes", "no", "optional", "wait"), default="no", help="Taken as Kaldi's is; the CPU computes")
def main(files: tuple[str, ...], binary: bool, num_threads: int, use_gpu: str, **values: Any) -> None:
    """Write the combination; transition model and priors are the first model's."""
    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.base.options import chosen
    from houseblend.frames.nnet2_egs import read_nnet2_egs
    from houseblend.nnet.formats.nnet2 import read_nnet2_model, write_nnet2_model
    from houseblend.train.nnet2_combine import combined

    if len(files) < 3:
        raise UsageError(f"{len(files)} arguments", expected="one or more models, examples, and the model to write")
    *names, examples, target = files
    models = [read_nnet2_model(name) for name in names]
    networks = [model.network for model in models]
    models[0].network = combined(networks, list(read_nnet2_egs(examples)), chosen(CombineOptions, values))
    write_nnet2_model(target, models[0], binary)
    log(f"combined {len(names)} models into {target}")
