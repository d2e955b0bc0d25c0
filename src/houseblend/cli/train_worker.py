"""train-worker: train one worker of a round, as a job of train_dnn --exchange=files."""

from pathlib import Path

from houseblend.cli.program import argument, program


@program(example="train-worker exp/dnn/rounds/3.0/task.json 2 2.raw 2.npz 2.json")
@argument("task", type=Path, help="the round, as train_dnn has written it")
@argument("worker", type=int, help="which worker, from 1")
@argument("model_out", type=Path, help="model to write")
@argument("state_out", type=Path, help="arrays to write: what is its own in the strategy, what its optimizer remembers")
@argument("report_out", type=Path, help="JSON file to write: frames, objectives, seconds")
def main(task: Path, worker: int, model_out: Path, state_out: Path, report_out: Path) -> None:
    """Train one worker of a round to the end of its data; train_dnn blends what all of them have written."""
    from houseblend.parallel.exchanges.files import train_worker

    train_worker(task, worker, model_out, state_out, report_out)
