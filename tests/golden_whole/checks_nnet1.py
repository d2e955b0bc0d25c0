"""Checks of nnet1: Kaldi's random draws are its own, and objectives stand in logs."""

import dataclasses
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from checks import Outcome, by_command, compared, covers, outcome
from compare import Deviation, DifferentError, Tolerance, compare
from rbm_statistics import SEEDS, beyond, deviations
from rows import Row
from workplace import Workplace

from houseblend.nnet.formats.nnet1 import read_nnet1

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


@covers(r"^nnet1/(gb\.init|rbm_bb\.cmvn) ")
def contrastive_divergence(workplace: Workplace, row: Row) -> Outcome:
    """What comes before and after the samples is Kaldi's; the RBMs of several seeds have its error curve and statistics."""
    name = row.files[-1].removesuffix(".log")
    *before, draw, train, convert = row.command.split(" && ")
    tolerance, total = Tolerance(0.0, 1e-4), Deviation()
    if before:
        workplace.shell(" && ".join(before))
        total |= compare(*workplace.comparable(row.files[0]), row.files[0], tolerance)
    workplace.shell(draw.replace(f"{name}.init", "work/drawn"))
    drawn, initial = (
        read_nnet1(path).rbm for path in (workplace.place / "work/drawn", workplace.place / f"{name}.init")
    )
    total |= tolerance.deviation(drawn.visible_bias.numpy(), initial.visible_bias.numpy())
    workplace.shell(convert)
    total |= compare(*workplace.comparable(f"{name}.nnet"), f"{name}.nnet", Tolerance())
    found = rbm_deviations(workplace, train, name)
    said = ", ".join(f"{what} {value:.1%}" for what, value in found.items())
    if total.beyond or beyond(found):
        return Outcome("differs", f"{outcome(total, tolerance).remark}; {said}")
    return Outcome("within", f"means over {len(SEEDS)} seeds: {said}")


def rbm_deviations(workplace: Workplace, train: str, name: str, seeds: Sequence[int] = SEEDS) -> dict[str, float]:
    """Of our runs from Kaldi's.

    Args:
        workplace: with Kaldi's initial RBM.
        train: Kaldi's command line.
        name: of the RBM's files, without what follows the point.
        seeds: one a run.
    """
    logs, rbms = [], []
    for seed in seeds:
        rbms.append(workplace.place / f"work/{seed}.rbm")
        command = re.sub("--randomizer-seed=[0-9]+", f"--randomizer-seed={seed}", train)
        logs.append(workplace.shell(command.replace(f" {name}.rbm", f" {rbms[-1]}")))
    golden = workplace.golden
    return deviations(logs, rbms, golden / f"{name}.init", (golden / f"{name}.log").read_text(), golden / f"{name}.rbm")
