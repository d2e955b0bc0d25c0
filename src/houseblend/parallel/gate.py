"""The gate: which workers' models may enter the blend that ends a round, and why the others may not."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.parallel.records import WorkerReport

DEVIATIONS = 6.0
SMALLEST_DEVIATION = 0.05
"""Nats per frame: of few healthy workers two often lie close together, and their deviation says nothing of the others."""


@dataclass(frozen=True)
class Gate:
    """The conditions of admission."""

    max_loss_increase: float = declared(
        1.0, "Nats of held-out loss that a model may lie above the one before the round"
    )
    max_left_out: float = declared(0.1, "Share of the gives inside a round that may be left out for not being finite")
    min_workers: int = declared(
        0, "files: after --round-minutes a round goes on with so many workers, without late ones; 0: with all"
    )
    round_minutes: float = declared(0.0, "files: how long a round waits for all its workers, with --min-workers")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        if not self.max_loss_increase >= 0.0 or not 0.0 <= self.max_left_out <= 1.0:
            given = f"--max-loss-increase={self.max_loss_increase}, --max-left-out={self.max_left_out}"
            raise UsageError(given, expected="0 or more, and from 0 to 1")
        if (self.min_workers, self.round_minutes) != (0, 0.0) and not (self.min_workers > 0 < self.round_minutes):
            given = f"--min-workers={self.min_workers}, --round-minutes={self.round_minutes}"
            raise UsageError(given, expected="both above 0, or none of them")

    def admit(
        self, reports: Sequence[WorkerReport], previous_loss: float | None
    ) -> tuple[list[WorkerReport], dict[int, str]]:
        """The workers that may enter, and worker -> reason for the others.

        A loss must be finite, at most `max_loss_increase` above the previous one, and with three or more workers
        within 6 median absolute deviations of the median, on either side.
        """
        dropped = {report.worker: report.failure for report in reports if report.failure}
        for report in reports:
            if report.worker not in dropped and (reason := self.refusal(loss(report), previous_loss)):
                dropped[report.worker] = reason
        sane = [report for report in reports if report.worker not in dropped]
        if len(sane) >= 3:
            losses = [loss(report) for report in sane]
            middle = statistics.median(losses)
            deviation = max(statistics.median(abs(value - middle) for value in losses), SMALLEST_DEVIATION)
            for report, value in zip(sane, losses, strict=True):
                if abs(value - middle) > DEVIATIONS * deviation:
                    dropped[report.worker] = (
                        f"held-out loss {value:.4f}, the median is {middle:.4f}, the deviation {deviation:.4f}"
                    )
        return [report for report in sane if report.worker not in dropped], dropped

    def refusal(self, value: float, previous_loss: float | None) -> str:
        """Why a held-out loss is refused; empty if it is not."""
        if not math.isfinite(value):
            return f"held-out loss {value}"
        if previous_loss is not None and value > previous_loss + self.max_loss_increase:
            return f"held-out loss {value:.4f}, {value - previous_loss:.4f} above the previous model's"
        return ""

    def refuses_round(self, left_out: int, gives: int) -> str:
        """Why so many gives that were left out inside a round refuse it; empty if they do not."""
        if left_out <= self.max_left_out * gives:
            return ""
        return f"{left_out} of {gives} gives inside the round were not finite"


def loss(report: WorkerReport) -> float:
    """Held-out loss of a worker, nats per frame; NaN without one."""
    return math.nan if report.heldout_objective is None else -report.heldout_objective
