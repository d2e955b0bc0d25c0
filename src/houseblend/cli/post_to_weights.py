"""post-to-weights: the weight of every frame of posteriors."""

from houseblend.cli.program import argument, program


@program(example="post-to-weights ark:nosil.post ark,t:-")
@argument("posteriors", help="posteriors")
@argument("weights", help="where to write the vectors of weights")
def main(posteriors: str, weights: str) -> None:
    """Add up the weights of each frame."""
    from houseblend.cli.program import Skips
    from houseblend.hmm.posterior import frame_weights
    from houseblend.io.tables import read_table, write_table

    with write_table(weights, "vector") as write, Skips(0, "posteriors") as skips:
        for key, posterior in read_table(posteriors, "posterior"):
            write(key, frame_weights(posterior))
            skips.done(key)
