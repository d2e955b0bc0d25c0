"""copy-post: copy posteriors, scaled if wanted."""

from houseblend.cli.program import argument, option, program


@program(example="copy-post --scale=0.5 ark:1.post ark,t:-")
@argument("posteriors_in", help="posteriors to read")
@argument("posteriors_out", help="where to write them")
@option("--scale", type=float, default=1.0, help="Factor")
def main(posteriors_in: str, posteriors_out: str, scale: float) -> None:
    """Copy posteriors."""
    from houseblend.cli.program import Skips
    from houseblend.hmm.posterior import scaled
    from houseblend.io.tables import read_table, write_table

    with write_table(posteriors_out, "posterior") as write, Skips(0, "posteriors") as skips:
        for key, posterior in read_table(posteriors_in, "posterior"):
            write(key, scaled(posterior, scale))
            skips.done(key)
