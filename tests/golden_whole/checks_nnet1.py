"""Checks of nnet1: Kaldi's random draws are its own, and objectives stand in logs."""

import dataclasses
import re
from pathlib import Path

import numpy as np
from checks import Outcome, by_command, compared, covers, outcome
from compare import Deviation, DifferentError, Tolerance
from rows import Row
from workplace import Workplace

REPORTED = r"AvgLoss: (\S+) \(Xent\), \[AvgXent: (\S+), AvgTargetEnt: ([^\]]+)\]"
ACCURACY = r"FRAME_ACCURACY >> (\S+)% <<"


def reported(text: str, name: object) -> np.ndarray:
    """Loss, cross-entropy, entropy of the targets, and accuracy as a share, from a log."""
    loss, accuracy = re.search(REPORTED, text), re.search(ACCURACY, text)
    if loss is None or accuracy is None:
        raise DifferentError(f"{name}: no loss, or no accuracy")
    return np.array([*map(float, loss.groups()), float(accuracy[1]) / 100.0])


def log_deviation(said: str, log: Path, tolerance: Tolerance) -> Deviation:
    """Of what a program reported from what Kaldi's did."""
    return tolerance.deviation(reported(said, "our log"), reported(log.read_text(), log.name))


@covers(r"^nnet1/in\.ark")
def inputs(workplace: Workplace, row: Row) -> Outcome:
    """Targets are the same; features are, but for the last digits of apply-cmvn's sums."""
    workplace.run(row)
    return compared(workplace, row, Tolerance(0.0, 1e-5))


@covers(r"^nnet1/init\.nnet nnet1/init\.txt")
def initial(workplace: Workplace, row: Row) -> Outcome:
    """Kaldi's network is read and written again, binary and as text; ours of the prototype has its dims."""
    name = row.files[0]
    draw, *others = row.command.split(" && ")
    workplace.shell(f"{draw.replace(name, 'work/drawn')} && nnet-info work/drawn > work/drawn.info")
    return by_command(workplace, row, " && ".join([f"nnet-copy {workplace.golden / name} {name}", *others]))


@covers(r"^nnet1/tanh_init\.nnet")
def trained_from_drawn(workplace: Workplace, row: Row) -> Outcome:
    """From Kaldi's network; the prototype is read by a program of ours besides."""
    draw, train = row.command.split(" && ")
    workplace.shell(draw.replace("nnet1/tanh_init.nnet", "work/drawn"))
    return trained(workplace, dataclasses.replace(row, files=row.files[1:], command=train))


@covers(r"^nnet1/\w+\.nnet nnet1/\w+\.log$")
def trained(workplace: Workplace, row: Row) -> Outcome:
    """Parameters after one pass, and what the log reports; of a cross-validation the report alone."""
    said = workplace.run(row) if "cross-validate" not in row.command else workplace.shell(row.command)
    tolerance = Tolerance(0.0, 1e-4)
    total = log_deviation(said, workplace.golden / row.files[1], tolerance)
    parameters = compared(workplace, row, tolerance)
    if parameters.status == "differs":
        return parameters
    return outcome(total, tolerance) if parameters.status == "equal" else parameters
