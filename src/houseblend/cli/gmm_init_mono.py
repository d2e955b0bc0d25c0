"""gmm-init-mono: a monophone model to start training from."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program


@program(
    example=f"gmm-init-mono --shared-phones=lang/phones/sets.int --train-feats={WITH_DELTAS} lang/topo 39 0.mdl tree"
)
@argument("topology", help="topo of a lang directory")
@argument("dim", type=int, help="numbers per frame")
@argument("model", help="model to write")
@argument("tree", help="decision tree to write")
@option("--binary", type=bool, default=True, help="Write Kaldi's binary form")
@option("--shared-phones", help="Sets of phones that share pdfs, one a line [default: every phone its own]")
@option("--train-feats", help="Features whose mean and variance to take, of ten utterances [default: 0 and 1]")
def main(
    topology: str, dim: int, model: str, tree: str, binary: bool, shared_phones: str | None, train_feats: str | None
) -> None:
    """Write a monophone tree, and a model with one Gaussian a pdf, all alike."""
    from itertools import islice

    import numpy as np

    from houseblend.base.errors import InputError
    from houseblend.base.log import log
    from houseblend.gmm.flat_start import INITIAL_UTTERANCES, flat_model, moments
    from houseblend.gmm.model import write_model
    from houseblend.hmm.topology import HmmTopology
    from houseblend.io.objects import open_output
    from houseblend.io.tables import read_table
    from houseblend.lang.phone_files import read_phone_sets

    hmms = HmmTopology.load(topology)
    sets = read_phone_sets(shared_phones) if shared_phones else [[phone] for phone in hmms.phones]
    mean, variance = np.zeros(dim), np.ones(dim)
    if train_feats:
        feats = [feats_TD for _, feats_TD in islice(read_table(train_feats, "matrix"), INITIAL_UTTERANCES)]
        for feats_TD in feats:
            if feats_TD.shape[1] != dim:
                raise InputError(f"features of dimension {feats_TD.shape[1]}", expected=f"dimension {dim}")
        mean, variance = moments(feats)
    decisions, transitions, mixtures = flat_model(hmms, sets, mean, variance)
    write_model(model, transitions, mixtures, binary)
    with open_output(tree, binary) as target:
        decisions.write(target)
    log(f"wrote a model of {mixtures.num_pdfs} pdfs")
