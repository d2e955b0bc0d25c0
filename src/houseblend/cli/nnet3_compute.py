"""nnet3-compute: run features through a network."""

from houseblend.cli.feature_options import NORMALISED
from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.nnet.options import ChunkOptions, DeviceOptions


@program(example=f"nnet3-compute --use-priors=true exp/dnn/final.mdl {NORMALISED} ark:loglikes.ark")
@argument("model", help="network, .raw or .mdl (.mdl with --use-priors)")
@argument("features", help="features as the network was trained on: normalised, if it was trained so")
@argument("wspecifier", help="where to write the outputs")
@option("--use-priors", type=bool, default=False, help="Subtract the log priors of the .mdl")
@option("--apply-exp", type=bool, default=False, help="Write the exponential of the output")
@options_of(ChunkOptions, "Options")
@options_of(DeviceOptions, "Options")
@skipping
def main(
    model: str,
    features: str,
    wspecifier: str,
    use_priors: bool,
    apply_exp: bool,
    frames_per_chunk: int,
    device: str,
    max_skipped: int | None,
) -> None:
    """Compute the network's output for every frame of every utterance.

    Nothing is applied to the features before; the step compute_posteriors applies what a model directory records.
    """
    import numpy as np

    from houseblend.base.errors import InputError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table
    from houseblend.nnet.compute import compute
    from houseblend.nnet.formats.nnet3 import read_acoustic_model, read_network

    ChunkOptions(frames_per_chunk)
    acoustic = read_acoustic_model(model, device) if use_priors else None
    network = acoustic.network if acoustic else read_network(model, device)
    with write_table(wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(features, "matrix"):
            try:
                output = (
                    acoustic.log_likelihoods(feats_TD, frames_per_chunk)
                    if acoustic
                    else compute(network, feats_TD, frames_per_chunk)
                )
            except InputError as failure:
                skips.skip(key, failure)
                continue
            write(key, np.exp(output) if apply_exp else output)
            skips.done(key)
