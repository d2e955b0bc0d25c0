"""gmm-align-compiled: Viterbi alignment to graphs of transcripts."""

from typing import Any

from houseblend.cli.feature_options import WITH_DELTAS
from houseblend.cli.program import argument, option, options_of, program, skipping
from houseblend.hmm.options import PathOptions


@program(
    example="gmm-align-compiled --self-loop-scale=0.1 --acoustic-scale=0.1 --beam=10 --retry-beam=40 "
    f"exp/mono/1.mdl ark:graphs.fsts {WITH_DELTAS} ark:ali.ark"
)
@argument("model", help="GMM-HMM")
@argument("graphs", help="graphs of compile-train-graphs, without transition probabilities")
@argument("feats", help="features as the model was trained on: normalised, with deltas")
@argument("alignments", help="where to write a transition-id of every frame")
@option("--transition-scale", type=float, default=1.0, help="Factor on transition log-probabilities")
@option("--self-loop-scale", type=float, default=1.0, help="Factor on those of self-loops")
@options_of(PathOptions, "Options")
@option("--careful", type=bool, default=False, help="Fail rather than stretch a transcript over other words behind it")
@option("--write-per-frame-acoustic-loglikes", help="Where to write the log-likelihood of every frame")
@skipping
def main(
    model: str, graphs: str, feats: str, alignments: str, transition_scale: float, self_loop_scale: float,
    careful: bool, write_per_frame_acoustic_loglikes: str | None, max_skipped: int | None, **values: Any,
) -> None:  # fmt: skip
    """Align features to transcripts."""
    from contextlib import ExitStack

    import numpy as np

    from houseblend.base.options import chosen
    from houseblend.cli.program import Skips
    from houseblend.gmm.align import equal_path
    from houseblend.gmm.model import read_model
    from houseblend.hmm.search import SearchGraph, align, careful_graph
    from houseblend.io.tables import open_table, read_table, write_table
    from houseblend.lang import fst_table  # noqa: F401

    options = chosen(PathOptions, values)
    transitions, mixtures = read_model(model)
    id_scores = transitions.scaled_log_probs(transition_scale, self_loop_scale)
    with ExitStack() as files, Skips(max_skipped) as skips:
        features = files.enter_context(open_table(feats, "matrix"))
        write = files.enter_context(write_table(alignments, "int-vector"))
        scores = write_per_frame_acoustic_loglikes
        write_scores = files.enter_context(write_table(scores, "vector")) if scores else None
        for key, fst in read_table(graphs, "fst"):
            if key not in features:
                skips.skip(key, "no features")
                continue
            if not len(features[key]):
                skips.skip(key, "no frames")
                continue
            loglikes = mixtures.log_likelihoods(features[key], key)
            graph = SearchGraph(careful_graph(fst) if careful else fst, transitions)
            path = align(graph, loglikes, options, key, id_scores)
            if path is None:
                short = equal_path(fst, len(features[key]), key) is None
                widest = max(options.beam, options.retry_beam)
                why = "too few frames for" if short else f"no path within beam {widest:g} through"
                skips.skip(key, f"{why} the transcript")
                continue
            write(key, path)
            if write_scores:
                write_scores(key, loglikes[np.arange(len(path)), transitions.id_to_pdf[path]])
            skips.done(key)
