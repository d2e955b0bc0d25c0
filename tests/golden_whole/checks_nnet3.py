"""Checks of nnet3 networks, their training, and natural gradient."""

import gzip
import re
from pathlib import Path

import numpy as np
import torch
from checks import Outcome, by_command, compared, covers, outcome
from compare import Deviation, DifferentError, Tolerance, compare
from kaldi_noise import trajectory_tolerance
from rows import Row
from workplace import Workplace

from houseblend.frames.egs import read_egs
from houseblend.io.tables import read_object, read_table, write_object
from houseblend.nnet.formats.nnet3 import read_network
from houseblend.train.combine import average_posteriors
from houseblend.train.nnet2 import Nnet2NaturalGradient
from houseblend.train.update.natural_gradient import OnlineNaturalGradient

OBJECTIVES = r"(minibatches \d+-\d+|verall average objective|the last model|last \d+ models).*? is (-?[\d.]+)"
OBJECTIVE = Tolerance(0.0, 1e-4)


def ours(row: Row) -> str:
    """The row's command without the choice of a processor, for which we have --device."""
    return row.command.replace("--use-gpu=no ", "")


def parameter_deviation(mine: Path, its: Path, tolerance: Tolerance) -> Deviation:
    """Of the trained parameters of two networks; statistics come from a random part of the minibatches."""
    parameters, expected = read_network(mine).parameters, read_network(its).parameters
    total = Deviation()
    for spec, values in parameters.items("parameter"):
        total |= tolerance.deviation(values.numpy(), expected[spec.name].numpy())
    return total


def objective_deviation(said: str, log: Path, tolerance: Tolerance = OBJECTIVE) -> Deviation:
    """Of the objectives in what a program said from those in Kaldi's log; not those of backstitch's first half steps."""
    kaldis = re.sub(r".*_backstitch.*", "", log.read_text())
    mine, its = (dict(re.findall(OBJECTIVES, text)) for text in (said, kaldis))
    if not its or not its.keys() <= mine.keys():
        raise DifferentError(f"{log.name}: other objectives")
    return tolerance.deviation(*(np.array([float(found[what]) for what in its]) for found in (mine, its)))


@covers(r"^nnet3/[AB]_\w+_0\.raw$")
def initial(workplace: Workplace, row: Row) -> Outcome:
    """Kaldi's random draw is its own: the network is read and written again, binary and through text."""
    kaldis, name = workplace.golden / row.files[0], row.files[0]
    return by_command(workplace, row, f"nnet3-copy --binary=false {kaldis} work/text && nnet3-copy {kaldis} {name}")


@covers(r"^nnet3/[AB]_\w+_[1-9]\d*\.raw nnet3/[AB]_\w+\.log$")
def trained(workplace: Workplace, row: Row) -> Outcome:
    """Parameters after so many minibatches, and their objectives."""
    if "prob" in row.files[1]:
        return objective(workplace, row)
    said = workplace.run(row)
    network, log = row.files
    tolerance = Tolerance(0.0, trajectory_tolerance(network.removesuffix(".raw")))
    total = parameter_deviation(workplace.place / network, workplace.golden / network, tolerance)
    return outcome(total | objective_deviation(said, workplace.golden / log, tolerance), tolerance)


def objective(workplace: Workplace, row: Row) -> Outcome:
    """nnet3-compute-prob: log-probability and accuracy of the examples."""
    said = workplace.shell(row.command)
    numbers = [
        np.array([float(x) for x in re.findall(r"for 'output' is (-?[\d.]+) per frame", text)])
        for text in (said, (workplace.golden / row.files[1]).read_text())
    ]
    return outcome(OBJECTIVE.deviation(*numbers), OBJECTIVE)


@covers(r"^nnet3/[AB]_m0_20\.txt\.gz")
def text_form(workplace: Workplace, row: Row) -> Outcome:
    """Text and info; averages are kept as sums, so that the seventh digit of a copy may move."""
    workplace.run(row, ours(row))
    return compared(workplace, row, Tolerance(relative=2e-6))


@covers(r"^nnet3/[AB]_comb")
def combined(workplace: Workplace, row: Row) -> Outcome:
    """Objectives of the combinations, and the network."""
    said = workplace.run(row, ours(row))
    tolerance = Tolerance(relative=1e-4)
    total = parameter_deviation(workplace.place / row.files[0], workplace.golden / row.files[0], tolerance)
    return outcome(total | objective_deviation(said, workplace.golden / row.files[1]), tolerance)


@covers(r"^nnet3/[AB]\.mdl")
def acoustic_model(workplace: Workplace, row: Row) -> Outcome:
    """The programs of the row but for the average posterior, which a function of ours computes from the examples."""
    first, _, *others = row.command.split(" && ")
    network, egs = (workplace.golden / "nnet3" / name.format(row.name[6]) for name in ("{}_m0_20.raw", "egs{}.ark"))
    workplace.run(row, first)
    posterior = average_posteriors(read_network(network), f"ark:{egs}")
    write_object(str(workplace.place / row.files[2]), "vector", np.asarray(posterior, dtype=np.float32), binary=False)
    workplace.shell(" && ".join(others))
    return compared(workplace, row)


