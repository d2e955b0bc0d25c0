"""Records of rounds as a training leaves them, for tests of who reads them."""

from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import Measured, Refusal, RoundRecord, WorkerReport


def some_plan(number=0, workers=2):
    """A hundred frames for each worker."""
    begin = number * workers * 100
    intervals = [(begin + 100 * worker, begin + 100 * worker + 100) for worker in range(workers)]
    return RoundPlan(number, intervals, 0.01, 50, 2.0, 1, 0.1 * number, number == 0)


def some_round(number=0, workers=2, heldout=-1.5, train=-1.25, **more):
    """A finished round."""
    reports = {w: WorkerReport(w, 100.0, 2, train, heldout, 0.5, {"training": 1.0}) for w in range(1, workers + 1)}
    values = {
        "round": number, "attempt": 0, "plan": some_plan(number, workers), "workers": reports, "dropped": {},
        "weights": dict.fromkeys(reports, 1.0), "left_out": [], "blends": 1, "measured": Measured(heldout, 0.5, train, 0.5),
        "distance_to_mean": {"a": 0.5}, "model_hash": "x", "state": {}, "bytes": 8, "exchange": "local", "torch": "2",
        "cpu": "AVX2", "seconds": 1.0,
    }  # fmt: skip
    return RoundRecord(**{**values, **more})


def some_refusal(number=1, **reason):
    """A refused attempt."""
    return Refusal(number, 0, some_plan(number), {}, {1: "exploded"})
