"""The classes in which jobs fail, and what becomes of a job in each."""

from dataclasses import dataclass

RETRIES = 2


@dataclass(frozen=True)
class Policy:
    """What becomes of a job that has failed in some class.

    Args:
        retries: how often it is run again, with the same seed.
        advice: what a person can do if that did not help; empty: read the log.
        memory, time: factors on what it gets the next time.
        elsewhere: the next time on another machine, if there is one.
        ends_run: it says nothing of what the job did: nothing goes on without the job.
    """

    retries: int
    advice: str = ""
    memory: float = 1.0
    time: float = 1.0
    elsewhere: bool = False
    ends_run: bool = False


POLICY = {
    "ok": Policy(0),
    "out of memory": Policy(RETRIES, "run fewer jobs at a time, or give them more memory", memory=2.0),
    "time limit": Policy(RETRIES, "give the jobs more time", time=2.0),
    "preempted": Policy(RETRIES, "run the same command again, with jobs that others cannot push out"),
    "node lost": Policy(RETRIES, "run the same command again", elsewhere=True),
    "killed": Policy(RETRIES, "often too little memory: run fewer jobs at a time"),
    "no output": Policy(RETRIES, "check disk space and quota"),
    "file system": Policy(
        RETRIES, "check disk space, quota and rights, then run the same command again", elsewhere=True, ends_run=True
    ),
    "disk full": Policy(0, "free space, then run the same command again", ends_run=True),
    "late": Policy(0, "see what slows its machine, or let rounds take longer: --round-minutes"),
    "not finite": Policy(0, "lower the learning rate"),
    "bad input": Policy(0, "mend what the message names", ends_run=True),
    "cancelled": Policy(0, "run the same command again", ends_run=True),
    "refused": Policy(0, "ask for what the batch system has: see its site file", ends_run=True),
    "failed": Policy(0),
    "bug": Policy(0),
}


def policy_of(failure: str) -> Policy:
    """What becomes of a job that has failed in this class; a class that nobody knows is plain failure."""
    return POLICY.get(failure, POLICY["failed"])
