"""gmm-init-model: a GMM-HMM for a new tree, from the tree's statistics or an older model."""

from houseblend.cli.program import argument, option, program


@program(example="gmm-init-model --write-occs=1.occs tree treeacc data/lang/topo 1.mdl")
@argument("tree", help="decision tree")
@argument("acc", help="statistics of acc-tree-stats that the tree was built from")
@argument("topology", help="topo of a lang directory")
@argument("model", help="model to write")
@argument("old", nargs=-1, required=False, help="tree and model of an older system whose mixtures are taken")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--var-floor", type=float, default=0.01, help="Floor of variances")
@option("--write-occs", help="Where to write the frames of every pdf")
def main(
    tree: str, acc: str, topology: str, model: str, old: tuple[str, ...], binary: bool, var_floor: float,
    write_occs: str | None,
) -> None:  # fmt: skip
    """Write a model with the topology's transition probabilities, and one Gaussian a pdf or an older model's mixtures."""
    import numpy as np

    from houseblend.base.errors import UsageError
    from houseblend.base.log import log
    from houseblend.gmm.from_tree import borrowed_mixtures, occupancy, single_gaussians
    from houseblend.gmm.model import read_model, write_model
    from houseblend.hmm.topology import HmmTopology
    from houseblend.hmm.transition_model import TransitionModel
    from houseblend.hmm.tree import ContextDependency
    from houseblend.io.tables import write_object
    from houseblend.tree.statistics import TreeStatistics

    if len(old) not in (0, 2):
        raise UsageError(f"{len(old)} files of an older system", expected="its tree and its model", do="name both")
    decisions, stats = ContextDependency.load(tree), TreeStatistics.load(acc)
    transitions = TransitionModel.initial(HmmTopology.load(topology), decisions)
    if old:
        of_old = ContextDependency.load(old[0]), read_model(old[1])[1]
        mixtures = borrowed_mixtures(decisions, stats, *of_old, var_floor)
    else:
        mixtures = single_gaussians(decisions, stats, var_floor)
    if write_occs:
        write_object(write_occs, "vector", occupancy(decisions, stats).astype(np.float32), binary)
    write_model(model, transitions, mixtures, binary)
    log(f"wrote a model of {mixtures.num_pdfs} pdfs and {mixtures.num_gaussians} Gaussians")
