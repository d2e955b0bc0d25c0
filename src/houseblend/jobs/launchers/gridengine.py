"""Jobs as arrays of GridEngine: qsub, qstat, qacct, qdel."""

import os
import pwd
import re
import time
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree

from houseblend.base.log import warn
from houseblend.jobs.launcher import End, Handle
from houseblend.jobs.launchers.batch_system import BatchLauncher, Submitted
from houseblend.jobs.launchers.site import Site
from houseblend.jobs.spec import JobResult

DEFAULTS = Site(
    mem_flags="-l mem_free={}M", time_flags="-l h_rt={}", thread_flags="-pe smp {}", rank_flags="-pe mpi {}",
    gpu_flags="-l gpu={}",
)  # fmt: skip
ACCOUNTING_SECONDS = 60.0
"""How long the account of a job that has failed may take to be written (GridEngine's flush_time is 15 seconds)."""
_BEFORE_JOB = range(1, 12)
_NO_PLACE = (26, 27, 28)
_LIMIT, _SIGNAL = 37, 100
"""Values of `failed` in an account: it could not begin; files, shell, folder; a limit; ended by a signal."""
Account = Mapping[str, str]
"""A record of qacct: field -> value."""


class GridEngineLauncher(BatchLauncher):
    """Runs jobs on a cluster that GridEngine shares out.

    A job has ended when qstat does not show it any more. The result that it has left tells of success; for anything else
    the account tells why.
    """

    name = "queue"
    cancel_by_name = ("qdel",)
    task_variable = "SGE_TASK_ID"

    def __init__(self, site: Site, slots: int | None = None) -> None:
        super().__init__(site, slots)
        self._deleted: set[tuple[Handle, int]] = set()
        self._gone: dict[tuple[Handle, int], float] = {}

    def submit_words(self, submitted: Submitted, avoid: str) -> list[str]:
        """See `BatchLauncher`. GridEngine does not run the jobs again: a second copy would write the files of the first."""
        site, spec = self._site, submitted.batch.spec
        return [
            "qsub", "-terse", "-N", submitted.name, "-t", f"1-{len(submitted.batch.numbers)}",
            *(["-tc", str(self._slots)] if self._slots else []), "-wd", os.getcwd(), "-S", "/bin/bash", "-r", "n",
            "-j", "y", "-o", str(submitted.said("$TASK_ID")), *site.words("mem_flags", submitted.memory_mb),
            *_slot_words(site, spec.cores, spec.ranks),
            *(site.words("time_flags", 60 * submitted.minutes) if submitted.minutes else []),
            *(site.words("gpu_flags", spec.gpus) if spec.gpus else []),
            *(["-q", site.partition] if site.partition else []), *(["-P", site.account] if site.account else []),
            *(["-soft", "-l", f"hostname=!{avoid}", "-hard"] if avoid else []), *site.words("flags"),
        ]  # fmt: skip

    def handle_in(self, said: str) -> Handle:
        """See `BatchLauncher`: the last line is NUMBER.FIRST-LAST:STEP."""
        return said.strip().splitlines()[-1].partition(".")[0]

    def cancel_words(self, handle: Handle) -> list[str]:
        """See `BatchLauncher`."""
        return ["qdel", handle]

    def look(self, live: Mapping[Handle, Submitted]) -> dict[Handle, dict[int, End]]:
        """See `BatchLauncher`. One qstat for all; qacct, which does not ask the master, for batches of which something failed."""
        status, said = self.ask(["qstat", "-u", pwd.getpwuid(os.getuid()).pw_name, "-xml"])
        try:
            states = _states(said)
        except ElementTree.ParseError:
            status = status or 1
        if status:
            warn(f"qstat does not answer, waiting: {said.strip()[-200:]}")
            return {}
        ends: dict[Handle, dict[int, End]] = {}
        for handle, submitted in live.items():
            here = {task: state for (number, task), state in states.items() if number == handle}
            self._end_stuck(handle, here)
            left = set(range(1, len(submitted.batch.numbers) + 1)) - set(here)
            ends[handle] = {task: End("gone", "ok") for task in left if _is_good(submitted, task)}
            if failed := left - set(ends[handle]) - {submitted.batch.numbers.index(n) + 1 for n in self._ended[handle]}:
                ends[handle] |= self._accounts(handle, submitted, failed)
        return ends

    def _end_stuck(self, handle: Handle, here: Mapping[int, str]) -> None:
        """Delete tasks in a state of error, so that their account tells why; remember which are being deleted by others."""
        for task, state in here.items():
            if "E" in state:
                self.ask(["qdel", handle, "-t", str(task)])
            elif "d" in state:
                self._deleted.add((handle, task))

    def _accounts(self, handle: Handle, submitted: Submitted, tasks: set[int]) -> dict[int, End]:
        """How tasks ended of which there is no good result; those of which nothing is known yet are left out."""
        status, said = self.ask(["qacct", "-j", handle])
        accounts = {
            int(account["taskid"]): account for account in _records(said) if account.get("taskid", "").isdigit()
        }
        is_silent = status != 0 and "not found" not in said
        ends = {}
        for task in tasks:
            since = self._gone.setdefault((handle, task), time.monotonic())
            if task in accounts:
                ends[task] = self._end(accounts[task], submitted, (handle, task) in self._deleted)
            elif is_silent or time.monotonic() - since > ACCOUNTING_SECONDS:
                ends[task] = End("gone", "ok", 0, "GridEngine has no account of the job")
        return ends

    def _end(self, account: Account, submitted: Submitted, deleted: bool) -> End:
        """How a task ended that qacct tells of."""
        failed, why = (account["failed"].split(None, 1) + [""])[:2]
        status = int(account["exit_status"].split()[0])
        host = account.get("hostname", "")
        reason = f"GridEngine says failed {failed} {why}, exit status {status}"
        if failed == "0" and status <= 128:
            see = f"{reason}; see {submitted.said(account['taskid'])}"
            return End("ended", "failed" if status else "ok", status, see, host)
        code = int(failed)
        if code in (*_BEFORE_JOB, *_NO_PLACE):
            return End("ended", "file system", status, reason, host)
        if code not in (0, _LIMIT, _SIGNAL):
            return End("ended", "node lost", status, reason, host)
        if submitted.minutes and float(account["ru_wallclock"].rstrip("s")) >= 60 * submitted.minutes:
            return End("ended", "time limit", status, f"it took more than {submitted.minutes} minutes", host)
        if code == _LIMIT:
            return End(
                "ended", "out of memory", status, f"it took more than it asked for, {submitted.memory_mb} MB", host
            )
        return End("ended", "cancelled" if deleted else "killed", status, reason, host)


