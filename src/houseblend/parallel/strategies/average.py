"""Periodic averaging of parameters (Povey et al. 2014; Kaldi nnet2 and nnet3): equal weights, or the best worker."""

import torch

from houseblend.parallel.schedule import Schedule
from houseblend.parallel.strategy import Report, RoundPlan, State


class Average:
    """After every round all workers start from the mean; where the topology is new, from the best on held-out data.

    Args:
        schedule: the plan of all rounds.
    """

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule

    def init(self, params: torch.Tensor) -> State:
        """Nothing but the number of the round; `params` is flat [n]."""
        return {"round": 0}

    def plan(self, state: State) -> RoundPlan | None:
        """The schedule's next round."""
        return self.schedule.plan(state["round"])

    def weigh(self, state: State, reports: list[Report]) -> list[float]:
        """One for all, or one for the best (the first of equals) and none for the others."""
        plan = self.plan(state)
        if plan is None or plan.averages:
            return [1.0] * len(reports)
        best = max(range(len(reports)), key=lambda index: (reports[index].heldout_objective, -index))
        return [float(index == best) for index in range(len(reports))]

    def update(self, state: State, mean: torch.Tensor, own: list[torch.Tensor]) -> tuple[State, torch.Tensor]:
        """The mean, flat [n], is where everybody goes on."""
        return {"round": state["round"] + 1}, mean
