"""nbest-to-linear: alignment, words and costs of lattices that are single paths."""

from houseblend.cli.program import argument, program


@program(example="nbest-to-linear ark:best.ark ark,t:best.ali ark,t:best.words ark,t:best.lm ark,t:best.ac")
@argument("words", nargs=-1, help="lattices, then alignments, words [, graph costs [, acoustic costs]] to write")
def main(words: tuple[str, ...]) -> None:
    """Take single paths apart."""
    from contextlib import ExitStack

    from houseblend.base.errors import UsageError
    from houseblend.cli.program import Skips
    from houseblend.decode.lattice import read_lattice_table
    from houseblend.decode.paths import best_path
    from houseblend.io.tables import write_table

    if not 3 <= len(words) <= 5:
        raise UsageError(f"{len(words)} arguments", expected="LATTICES ALI WORDS [LM-COST [AC-COST]]")
    kinds = ("int-vector", "int-vector", "float", "float")
    with ExitStack() as stack, Skips(0, "lattices", words[0]) as skips:
        writers = [stack.enter_context(write_table(name, kind)) for name, kind in zip(words[1:], kinds, strict=False)]
        for key, lattice in read_lattice_table(words[0]):
            path = best_path(lattice)
            if path is None:
                skips.skip(key, "the lattice is empty")
                continue
            for write, value in zip(writers, (path.ids, path.words, path.graph, path.acoustic), strict=False):
                write(key, value)
            skips.done(key)
