"""What a person sees of a training: frames, time left, the last held-out objective, workers, and what blending costs."""

from types import TracebackType

from houseblend.base.log import Progress
from houseblend.parallel.records import RoundRecord


class TrainingProgress:
    """A progress bar over all frames of a training.

    Args:
        total_frames: of all rounds.
    """

    def __init__(self, total_frames: int) -> None:
        self._bar, self._done = Progress(total_frames, "frames"), 0

    def __enter__(self) -> "TrainingProgress":
        self._bar.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.__exit__(kind, value, trace)

    def trained(self, worker: int, frames: int) -> None:
        """Count frames that a worker has learnt."""
        self._bar.add(frames)

    def round_done(self, record: RoundRecord) -> None:
        """Take a finished round: its frames count as done, whoever trained them, but for those of late workers."""
        self._done += record.plan.frames - record.frames_unseen
        self._bar.note = _note(record)
        missing = self._done - self._bar.done
        self._bar.before += missing
        self._bar.add(missing)


def _note(record: RoundRecord) -> str:
    """What stands behind the bar."""
    seconds = [sum(report.seconds.values()) for report in record.workers.values()]
    idle = [
        report.seconds.get("blending", 0.0) + report.seconds.get("waiting", 0.0) for report in record.workers.values()
    ]
    share = sum(idle) / sum(seconds) if sum(seconds) else 0.0
    return f"held out {record.measured.heldout_objective:.3f}, {sum(map(bool, record.weights.values()))} workers, blending and waiting {share:.0%}"
