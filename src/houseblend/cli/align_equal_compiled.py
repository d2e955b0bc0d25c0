"""align-equal-compiled: alignments that share out the frames evenly."""

from houseblend.cli.program import argument, program, skipping


@program(example="align-equal-compiled ark:graphs.fsts scp:feats.scp ark:equal.ali")
@argument("graphs", help="graphs of compile-train-graphs")
@argument("feats", help="features, for their numbers of frames")
@argument("alignments", help="where to write a transition-id of every frame")
@skipping
def main(graphs: str, feats: str, alignments: str, max_skipped: int | None) -> None:
    """Align by a random path, its self-loops repeated equally often: the start of training."""
    from houseblend.cli.program import Skips
    from houseblend.gmm.align import equal_path
    from houseblend.io.tables import open_table, read_table, write_table
    from houseblend.lang import fst_table  # noqa: F401

    with (
        open_table(feats, "matrix") as features,
        write_table(alignments, "int-vector") as write,
        Skips(max_skipped) as skips,
    ):
        for key, graph in read_table(graphs, "fst"):
            if key not in features:
                skips.skip(key, "no features")
                continue
            path = equal_path(graph, len(features[key]), key)
            if path is None:
                skips.skip(key, f"{len(features[key])} frames are too few for the transcript")
                continue
            write(key, path)
            skips.done(key)
