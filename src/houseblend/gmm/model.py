"""GMM-HMM model files (`.mdl`): a transition model and the mixtures."""

from pathlib import Path

from houseblend.gmm.diag import AmDiagGmm
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.objects import open_input, open_output


def read_model(path: str | Path) -> tuple[TransitionModel, AmDiagGmm]:
    """Read a model.

    Raises:
        InputError: the file is missing, truncated or something else, or its two parts have other numbers of pdfs.
    """
    with open_input(path) as source:
        transitions = TransitionModel.read(source)
        mixtures = AmDiagGmm.read(source)
        source.stream.expect_end()
        if mixtures.num_pdfs != transitions.num_pdfs:
            raise source.fail(f"{mixtures.num_pdfs} mixtures", f"{transitions.num_pdfs}, the transition model's pdfs")
    return transitions, mixtures


def unadapted_model(folder: Path) -> Path:
    """Of a speaker-adapted model's directory the model for features that are not adapted yet: final.alimdl, if it is there."""
    path = folder / "final.alimdl"
    return path if path.exists() else folder / "final.mdl"


def write_model(path: str | Path, transitions: TransitionModel, mixtures: AmDiagGmm, binary: bool = True) -> None:
    """Write a model; the file appears whole or not at all."""
    with open_output(path, binary) as target:
        transitions.write(target)
        mixtures.write(target)
