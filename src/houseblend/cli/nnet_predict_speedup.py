"""nnet-predict-speedup: how long a round takes at so many workers, by a description of machine and link."""

from typing import Any

from houseblend.cli.program import argument, options_of, program
from houseblend.parallel.asynchronous.machine import Machine, Workload
from houseblend.parallel.options import RunOptions, with_strategies


@program(
    example="nnet-predict-speedup --strategy=average --average-period=10 --step-seconds=0.2 --step-spread=0.1 "
    "--link-bandwidth=1e9 1,4,16,32"
)
@argument("workers", help="numbers of workers, 1,4,16,32; the first is what the others are compared with")
@options_of(Workload, "Round")
@options_of(Machine, "Machine", without=("replay",))
@options_of(RunOptions, "Strategy", only=("strategy", "seed"))
@with_strategies(options_of)
def main(workers: str, **values: Any) -> None:
    """Predict seconds, speed-up, waiting and bytes: stragglers, latency, bandwidth, lag and groups counted; nothing is trained."""
    from houseblend.base.errors import UsageError
    from houseblend.base.options import chosen, one_of
    from houseblend.parallel.predict import predict, table
    from houseblend.parallel.strategies import METHODS
    from houseblend.parallel.strategy import WorkerSide

    counts = [int(word) if word.isdigit() else 0 for word in workers.split(",")]
    if min(counts) < 1:
        raise UsageError(f"numbers of workers {workers}", expected="numbers from 1 with commas between")
    run, machine, workload = chosen(RunOptions, values), chosen(Machine, values), chosen(Workload, values)
    strategy = one_of("strategy", run.strategy, METHODS, WorkerSide, values)
    print(table([predict(strategy, machine, workload, count, run.seed) for count in counts]))
