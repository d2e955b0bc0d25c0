"""gmm-init-model-flat: a model of a tree whose Gaussians are all alike."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program


@program(example=f"gmm-init-model-flat exp/tri1/tree data/lang/topo 1.mdl {WITH_DELTAS}")
@argument("tree", help="decision tree")
@argument("topology", help="topo of a lang directory")
@argument("model", help="model to write")
@argument("feats", help="features whose mean and variance the Gaussians have; default: 0 and 1", required=False)
@option("--dim", type=int, default=40, help="Numbers per frame, if there are no features")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
def main(tree: str, topology: str, model: str, feats: str | None, dim: int, binary: bool) -> None:
    """Write a model with one Gaussian a pdf and the topology's transition probabilities."""
    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.gmm.flat_start import flat_mixtures, moments
    from houseblend.gmm.model import write_model
    from houseblend.hmm.topology import HmmTopology
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.tables import read_table

    if dim < 1:
        raise UsageError(f"--dim={dim}", expected="at least 1")
    decisions, hmms = ContextDependency.load(tree), HmmTopology.load(topology)
    mean, variance = np.zeros(dim), np.ones(dim)
    if feats:
        mean, variance = moments([feats_TD for _, feats_TD in read_table(feats, "matrix")])
    mixtures = flat_mixtures(decisions.num_pdfs, mean, variance)
    write_model(model, TransitionModel.initial(hmms, decisions), mixtures, binary)
    log(f"wrote a model of {mixtures.num_pdfs} pdfs")
