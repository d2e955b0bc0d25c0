"""Checks of nnet2: files, training, and what is made of networks; Kaldi's random draws are its own."""

import gzip
import re

import numpy as np
from checks import Outcome, by_command, compared, covers, outcome
from checks_transforms import lda
from compare import Deviation, DifferentError, Tolerance
from rows import Row
from workplace import Workplace

from houseblend.frames.nnet2_egs import read_nnet2_egs
from houseblend.io.compression import compress
from houseblend.io.holders import decode
from houseblend.io.streams import in_memory
from houseblend.io.tables import read_table
from houseblend.nnet.compute import compute
from houseblend.nnet.formats.nnet2 import read_nnet2_model
from houseblend.nnet.nnet2.components import SumGroupComponent
from houseblend.nnet.nnet2.convert import to_nnet3
from houseblend.nnet.nnet2.network import Nnet2

CONTEXT = 4


def parameter_deviation(mine: Nnet2, its: Nnet2, tolerance: Tolerance) -> Deviation:
    """Of trained parameters."""
    total = Deviation()
    for ours, kaldis in zip(mine.trained, its.trained, strict=True):
        for name in ("linear", "bias"):
            total |= tolerance.deviation(getattr(ours, name).numpy(), getattr(kaldis, name).numpy())
    return total


def of_the_files(workplace: Workplace, name: str, tolerance: Tolerance) -> Deviation:
    """Of the parameters in our file from those in Kaldi's."""
    mine, its = (read_nnet2_model(place / name).network for place in (workplace.place, workplace.golden))
    return parameter_deviation(mine, its, tolerance)


@covers(r"^nnet2/egs\.ark")
def examples(workplace: Workplace, row: Row) -> Outcome:
    """Every example is the window of our own features, compressed as Kaldi does, with the pdf of its frame."""
    workplace.shell(
        "apply-cmvn --utt2spk=ark:gmm/sub_utt2spk ark:gmm/sub_cmvn.ark scp:gmm/sub.scp ark:work/feats.ark"
        " && ali-to-pdf gmm/tri1/final.mdl ark:gmm/sub_ali_tri.ark ark:work/pdf.ark"
    )
    feats = dict(read_table(f"ark:{workplace.place}/work/feats.ark", "matrix"))
    pdfs = dict(read_table(f"ark:{workplace.place}/work/pdf.ark", "int-vector"))
    total, tolerance, count = Deviation(), Tolerance(), 0
    for key, example in read_nnet2_egs(f"ark:{workplace.golden / row.files[0]}"):
        utterance, _, frame = key.rpartition("-")
        places = np.arange(-CONTEXT, CONTEXT + 1) + int(frame)
        window = feats[utterance][np.clip(places, 0, len(feats[utterance]) - 1)]
        stored = decode("bare-compressed-matrix", in_memory(compress(window, 1), key))
        total |= tolerance.deviation(example.frames_TD, stored)
        if example.labels != [(pdfs[utterance][int(frame)], 1.0)] or example.left_context != CONTEXT:
            raise DifferentError(f"[{key}] other targets")
        count += 1
    return outcome(total, tolerance) if count == 640 else Outcome("differs", f"{count} examples")


@covers(r"^nnet2/egs_frames")
def examples_as_text(workplace: Workplace, row: Row) -> Outcome:
    """The frames and targets that Kaldi prints."""
    (frames, labels, _), tolerance = row.files, Tolerance(relative=1e-6)
    text = gzip.decompress((workplace.golden / frames).read_bytes())
    (workplace.place / "work/frames.txt").write_bytes(text)
    printed = list(read_table(f"ark:{workplace.place}/work/frames.txt", "matrix"))
    targets = (workplace.golden / labels).read_text().split("\n")
    total = Deviation()
    for (key, example), (name, values) in zip(
        read_nnet2_egs(f"ark:{workplace.golden}/nnet2/egs.ark"), printed, strict=False
    ):
        total |= tolerance.deviation(example.frames_TD, values) if key == name else Deviation(beyond=1)
    first = next(read_nnet2_egs(f"ark:{workplace.golden}/nnet2/egs.ark"))
    if targets[0] != f"{first[0]} <Lab1> [ {first[1].labels[0][0]} ]":
        raise DifferentError(f"{labels}: {targets[0]}")
    return outcome(total, tolerance)


@covers(r"^nnet2/lda\.mat$")
def transform(workplace: Workplace, row: Row) -> Outcome:
    """Up to the signs of its rows."""
    return lda(workplace, row)


@covers(r"^nnet2/\w+_0\.mdl$")
def initial(workplace: Workplace, row: Row) -> Outcome:
    """Kaldi's random draw is its own: the model is read and written again, binary and through text."""
    kaldis, name = workplace.golden / row.files[0], row.files[0]
    return by_command(workplace, row, f"nnet-am-copy --binary=false {kaldis} work/text && nnet-am-copy {kaldis} {name}")


