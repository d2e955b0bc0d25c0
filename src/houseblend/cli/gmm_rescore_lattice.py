"""gmm-rescore-lattice: give lattices the acoustic costs of another GMM-HMM or of other features."""

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, program, skipping


@program(example=f"gmm-rescore-lattice final.mdl ark:lat.ark {WITH_DELTAS} ark:rescored.ark")
@argument("model", help="GMM-HMM with the transition-ids of the lattices")
@argument("lattices", help="lattices (rspecifier), as a rule not determinised (--determinize-lattice=false)")
@argument("feats", help="features as the model wants them")
@argument("wspecifier", help="lattices to write")
@option("--old-acoustic-scale", type=float, default=0.0, help="Factor on the old acoustic costs, which are added")
@skipping
def main(
    model: str, lattices: str, feats: str, wspecifier: str, old_acoustic_scale: float, max_skipped: int | None
) -> None:
    """Replace the acoustic costs, and keep the paths."""
    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.state_lattice import rescore_acoustics
    from houseblend.gmm.model import read_model
    from houseblend.io.tables import open_table, write_table

    transitions, mixtures = read_model(model)
    with (
        open_table(feats, "matrix") as features,
        write_table(wspecifier, "lattice") as write,
        Skips(max_skipped, "lattices", lattices) as skips,
    ):
        for key, lattice in read_lattice_table(lattices):
            if key not in features:
                skips.skip(key, "no features")
                continue
            loglikes = mixtures.log_likelihoods(features[key], key)
            try:
                write(key, rescore_acoustics(lattice, loglikes, transitions.id_to_pdf, old_acoustic_scale))
            except InputError as failure:
                skips.skip(key, failure)
                continue
            skips.done(key)
