"""nnet-am-compute: run features through an acoustic model of nnet2."""

from houseblend.cli.program import argument, option, program, skipping


@program(example="nnet-am-compute --apply-log=true final.mdl scp:feats.scp ark:log_posteriors.ark")
@argument("model", help="acoustic model of nnet2")
@argument("features", help="features as the model was trained on")
@argument("wspecifier", help="where to write the outputs")
@option("--divide-by-priors", type=bool, default=False, help="Divide by the priors, and normalise again")
@option("--apply-log", type=bool, default=False, help="Write logarithms")
@option("--pad-input", type=bool, default=True, help="Repeat the first and last frame as context")
@option("--use-gpu", type=("yes", "no", "optional"), default="no", help="Taken as Kaldi's is; the CPU computes")
@skipping
def main(
    model: str, features: str, wspecifier: str, divide_by_priors: bool, apply_log: bool, pad_input: bool, use_gpu: str,
    max_skipped: int | None,
) -> None:  # fmt: skip
    """Compute posteriors of pdfs for every frame."""
    import numpy as np

    from houseblend.base.errors import HouseBlendError, InputError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import read_table, write_table
    from houseblend.nnet.formats.nnet2 import read_nnet2_model

    found = read_nnet2_model(model)
    if divide_by_priors and (not len(found.priors) or not (found.priors > 0).all()):
        raise InputError("the model has no positive priors", file=model, do="run nnet-adjust-priors on it")
    with write_table(wspecifier, "matrix") as write, Skips(max_skipped) as skips:
        for key, feats_TD in read_table(features, "matrix"):
            try:
                output_TP = found.network.compute(feats_TD, pad_input)
            except HouseBlendError as failure:
                skips.skip(key, failure)
                continue
            if divide_by_priors:
                output_TP = output_TP / found.priors
                output_TP /= output_TP.sum(axis=1, keepdims=True)
            write(key, np.log(np.maximum(output_TP, np.float32(1e-20))) if apply_log else output_TP)
            skips.done(key)
