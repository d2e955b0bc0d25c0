"""What training leaves in its directory between iterations, so that it goes on where it was killed; gone when it is done.

`N.mdl` is the model before iteration N, written last of all that belongs to N: what is learned of the features (`N.mat`, a
linear transform, or `N.trans`, transforms of speakers), and, where utterances were aligned anew, the spool `N.paths`; else
that of the largest number below N holds. `graphs` is a spool of the transcripts' graphs, `old.paths` one of the alignment
that the first model is made from.
"""

from dataclasses import dataclass
from pathlib import Path

from houseblend.feat.description import read_speakers, write_speakers
from houseblend.feat.pipeline import FeaturePipeline, LinearTransform, SpeakerTransforms, Transform
from houseblend.gmm.diag import AmDiagGmm
from houseblend.gmm.model import read_model, write_model
from houseblend.hmm.transition_model import TransitionModel
from houseblend.io.tables import read_object, write_object


@dataclass(frozen=True)
class Model:
    """A GMM-HMM, and what is done to the features that it sees."""

    transitions: TransitionModel
    mixtures: AmDiagGmm
    pipeline: FeaturePipeline


class WorkingFiles:
    """The files of a directory.

    Args:
        folder: the output directory of the training.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @property
    def graphs(self) -> Path:
        """The graphs of the transcripts."""
        return self._folder / "graphs"

    @property
    def old_paths(self) -> Path:
        """The alignment that the first model is made from."""
        return self._folder / "old.paths"

    def paths(self, number: int) -> Path:
        """Where the paths go that iteration `number` begins with."""
        return self._folder / f"{number}.paths"

    def newest_paths(self, number: int) -> Path:
        """The paths that iteration `number` begins with."""
        return self._until(number, "paths")[-1]

    def number(self) -> int | None:
        """The iteration to go on with; None if none was begun."""
        models = self._all("mdl")
        return int(models[-1].stem) if models else None

    def save(self, number: int, model: Model) -> None:
        """Write the model before iteration `number`, and remove what nobody needs any more."""
        learned = model.pipeline.transforms[-1]
        if isinstance(learned, LinearTransform):
            write_object(str(self._folder / f"{number}.mat"), "matrix", learned.matrix)
        elif isinstance(learned, SpeakerTransforms):
            write_speakers(self._folder / f"{number}.trans", learned)
        write_model(self._folder / f"{number}.mdl", model.transitions, model.mixtures)
        old = [path for kind in ("mdl", "mat", "trans") for path in self._until(number - 1, kind)]
        for path in (*old, *self._until(number, "paths")[:-1]):
            path.unlink()

    def load(self, number: int, pipeline: FeaturePipeline) -> Model:
        """The model before iteration `number`.

        Args:
            number: of an iteration for which there is one.
            pipeline: what is done to the features before what is learned.
        """
        transitions, mixtures = read_model(self._folder / f"{number}.mdl")
        matrix, speakers = (self._folder / f"{number}.{kind}" for kind in ("mat", "trans"))
        learned: list[Transform] = []
        if matrix.exists():
            learned.append(LinearTransform(read_object(str(matrix), "matrix")))
        if speakers.exists():
            learned.append(read_speakers([speakers]))
        return Model(transitions, mixtures, pipeline.followed_by(*learned))

    def clear(self) -> None:
        """Remove all; the model goes last, so that until then there is something to go on with."""
        for path in (
            self.graphs,
            self.old_paths,
            *(path for kind in ("paths", "mat", "trans", "mdl") for path in self._all(kind)),
        ):
            path.unlink(missing_ok=True)

    def _all(self, kind: str) -> list[Path]:
        """The files of a kind, by number."""
        found = (path for path in self._folder.glob(f"*.{kind}") if path.stem.isdigit())
        return sorted(found, key=lambda path: int(path.stem))

    def _until(self, number: int, kind: str) -> list[Path]:
        return [path for path in self._all(kind) if int(path.stem) <= number]
