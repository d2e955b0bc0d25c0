"""The gate: which workers' models may enter a blend, and why the others may not."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

DEVIATIONS = 6.0
SMALLEST_DEVIATION = 0.05
"""Nats per frame: of few healthy workers two often lie close together, and their deviation says nothing of the others."""


@dataclass(frozen=True)
class Outcome:
    """What became of one worker: its report and model, or why there are none.

    Args:
        worker: from 1.
        report: what it reported; None without a valid output.
        model: its raw network file; None without.
        failure: class and message of the failure, empty for none.
    """

    worker: int
    report: dict[str, Any] | None
    model: str | None
    failure: str = ""


@dataclass(frozen=True)
class Gate:
    """The conditions of admission.

    Args:
        max_loss_increase: nats per frame by which the held-out loss may exceed that of the model before the round.
    """

    max_loss_increase: float = 1.0

    def admit(self, outcomes: Sequence[Outcome], previous_loss: float | None) -> tuple[list[Outcome], dict[int, str]]:
        """The outcomes that may enter, and worker -> reason for the others.

        A loss must be finite, at most `max_loss_increase` above the previous one, and with three or more workers
        within 6 median absolute deviations of the median, on either side.
        """
        dropped = {
            outcome.worker: outcome.failure or "no valid output" for outcome in outcomes if outcome.report is None
        }
        candidates = [outcome for outcome in outcomes if outcome.report is not None]
        for outcome in candidates:
            reason = self.refusal(loss(outcome), previous_loss)
            if reason:
                dropped[outcome.worker] = reason
        sane = [outcome for outcome in candidates if outcome.worker not in dropped]
        if len(sane) >= 3:
            losses = [loss(outcome) for outcome in sane]
            middle = statistics.median(losses)
            deviation = max(statistics.median(abs(value - middle) for value in losses), SMALLEST_DEVIATION)
            for outcome, value in zip(sane, losses, strict=True):
                if abs(value - middle) > DEVIATIONS * deviation:
                    dropped[outcome.worker] = (
                        f"held-out loss {value:.4f}, the median is {middle:.4f}, the deviation {deviation:.4f}"
                    )
        return [outcome for outcome in sane if outcome.worker not in dropped], dropped

    def refusal(self, value: float, previous_loss: float | None) -> str:
        """Why a held-out loss is refused; empty if it is not."""
        if not math.isfinite(value):
            return f"held-out loss {value}"
        if previous_loss is not None and value > previous_loss + self.max_loss_increase:
            return f"held-out loss {value:.4f}, {value - previous_loss:.4f} above the previous model's"
        return ""


def loss(outcome: Outcome) -> float:
    """Held-out loss of a worker with a report, nats per frame."""
    assert outcome.report is not None
    value = outcome.report.get("heldout_objective")
    return -float(value) if value is not None else math.nan
