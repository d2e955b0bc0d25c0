"""est-mllt: an MLLT transform of statistics."""

from houseblend.cli.program import argument, option, program


@program(example="est-mllt 2.mat.new 2.1.macc 2.2.macc")
@argument("matrix", help="where to write the transform")
@argument("accs", nargs=-1, help="statistics of gmm-acc-mllt, which are added up")
@option("--binary", type=bool, default=True, help="Write in Kaldi's binary form")
def main(matrix: str, accs: tuple[str, ...], binary: bool) -> None:
    """Estimate the rotation of features in which diagonal Gaussians fit best; compose-transforms puts it behind others,
    gmm-transform-means takes the model along."""
    import numpy as np

    from houseblend.base.log import log, warn
    from houseblend.gmm.mllt import MlltStats
    from houseblend.gmm.statistics import load_sum
    from houseblend.io.tables import write_object

    stats = load_sum(MlltStats, accs)
    count = stats.rows.count
    if count < 10 * stats.dim:
        warn(f"{count:g} frames for MLLT of {stats.dim} dimensions")
    transform, gain = stats.estimate()
    write_object(matrix, "matrix", transform.astype(np.float32), binary)
    _, log_det = np.linalg.slogdet(transform)
    log(f"improvement per frame {gain:.6g} over {count:g} frames; log-determinant {log_det:.6g}")
