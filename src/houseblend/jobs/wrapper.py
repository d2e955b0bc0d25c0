"""Runs one job of a specification: `python -m houseblend.jobs.wrapper spec.json JOB ATTEMPT`.

The log begins with the command and ends with its status; the result goes to `result.JOB.ATTEMPT.json` beside the
specification.
The job dies with its wrapper, and the wrapper with its launcher.
"""

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from houseblend.base.errors import EXIT_FAILURE, HouseBlendError, class_and_message
from houseblend.base.fingerprint import hash_file
from houseblend.base.log import error
from houseblend.base.process import die_with_parent
from houseblend.jobs.spec import Job, JobResult, JobSpec, result_file


def main() -> None:
    """Run the job named on the command line; the exit status is the job's, 1 if an output is missing."""
    spec_path, number, attempt = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    die_with_parent()
    job = JobSpec.read(spec_path).numbered(number).attempt(attempt)
    note = spec_path.parent / f"failure.{number}.{attempt}.json"
    start = time.time()
    status = run_logged(job, {**os.environ, "HOUSEBLEND_FAILURE": str(note)})
    missing = [path for path in job.outputs if not Path(path).is_file()]
    failure, message = _classify(status, missing, note)
    outputs = {path: [Path(path).stat().st_size, hash_file(path)] for path in job.outputs} if failure == "ok" else {}
    result = JobResult(number, attempt, failure, message, status, outputs, round(time.time() - start, 2), job.log)
    result.write(result_file(spec_path.parent, number, attempt))
    note.unlink(missing_ok=True)
    sys.exit(0 if failure == "ok" else abs(status) or 1)


def run_logged(job: Job, environment: dict[str, str]) -> int:
    """Run the command with its output in its log; returns the status, negative for a signal."""
    Path(job.log).parent.mkdir(parents=True, exist_ok=True)
    start = time.time()
    with open(job.log, "w", encoding="utf-8") as log:
        print(
            f"# {shlex.join(job.argv)}\n# Started at {time.strftime('%F %T')} on {os.uname().nodename}",
            file=log,
            flush=True,
        )
        try:
            process = subprocess.Popen(
                job.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, preexec_fn=die_with_parent
            )
            status = process.wait()
        except OSError as failure:
            print(f"cannot start: {failure}", file=log)
            status = 127
        seconds = time.time() - start
        print(f"# Ended (code {status}) at {time.strftime('%F %T')}, elapsed time {seconds:.1f} seconds", file=log)
    return status


def _classify(status: int, missing: list[str], note: Path) -> tuple[str, str]:
    """Class and message of the failure, from the note that our programs leave and from the status."""
    if status == 0:
        return ("no output", f"no output {missing[0]}") if missing else ("ok", "")
    try:
        told = json.loads(note.read_text())
        return told["class"], told["message"]
    except (OSError, ValueError, KeyError):
        pass
    by_signal = {signal.SIGTERM: "preempted", signal.SIGXCPU: "time limit"}
    if status < 0:
        return by_signal.get(signal.Signals(-status), "killed"), f"ended by {signal.Signals(-status).name}"
    return ("preempted" if status in (130, 143) else "killed" if status == 137 else "failed"), f"exit status {status}"


if __name__ == "__main__":
    try:
        main()
    except (OSError, HouseBlendError) as failure:
        error(class_and_message(failure)[1])
        sys.exit(EXIT_FAILURE)