@covers(r"^nnet3/[AB]_(out|test|loglike|set|edit|avg)")
def by_our_command(workplace: Workplace, row: Row) -> Outcome:
    """As they stand, but for --use-gpu."""
    return by_command(workplace, row, ours(row))


@covers(r"^nnet3/A_lda")
def lda(workplace: Workplace, row: Row) -> Outcome:
    """Statistics, and the transform up to the signs of its rows."""
    command = row.command.replace("nnet3-acc-lda-stats", "nnet3-acc-lda-stats --num-classes=62")
    workplace.run(row, command)
    tolerance = Tolerance(relative=1e-3)
    mine, its = (read_object(str(place / row.files[1]), "matrix") for place in (workplace.place, workplace.golden))
    total = tolerance.deviation(np.abs(mine), np.abs(its))
    total |= compare(workplace.place / row.files[0], workplace.golden / row.files[0], row.files[0], tolerance)
    return outcome(total, tolerance)


@covers(r"^nnet3/egs[AB](_c\.ark|\.txt)")
def examples(workplace: Workplace, row: Row) -> Outcome:
    """Examples are read, never written: input frames and targets against the text of the first minibatches."""
    name = row.files[-1]
    text = gzip.decompress((workplace.golden / name).read_bytes()).decode()
    archive = workplace.golden / name.replace(".txt.gz", ".ark")
    tolerance, total = Tolerance(relative=1e-6), Deviation()
    for example, part in zip(read_egs(f"ark:{archive}"), text.split("<Nnet3Eg>")[1:], strict=False):
        frames, targets = part.split("output <I1V>")
        wanted = np.array(frames.partition("[")[2].partition("]")[0].split(), dtype=np.float64)
        total |= tolerance.deviation(example.x_NWD.ravel(), wanted)
        found = np.array([[float(x) for x in pair.split()] for pair in re.findall(r"\[ ([^\]]*) \]", targets) if pair])
        total |= tolerance.deviation(np.stack([example.pdfs, example.weights], axis=1), found.reshape(-1, 2))
    return outcome(total, tolerance)


@covers(r"^nnet3/egs[AB]\.ark")
def chosen_examples(workplace: Workplace, row: Row) -> Outcome:
    """Which frames Kaldi drew is its own; every example must be some frames of the features and pdfs that we make."""
    cmvn, to_pdf = re.findall(r"ark:(apply-cmvn [^']*|ali-to-pdf [^|]*) ark:-", row.command)
    workplace.shell(f"{cmvn} ark:work/egs.feats && {to_pdf} ark:work/egs.pdfs")
    ours = dict(read_table(f"ark:{workplace.place}/work/egs.pdfs", "int-vector"))
    read = list(read_table(f"ark:{workplace.place}/work/egs.feats", "matrix"))
    context = 5
    feats = np.concatenate([np.pad(rows, ((context, context), (0, 0)), mode="edge") for _, rows in read])
    pdfs = np.concatenate([np.pad(ours[key], (context, context), constant_values=-1) for key, _ in read])
    total, tolerance = Deviation(), Tolerance(0.0, 1e-4)
    for example in read_egs(f"ark:{workplace.golden / row.files[0]}"):
        count, width, _ = example.x_NWD.shape
        windows = np.lib.stride_tricks.sliding_window_view(feats, width, axis=0)
        distance = np.abs(windows[:, None, :, context] - example.x_NWD[None, :, context]).max(axis=2)
        distance[pdfs[context : context + len(windows)] < 0] = np.inf
        starts = distance.argmin(axis=0)
        total |= tolerance.deviation(example.x_NWD, windows[starts].transpose(0, 2, 1))
        outputs = np.add.outer(starts + context, np.arange(example.num_outputs // count)).ravel()
        total |= tolerance.deviation(example.pdfs, pdfs[outputs[example.rows]])
        total |= tolerance.deviation(example.weights, example.weights.clip(0.0, 1.0))
    return outcome(total, tolerance)


@covers(r"^ng/")
def natural_gradient(workplace: Workplace, row: Row) -> Outcome:
    """Call by call: the norm of the difference relative to that of Kaldi's matrix, and the factor returned."""
    _, _, _, rank, period, alpha, history, *remark = row.command.split()
    minibatches = re.search(r"num-minibatches-history (\d+)", " ".join(remark))
    ng = (Nnet2NaturalGradient if "nnet2" in row.name else OnlineNaturalGradient)(
        int(rank), int(period), float(history), float(minibatches[1]) if minibatches else 0.0, float(alpha)
    )
    x, xhat, scale = (workplace.golden / name for name in row.files)
    wanted = dict(read_table(f"ark:{xhat}", "matrix"))
    factors = {line.split()[0]: float(line.split()[1]) for line in scale.read_text().splitlines()}
    largest = 0.0
    for key, rows in read_table(f"ark:{x}", "matrix"):
        mine = torch.from_numpy(rows.copy())
        factor = float(ng.precondition(mine))
        norm = max(float(np.linalg.norm(wanted[key])), 1e-30)
        largest = max(largest, float(np.linalg.norm(mine.numpy() - wanted[key])) / norm, abs(factor / factors[key] - 1))
    tolerance = Tolerance.parse(row.tolerance)
    return outcome(Deviation(largest, largest, int(largest > tolerance.relative)), tolerance)
