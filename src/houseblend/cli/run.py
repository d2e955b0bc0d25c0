"""run: run a command, or one for each number of a range, on this machine, each with its log."""

from houseblend.cli.job_array import WORDS, array_of, own_first, slots_of, with_needs
from houseblend.cli.program import argument, program


@program(
    example="run --max-jobs-run=2 JOB=1:4 exp/x/log/feats.JOB.log copy-feats ark:in.JOB.ark ark:out.JOB.ark",
    before=own_first(pass_on=False, unused=frozenset({"--config", "--gpu"})),
)
@argument("words", nargs=-1, help=WORDS)
@with_needs
def main(words: tuple[str, ...], max_jobs_run: tuple[int, ...], num_threads: int, mem: str) -> None:
    """Run a command once, or for every number of a range; NAME in the log's name and in the command becomes the number.

    Options stand before the log file, as for Kaldi's run.pl; those of queueing systems (-l, -q, -pe, --gpu, ...) are taken
    and have no effect. The command is not seen by a shell unless one of its words is |, ||, &&, ;, <, > or >>.
    """
    from houseblend.jobs.array import check, run_spec
    from houseblend.jobs.launchers.local import LocalLauncher

    launcher = LocalLauncher(slots_of(max_jobs_run))
    check(run_spec(*array_of(words, num_threads, mem), launcher))
