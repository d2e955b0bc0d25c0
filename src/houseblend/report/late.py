"""Workers that were late for their rounds (`train_dnn --min-workers`), as a training's ledger has them."""

from collections.abc import Sequence
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.base.fingerprint import LEDGER
from houseblend.parallel.ledger import finished, read_ledger
from houseblend.parallel.records import RoundRecord


def rounds_in(folder: Path) -> list[RoundRecord]:
    """The finished rounds of a training, none of another step's directory or of a ledger that cannot be read."""
    try:
        return finished(read_ledger(folder / LEDGER)[0])
    except InputError:
        return []


def count_late(rounds: Sequence[RoundRecord]) -> str:
    """How often workers were late and what data that was, for the end of a line; empty if none was."""
    times, frames = sum(len(one.unseen) for one in rounds), sum(one.frames_unseen for one in rounds)
    return f"; late workers: {times}, {frames} frames not seen in their round" if times else ""


def list_late(rounds: Sequence[RoundRecord], is_over: bool) -> list[str]:
    """A line for each worker that was late, with what became of its data.

    Args:
        rounds: of a training.
        is_over: there will be no more of them.
    """
    return [
        f"round {one.round}: worker {report.worker} was {report.failure.partition(';')[0]}: "
        f"{end - begin} frames from {begin} on are {_become(one.round, rounds[-1].round, is_over)}"
        for one in rounds
        for report in one.workers.values()
        if report.is_late
        for begin, end in [one.plan.intervals[report.worker - 1]]
    ]


def _become(number: int, last: int, is_over: bool) -> str:
    """What becomes of data that was not seen in a round."""
    return "not seen: it was the last round" if is_over and number == last else f"planned again in round {number + 1}"
