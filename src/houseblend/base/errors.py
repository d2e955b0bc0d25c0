"""Errors that a user can act on, and the one table of exit statuses."""

import errno
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from typing_extensions import Self

EXIT_OK = 0
EXIT_FAILURE = 1
EXIT_USAGE = 2
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
EXIT_READER_CLOSED = 141
EXIT_TERMINATED = 143


_REMEDIES = {
    errno.ENOSPC: "free space, then run the same command again",
    errno.EDQUOT: "free space, then run the same command again",
    errno.EFBIG: "raise the limit on file size (ulimit -f)",
    errno.EACCES: "change its rights, then run the same command again",
    errno.EROFS: "mount it for writing, or write elsewhere",
}
"""What to do about errors of the system."""


class HouseBlendError(Exception):
    """An expected failure: says what happened, where, what was expected and what to do.

    Args:
        what: the failure in one sentence.
        file: the file, directory or specifier in which it was met.
        key: the utterance, speaker, word or component concerned.
        line: line number in `file`, from 1.
        expected: what would have been right.
        do: what the user can do now.
    """

    exit_status = EXIT_FAILURE
    failure_class = "failed"

    def __init__(
        self,
        what: str,
        *,
        file: object = None,
        key: object = None,
        line: int | None = None,
        expected: str | None = None,
        do: str | None = None,
    ) -> None:
        super().__init__(what)
        self.what, self.file, self.key, self.line, self.expected, self.do = what, file, key, line, expected, do

    def __str__(self) -> str:
        place = "" if self.file is None else f"{self.file}:{self.line}: " if self.line is not None else f"{self.file}: "
        item = "" if self.key is None else f"[{self.key}] "
        expected = "" if self.expected is None else f"; expected {self.expected}"
        do = "" if self.do is None else f"; {self.do}"
        return f"{place}{item}{self.what}{expected}{do}"

    def but(self, **known: Any) -> "Self":
        """The same failure with some of its arguments (`what` among them) replaced by what is known better."""
        mine = {name: getattr(self, name) for name in ("what", "file", "key", "line", "expected", "do")}
        return type(self)(**{**mine, **known})


class InputError(HouseBlendError):
    """What the user gave is wrong; trying again cannot help."""

    failure_class = "bad input"


class StaleError(HouseBlendError):
    """Two things that belong together were made from different inputs."""

    failure_class = "bad input"


class BusyError(HouseBlendError):
    """Another process holds the directory."""


class NotFiniteError(HouseBlendError):
    """A computation left the finite numbers."""

    failure_class = "not finite"


class UsageError(HouseBlendError):
    """The command line is wrong."""

    exit_status = EXIT_USAGE
    failure_class = "bad input"


def class_and_message(failure: BaseException) -> tuple[str, str]:
    """The class of a failure (its policy: `jobs/failures`) and a sentence about it."""
    if isinstance(failure, HouseBlendError):
        return failure.failure_class, str(failure)
    if isinstance(failure, OSError):
        place = f"{failure.filename}: " if failure.filename else ""
        remedy = f"; {_REMEDIES[failure.errno]}" if failure.errno in _REMEDIES else ""
        kind = "disk full" if failure.errno in (errno.ENOSPC, errno.EDQUOT) else "file system"
        return kind, f"{place}{failure.strerror or failure}{remedy}"
    if isinstance(failure, MemoryError):
        return "out of memory", "out of memory; give the job more, or smaller pieces"
    if isinstance(failure, Exception):
        return "bug", f"{type(failure).__name__}: {failure}"
    return "preempted", "told to end by SIGTERM or SIGINT"
