"""run-part: work on some of a step's items, as a job of --launcher."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="run-part exp/ali/.parts/utterances.x/work 0f3a... 0 100 exp/ali/.parts/utterances.x/1.0")
@argument("work", type=Path, help="what to do, as the step has written it")
@argument("digest", help="SHA-256 of that file")
@argument("first", type=int, help="number of the first item, from 0")
@argument("last", type=int, help="number behind the last item")
@argument("out", type=Path, help="file to write: the results")
def main(work: Path, digest: str, first: int, last: int, out: Path) -> None:
    """Work on a part of what a step shares out; the step puts the results of all parts together."""
    from houseblend.jobs.parts import run_part

    run_part(work, digest, first, last, out)
