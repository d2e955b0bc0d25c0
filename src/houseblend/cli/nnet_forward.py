"""nnet-forward: run features through a network of nnet1."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="nnet-forward --no-softmax=true --class-frame-counts=counts final.nnet scp:feats.scp ark:loglikes.ark")
@argument("nnet", help="network of nnet1")
@argument("features", help="features as the network was trained on")
@argument("wspecifier", help="where to write the outputs")
@option("--feature-transform", default="", help="Network in front")
@option("--no-softmax", type=bool, default=False, help="Leave out the last component if it is <Softmax>")
@option("--apply-log", type=bool, default=False, help="Write the logarithm of the output")
@option("--class-frame-counts", default="", help="Counts of the classes, whose scaled log priors are subtracted")
@option("--prior-scale", type=float, default=1.0, help="Factor on the log priors")
@option("--prior-floor", type=float, default=1e-10, help="Classes whose prior is below get no likelihood")
@option("--use-gpu", type=("yes", "no", "optional"), default="no", help="Taken as Kaldi's is; the CPU computes")
@skipping
def main(
    nnet: str,
    features: str,
    wspecifier: str,
    feature_transform: str,
    no_softmax: bool,
    apply_log: bool,
    class_frame_counts: str,
    prior_scale: float,
    prior_floor: float,
    use_gpu: str,
    max_skipped: int | None,
) -> None:
    """Compute the network's output for every frame; subtract log priors from log posteriors or what is before the softmax."""
    import numpy as np

    from houseblend.base.errors import HouseBlendError, InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table
    from houseblend.nnet.formats.nnet1 import read_nnet1
    from houseblend.nnet.nnet1.network import concatenated
    from houseblend.nnet.nnet1.priors import log_priors

    if apply_log and no_softmax:
        raise UsageError("--apply-log=true, --no-softmax=true", expected="one of them")
    network = read_nnet1(nnet)
    if no_softmax:
        network = network.without_softmax()
    if feature_transform:
        network = concatenated([read_nnet1(feature_transform), network])
    priors_P = log_priors(class_frame_counts, prior_floor) if class_frame_counts else np.zeros(1, np.float32)
    if len(priors_P) not in (1, network.output_dim):
        what = f"{len(priors_P)} counts"
        raise InputError(what, file=class_frame_counts, expected=f"{network.output_dim}, the outputs of {nnet}")
    with write_table(wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(features, "matrix"):
            try:
                output_TP = network.compute(feats_TD)
            except HouseBlendError as failure:
                skips.skip(key, failure)
                continue
            if apply_log:
                output_TP = np.log(output_TP + np.float32(1e-20))
            write(key, output_TP - np.float32(prior_scale) * priors_P)
            skips.done(key)
