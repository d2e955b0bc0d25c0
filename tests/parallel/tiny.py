"""A tiny frame store that can be learnt, and the options of a training on it that takes seconds."""

import json
from pathlib import Path

import numpy as np

from houseblend.frames.store import write_store
from houseblend.hmm.topology import HmmState, HmmTopology
from houseblend.hmm.transition_model import TransitionModel
from houseblend.hmm.tree import ContextDependency
from houseblend.io.objects import open_output

DIM, NUM_PHONES = 8, 4
OPTIONS = [
    "--num-epochs=1", "--initial-workers=2", "--final-workers=3", "--frames-per-round=1500", "--minibatch-size=64",
    "--hidden-layers=2", "--add-layers-period=1", "--hidden-dim=24", "--context=1", "--initial-effective-lrate=0.003",
    "--final-effective-lrate=0.001",
]  # fmt: skip


def write_tiny_frames(folder: Path, seed: int = 1, utterances: int = 60) -> Path:
    """A frame store of random vectors around a mean for each pdf, with the model files that go with it."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(seed)
    states = [HmmState(number, [(number, 0.5), (number + 1, 0.5)]) for number in range(2)] + [HmmState(-1)]
    phones = list(range(1, NUM_PHONES + 1))
    topology = HmmTopology(phones, dict.fromkeys(phones, 0), [states])
    tree = ContextDependency.monophone([[phone] for phone in phones], {phone: 2 for phone in phones})
    model = TransitionModel.initial(topology, tree)
    with open_output(folder / "tree") as target:
        tree.write(target)
    with open_output(folder / "final.mdl") as target:
        model.write(target)
    (folder / "phones.txt").write_text("<eps> 0\n")
    record = {"kind": "mfcc", "options": {}, "fingerprint": "x"}
    (folder / "feature.json").write_text(json.dumps(record))
    (folder / "cmvn_opts").write_text("--norm-means=true --norm-vars=false\n")
    means = chance.normal(size=(model.num_pdfs, DIM))

    def entries():
        for number in range(utterances):
            pdfs = np.repeat(chance.integers(0, model.num_pdfs, size=12), 8)
            feats = (means[pdfs] + chance.normal(size=(len(pdfs), DIM))).astype(np.float32)
            subset = "heldout" if number % 10 == 0 else "train"
            yield f"u{number:03d}", subset, number % 10 == 1, feats, pdfs

    info: dict[str, object] = {"tree": "t", "features": "x", "cmvn": "mean", "seed": seed}
    write_store(folder, DIM, model.num_pdfs, entries(), info)
    return folder
