"""nnet3-train: train a network on an interval of the data, one worker for one round."""

from typing import Any

from houseblend.cli.program import argument, option, program


@program(example="nnet3-train --minibatch-size=256 --begin=0 --end=100000 0.raw frames:exp/frames 1.raw")
@argument("model_in", help="raw network to start from")
@argument("examples", help="frames:DIR[:SUBSET], or a rspecifier of nnet3 examples")
@argument("model_out", help="raw network to write")
@option("--begin", type=int, default=0, help="First position in the order of data")
@option("--end", type=int, default=None, help="Position behind the last; default: the end of the first epoch")
@option("--minibatch-size", type=int, default=512, help="Frames of a minibatch (archives come merged)")
@option("--learning-rate", type=float, default=None, help="Of the whole network; default: as in the file")
@option("--momentum", type=float, default=0.0, help="Share of the last change that is kept")
@option("--max-param-change", type=float, default=2.0, help="Largest norm of a minibatch's change; 0: no limit")
@option("--l2-regularize-factor", type=float, default=1.0, help="Factor on the components' l2-regularize")
@option(
    "--update",
    default="ng",
    help="Direction: ng: natural gradient; simple-ng: natural gradient from each minibatch alone; sgd: plain gradient",
)
@option("--backstitch-training-scale", type=float, default=0.0, help="Share of a step taken back before it; 0: none")
@option("--backstitch-training-interval", type=int, default=1, help="Minibatches from one backstitch to the next")
@option("--compute-dtype", default="float32", help="Factors of the layers' products: float32 or bfloat16")
@option("--srand", type=int, default=0, help="Seed of the run: order of data and dropout")
@option("--heldout", default="", help="Examples to evaluate the trained network on")
@option("--report", default=None, help="JSON file to write: frames, objectives, seconds")
@option("--sidecar-in", default=None, help="Momentum and natural-gradient state to go on from")
@option("--sidecar-out", default=None, help="Where to write them")
@option("--device", default="cpu", help="cpu or cuda")
@option("--threads-per-worker", type=int, default=1, help="Threads of the matrix products; part of the result")
@option("--print-interval", type=int, default=100, help="Minibatches between log lines")
def main(**values: Any) -> None:
    """Train one worker: the gradient is summed over the minibatch, its change limited, momentum as nnet3 has it."""
    from dataclasses import fields

    from houseblend.base.errors import UsageError
    from houseblend.train.update.rule import UpdateRule
    from houseblend.train.worker import WorkerTask, train_worker

    if values["minibatch_size"] < 1:
        raise UsageError(f"--minibatch-size={values['minibatch_size']}", expected="1 or more")
    rule = UpdateRule(**{option.name: values.pop(option.name) for option in fields(UpdateRule)})
    seed, threads = values.pop("srand"), values.pop("threads_per_worker")
    train_worker(WorkerTask(rule=rule, seed=seed, threads=threads, **values))
