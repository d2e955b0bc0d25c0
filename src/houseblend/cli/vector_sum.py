"""vector-sum: add up vectors."""

from houseblend.cli.program import argument, option, program


@program(example="vector-sum --binary=false 'ark:matrix-sum-rows ark:posteriors.ark ark:- |' post.vec")
@argument("vectors", nargs=-1, help="one table, several files, or several tables; then where to write the sum")
@option("--binary", type=bool, default=True, help="Binary form, where one vector is written")
@option("--average", type=bool, default=False, help="The mean of the vectors of one table, not the sum")
def main(vectors: tuple[str, ...], binary: bool, average: bool) -> None:
    """Add all vectors of a table, those of several files, or those of several tables that have the same key."""
    import contextlib

    import numpy as np

    from houseblend.base.errors import InputError, UsageError
    from houseblend.cli.program import Skips
    from houseblend.io.tables import is_specifier, open_table, read_object, read_table, write_object, write_table

    def added(total: np.ndarray | None, values: np.ndarray, key: str) -> np.ndarray:
        if total is not None and len(total) != len(values):
            raise InputError(f"{len(values)} elements", key=key, expected=f"{len(total)}, as in the vectors before")
        return values.astype(np.float64) + (0 if total is None else total)

    *sources, target = vectors
    tables = sum(map(is_specifier, sources))
    if (
        not sources
        or tables not in (0, len(sources))
        or (is_specifier(target) and not tables)
        or (tables > 1 and not is_specifier(target))
    ):
        raise UsageError(" ".join(vectors), expected="a table and a file; files; or tables")
    if is_specifier(target):
        with contextlib.ExitStack() as stack:
            write, skips = (
                stack.enter_context(write_table(target, "vector")),
                stack.enter_context(Skips(None, "vectors")),
            )
            others = [stack.enter_context(open_table(name, "vector")) for name in sources[1:]]
            for key, values in read_table(sources[0], "vector"):
                try:
                    total = added(None, values, key)
                    for table in others:
                        total = added(total, table[key], key)
                except InputError as failure:
                    skips.skip(key, failure)
                    continue
                write(key, total.astype(np.float32))
                skips.done(key)
        return
    total, count = None, 0
    for key, values in (
        read_table(sources[0], "vector") if tables else ((name, read_object(name, "vector")) for name in sources)
    ):
        total, count = added(total, values, key), count + 1
    if total is None:
        raise InputError("no vectors", file=sources[0], do="check the table")
    write_object(target, "vector", (total / count if average else total).astype(np.float32), binary)
