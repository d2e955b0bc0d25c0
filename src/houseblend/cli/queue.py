"""queue: run a command, or one for each number of a range, as jobs of GridEngine, each with its log."""

from houseblend.cli.job_array import WORDS, array_of, own_first, run_or_show, slots_of, with_batch_options, with_needs
from houseblend.cli.program import argument, program


@program(
    example="queue --mem=2G JOB=1:4 exp/x/log/feats.JOB.log copy-feats ark:in.JOB.ark ark:out.JOB.ark",
    before=own_first(pass_on=True),
)
@argument("words", nargs=-1, help=WORDS)
@with_needs
@with_batch_options
def main(
    words: tuple[str, ...], max_jobs_run: tuple[int, ...], num_threads: int, mem: str, gpu: int, time: int, config: str,
    flags: tuple[str, ...], dry_run: bool,
) -> None:  # fmt: skip
    """Run a command on a cluster, once, or for every number of a range; NAME in the log's name and in the command becomes the number.

    Options stand before the log file, as for Kaldi's queue.pl; those with one dash (-q all.q) are handed on to qsub. The batch
    script is kept beside the logs. Ctrl-C, or the end of this program for whatever reason, cancels what it has submitted. The
    command is not seen by a shell unless one of its words is |, ||, &&, ;, <, > or >>.
    """
    from houseblend.jobs.launchers import batch_launcher_of

    spec, folder = array_of(words, num_threads, mem, gpus=gpu, minutes=time)
    run_or_show(spec, folder, batch_launcher_of("queue", config, slots_of(max_jobs_run), " ".join(flags)), dry_run)