@covers(r"^nnet2/\w+_[1-9]\d*\.mdl nnet2/\w+_\d+\.log$")
def trained(workplace: Workplace, row: Row) -> Outcome:
    """Parameters after so many minibatches, and the log probability of each in the log."""
    said, (model, log) = workplace.run(row), row.files
    few, many = re.findall(r"abs ([\d.e-]+) \(k<=5\), ([\d.e-]+) \(k=20\)", row.tolerance)[0]
    tolerance = Tolerance(absolute=float(many if "_20." in model else few))
    told = [
        np.array([float(x) for x in re.findall(r"\(this phase\) is (\S+) over", text)])
        for text in (said, (workplace.golden / log).read_text())
    ]
    return outcome(of_the_files(workplace, model, tolerance) | tolerance.deviation(*told), tolerance)


@covers(r"^nnet2/\w+_logp\.ark")
def outputs(workplace: Workplace, row: Row) -> Outcome:
    """Outputs; and those of the network of nnet3 that it is converted to."""
    found = by_command(workplace, row)
    if found.status == "differs":
        return found
    network, tolerance = re.findall(r"nnet2/\w+_20\.mdl", row.command)[0], Tolerance(absolute=1e-3)
    converted, total = to_nnet3(read_nnet2_model(workplace.golden / network).network), Deviation()
    workplace.shell("apply-cmvn --utt2spk=ark:gmm/sub_utt2spk ark:gmm/sub_cmvn.ark scp:gmm/sub.scp ark:work/feats.ark")
    feats = dict(read_table(f"ark:{workplace.place}/work/feats.ark", "matrix"))
    for key, wanted in read_table(f"ark:{workplace.golden / row.files[0]}", "matrix"):
        total |= tolerance.deviation(compute(converted, feats[key]), wanted)
    return found if not total.beyond else outcome(total, tolerance)


@covers(r"^nnet2/\w+_(avg|fix)\.mdl")
def changed(workplace: Workplace, row: Row) -> Outcome:
    """Parameters of the models, whose statistics are compared too."""
    workplace.run(row)
    return compared(workplace, row)


@covers(r"^nnet2/\w+_20\.mdl nnet2/\w+_prob\.log$")
def log_probability(workplace: Workplace, row: Row) -> Outcome:
    """nnet-compute-prob: log probability and accuracy of the examples."""
    said, tolerance = workplace.shell(row.command), Tolerance(absolute=1e-4)
    told = [
        np.array([float(x) for x in re.findall(r"probability is (\S+) and accuracy is (\S+) with", text)[0]])
        for text in (said, (workplace.golden / row.files[1]).read_text())
    ]
    return outcome(tolerance.deviation(*told), tolerance)


@covers(r"^nnet2/\w+_mix\.mdl")
def mixed(workplace: Workplace, row: Row) -> Outcome:
    """Group sizes; biases exactly; weights near Kaldi's, as both moved from the same parents by normal numbers of 0.01."""
    workplace.run(row)
    model, info, _ = row.files
    mine, its = (read_nnet2_model(place / model).network for place in (workplace.place, workplace.golden))
    groups = [one.sizes for one in (mine.components[-1], its.components[-1]) if isinstance(one, SumGroupComponent)]
    if len(groups) != 2 or groups[0] != groups[1]:
        return Outcome("differs", "groups of other sizes")
    tolerance = Tolerance(relative=1e-5)
    total = tolerance.deviation(mine.trained[-1].bias.numpy(), its.trained[-1].bias.numpy())
    moves = (mine.trained[-1].linear - its.trained[-1].linear).numpy()
    total |= Deviation(beyond=int(np.abs(moves).max() > 0.01 * 2**0.5 * 6))
    lines = [(place / info).read_text().split("\n") for place in (workplace.place, workplace.golden)]
    if [line for line in lines[0] if "linear" not in line] != [line for line in lines[1] if "linear" not in line]:
        raise DifferentError(f"{info}: other lines")
    return (
        Outcome("differs", "beyond") if total.beyond else Outcome("within", f"weights within {np.abs(moves).max():.3f}")
    )


@covers(r"^nnet2/\w+_comb\.mdl")
def combination(workplace: Workplace, row: Row) -> Outcome:
    """The objective before and after; the search is Kaldi's, so that parameters are near, too."""
    said, tolerance = workplace.run(row), Tolerance(absolute=1e-3)
    mine = re.search(r"with its penalty, from (\S+) to (\S+)", said)
    its = re.search(
        r"changed from .* = (\S+) to .* = (\S+)$", (workplace.golden / row.files[1]).read_text(), re.MULTILINE
    )
    if mine is None or its is None:
        raise DifferentError("no objectives in the log")
    return outcome(
        tolerance.deviation(*(np.array([float(x) for x in found.groups()]) for found in (mine, its))), tolerance
    )