def _is_good(submitted: Submitted, task: int) -> bool:
    result = JobResult.read(submitted.batch.result(submitted.batch.numbers[task - 1]))
    return result is not None and result.failure == "ok"


def _slot_words(site: Site, cores: int, ranks: int) -> list[str]:
    if ranks > 1:
        return site.words("rank_flags", cores * ranks)
    return site.words("thread_flags", cores) if cores > 1 else []


def _states(xml: str) -> dict[tuple[Handle, int], str]:
    """State of every task in qstat's answer.

    Raises:
        ElementTree.ParseError: it is none.
    """
    states = {}
    for job in ElementTree.fromstring(xml).iter("job_list"):
        for task in _tasks(job.findtext("tasks") or "1"):
            states[job.findtext("JB_job_number") or "", task] = job.findtext("state") or ""
    return states


def _tasks(text: str) -> Iterator[int]:
    """The numbers in `1`, `1,4` or `3-9:2`."""
    for first, last, step in re.findall(r"(\d+)(?:-(\d+))?(?::(\d+))?", text):
        yield from range(int(first), int(last or first) + 1, int(step or 1))


def _records(said: str) -> Iterator[Account]:
    """The records in qacct's answer."""
    for part in re.split(r"^=+$", said, flags=re.MULTILINE):
        lines = (line.split(None, 1) for line in part.splitlines())
        record = {words[0]: words[1].strip() for words in lines if len(words) == 2}
        if {"failed", "exit_status", "ru_wallclock"} <= set(record):
            yield record
