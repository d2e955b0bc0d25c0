"""nnet-compute-from-egs: run the examples of nnet2 through a network."""

from houseblend.cli.program import argument, program


@program(example="nnet-compute-from-egs 'nnet-to-raw-nnet final.mdl -|' ark:egs.1.ark ark:posteriors.ark")
@argument("raw_nnet", help="network of nnet2")
@argument("egs_rspecifier", help="examples of nnet2, whose targets are passed over")
@argument("matrix_wspecifier", help="outputs to write, a matrix of one row for each example")
def main(raw_nnet: str, egs_rspecifier: str, matrix_wspecifier: str) -> None:
    """Compute the network's output of every example; all have the key global, as in Kaldi."""
    from houseblend.cli.program import Skips
    from houseblend.frames.nnet2_egs import read_nnet2_egs
    from houseblend.io.tables import write_table
    from houseblend.nnet.formats.nnet2 import read_nnet2
    from houseblend.train.nnet2 import minibatches

    network = read_nnet2(raw_nnet)
    with write_table(matrix_wspecifier, "matrix") as write, Skips(0, "examples") as skips:
        for batch in minibatches(read_nnet2_egs(egs_rspecifier), network, 1000):
            for row in network.forward(batch.x)[:, 0].numpy():
                write("global", row[None])
                skips.done()
