"""Jobs as arrays of Slurm: sbatch, squeue, scancel."""

import os
import re
import signal
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from houseblend.base.log import warn
from houseblend.jobs.launcher import End, Handle
from houseblend.jobs.launchers.batch_system import BatchLauncher, Submitted
from houseblend.jobs.launchers.site import Site

DEFAULTS = Site(
    mem_flags="--mem={}M", time_flags="--time={}", thread_flags="--cpus-per-task={}", rank_flags="--ntasks={}",
    gpu_flags="--gres=gpu:{}",
)  # fmt: skip
_FIELDS = {"ArrayJobID": 20, "ArrayTaskID": 20, "State": 20, "exit_code": 12, "BatchHost": 80, "Reason": 80}
"""What squeue is asked for, with the widths of its columns; the reason stands last, as it may have blanks."""
_STATES = {
    "COMPLETED": "ok",
    "FAILED": "failed",
    "OUT_OF_MEMORY": "out of memory",
    "TIMEOUT": "time limit",
    "DEADLINE": "time limit",
    "PREEMPTED": "preempted",
    "NODE_FAIL": "node lost",
    "BOOT_FAIL": "node lost",
    "REVOKED": "node lost",
    "CANCELLED": "cancelled",
}
"""Terminal states, and the class of failure that each is."""
_NEVER = {"BadConstraints", "PartitionNodeLimit", "PartitionTimeLimit", "PartitionConfig"}
"""Reasons for which a job would wait for ever."""
_NO_PLACE = 53
"""The signal that Slurm reports for a job whose output file it could not open."""
_MEMORY = re.compile(r"exceeded (job )?memory limit|oom[-_ ]?kill", re.IGNORECASE)


class SlurmLauncher(BatchLauncher):
    """Runs jobs on a cluster that Slurm shares out. Finished jobs are seen as long as Slurm keeps them (MinJobAge)."""

    name = "slurm"
    cancel_by_name = ("scancel", "--name")
    task_variable = "SLURM_ARRAY_TASK_ID"

    def submit_words(self, submitted: Submitted, avoid: str) -> list[str]:
        """See `BatchLauncher`. Slurm does not requeue the jobs: a second copy would write the files of the first."""
        site, spec = self._site, submitted.batch.spec
        most = f"%{self._slots}" if self._slots else ""
        ranks, memory = [], site.words("mem_flags", submitted.memory_mb)
        if spec.ranks > 1:
            ranks = site.words("rank_flags", spec.ranks)
            if site.mem_flags == DEFAULTS.mem_flags:  # which is of a node, however many ranks it has
                memory = [f"--mem-per-cpu={submitted.memory_mb // spec.cores}M"]
        return [
            "sbatch", "--parsable", f"--job-name={submitted.name}", f"--array=1-{len(submitted.batch.numbers)}{most}",
            f"--output={_no_pattern(submitted.said(''))}%a", "--no-requeue", f"--chdir={os.getcwd()}",
            *memory, *ranks, *site.words("thread_flags", spec.cores),
            *(site.words("time_flags", submitted.minutes) if submitted.minutes else []),
            *(site.words("gpu_flags", spec.gpus) if spec.gpus else []),
            *([f"--partition={site.partition}"] if site.partition else []),
            *([f"--account={site.account}"] if site.account else []),
            *([f"--exclude={avoid}"] if avoid else []), *site.words("flags"),
        ]  # fmt: skip

    def handle_in(self, said: str) -> Handle:
        """See `BatchLauncher`: the last line is NUMBER or NUMBER;CLUSTER."""
        return said.strip().splitlines()[-1].partition(";")[0]

    def cancel_words(self, handle: Handle) -> list[str]:
        """See `BatchLauncher`."""
        return ["scancel", handle]

    def look(self, live: Mapping[Handle, Submitted]) -> dict[Handle, dict[int, End]]:
        """See `BatchLauncher`. One squeue, whatever the number of jobs."""
        wanted = ",".join(f"{name}:{width}" for name, width in _FIELDS.items())
        status, said = self.ask(["squeue", "-h", "-r", "-t", "all", "-j", ",".join(live), "-O", wanted])
        if status and "Invalid job id" not in said:
            warn(f"squeue does not answer, waiting: {said.strip()[-200:]}")
            return {}
        seen: dict[Handle, dict[int, End | None]] = {handle: {} for handle in live}
        for line in said.splitlines():
            fields = line.split(None, 5)
            if len(fields) == len(_FIELDS) and fields[0] in live and fields[1].isdigit():
                handle, task, state, code, host, reason = fields
                seen[handle][int(task)] = self._end(live[handle], int(task), state, int(code), host, reason.strip())
        ends: dict[Handle, dict[int, End]] = {}
        for handle, submitted in live.items():
            tasks = {task: seen[handle].get(task, _GONE) for task in range(1, len(submitted.batch.numbers) + 1)}
            ends[handle] = {task: end for task, end in tasks.items() if end is not None}
        for handle in [key for key, tasks in ends.items() if any(end.failure == "refused" for end in tasks.values())]:
            self.cancel(handle)
        return ends

    def _end(self, submitted: Submitted, task: int, state: str, code: int, host: str, reason: str) -> End | None:
        """How a task ended; None if it has not. `code` is a status as wait(2) has it: the exit's times 256, or the signal."""
        if state == "PENDING" and reason in _NEVER:
            return End(state, "refused", 0, f"Slurm would let it wait for ever: {reason}")
        if state not in _STATES:
            return None
        number, status = code & 127, code >> 8
        end = End(state, _STATES[state], -number or status, f"Slurm says {state}, {reason}", host)
        if end.failure != "failed":
            return end
        if number == _NO_PLACE:
            return replace(end, failure="file system", reason=f"Slurm could not write to {submitted.said(task).parent}")
        if _MEMORY.search(_text(submitted.said(task))):
            return replace(end, failure="out of memory", reason=f"it took more than {submitted.memory_mb} MB")
        if reason == "BadConstraints":
            return replace(end, failure="refused")
        if number:
            return replace(end, failure="killed", reason=f"ended by {_signal_name(number)}")
        return replace(end, reason=f"{end.reason}; see {submitted.said(task)}")


_GONE = End("gone", "ok", 0, "Slurm does not know the job any more")
"""Ended so long ago that Slurm has forgotten how: what the job has left tells the rest."""


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _no_pattern(path: Path | str) -> str:
    """A path in which sbatch sees no patterns."""
    return str(path).replace("%", "%%")


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""
