"""run: run a command for JOB=1:n on this machine, each with its log."""

from houseblend.cli.program import argument, option, program


@program(
    example="run --max-jobs-run=2 JOB=1:4 exp/x/log/feats.JOB.log copy-feats ark:in.JOB.ark ark:out.JOB.ark",
    passes_on=True,
)
@argument("words", nargs=-1, help="[JOB=1:n] LOG COMMAND ...; options of run stand before them")
@option("--max-jobs-run", type=int, default=None, help="Jobs at a time; default: what cores and memory allow")
def main(words: tuple[str, ...], max_jobs_run: int | None) -> None:
    """Run a command once, or for every JOB in a range; JOB in the log's name and in the command becomes the number."""
    import re

    from houseblend.base.errors import UsageError
    from houseblend.jobs.local import run_array

    first = re.fullmatch(r"JOB=1:(\d+)", words[0])
    num_jobs = int(first[1]) if first else 1
    rest = words[1:] if first else words
    if len(rest) < 2 or num_jobs < 1 or (num_jobs > 1 and "JOB" not in rest[0]):
        raise UsageError("bad arguments", expected="[JOB=1:n] LOG COMMAND ..., with JOB in LOG if there are several")
    run_array(rest[1:], num_jobs, rest[0], max_jobs_run)
