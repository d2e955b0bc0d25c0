"""nnet3-am-init: make an acoustic model of a transition model and a network."""

from houseblend.cli.program import argument, option, program


@program(example="nnet3-am-init final.mdl 0.raw 0.mdl")
@argument("files", nargs=-1, help="transition model (any .mdl), or tree and topology; network; model to write")
@option("--binary", type=bool, default=True, help="Write in binary form")
def main(files: tuple[str, ...], binary: bool) -> None:
    """Join a transition model and a network; priors are set later by nnet3-am-adjust-priors."""
    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.hmm.topology import HmmTopology
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency
    from houseblend.nnet.acoustic_model import AcousticModel
    from houseblend.nnet.formats.nnet3 import read_network, write_acoustic_model

    if len(files) not in (3, 4):
        raise UsageError(
            f"{len(files)} files", expected="transition-model network model, or tree topology network model"
        )
    if len(files) == 3:
        transition_model = TransitionModel.load(files[0])
    else:
        transition_model = TransitionModel.initial(HmmTopology.load(files[1]), ContextDependency.load(files[0]))
    model = AcousticModel(transition_model, read_network(files[-2]), np.empty(0, dtype=np.float32), file=files[-2])
    write_acoustic_model(files[-1], model, binary)
    log(f"wrote the acoustic model {files[-1]}")
