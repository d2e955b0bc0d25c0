"""Options of decoding, and of scoring what was decoded; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared

ANY_NUMBER = 2**31 - 1
"""Tokens without a limit."""


@dataclass(frozen=True)
class SearchOptions:
    """The lattice search; the defaults are those of Kaldi's programs (gmm-latgen-faster)."""

    beam: float = declared(16.0, "Beam of the search: how much worse than the best of its frame a token may be")
    lattice_beam: float = declared(10.0, "Beam of the lattice: how much worse than the best its paths may be")
    acoustic_scale: float = declared(0.1, "Factor on log-likelihoods in the search")
    max_active: int = declared(ANY_NUMBER, "Most tokens of the search a frame")
    allow_partial: bool = declared(False, "Take paths that reach no end where none does")
    determinize_lattice: bool = declared(True, "false writes all paths that the search found")


@dataclass(frozen=True)
class DecodeOptions(SearchOptions):
    """The search of the step `decode`, as Kaldi's scripts have it."""

    beam: float = declared(13.0, "Beam of the search; twice as much where it fails")
    lattice_beam: float = declared(8.0, "Beam of the lattice")
    max_active: int = declared(7000, "Most tokens of the search a frame")
    allow_partial: bool = True
    determinize_lattice: bool = True


@dataclass(frozen=True)
class LatticeOptions:
    """How the costs of lattices are weighed where paths are compared; Kaldi's values."""

    acoustic_scale: float = declared(1.0, "Factor on acoustic costs")
    inv_acoustic_scale: float = declared(1.0, "Divisor of acoustic costs, besides")
    lm_scale: float = declared(1.0, "Factor on graph costs")
    beam: float = declared(10.0, "Beam around the best path, in scaled costs")


@dataclass(frozen=True)
class OutputOptions:
    """What is computed of every frame."""

    log_likelihoods: bool = declared(
        False, "What decode searches with: log posteriors less log priors, as nnet3-compute --use-priors; of a GMM, too"
    )


@dataclass(frozen=True)
class ScoreOptions:
    """The weights and penalties that scoring tries."""

    min_lmwt: int = declared(1, "Smallest language-model weight")
    max_lmwt: int = declared(20, "Largest language-model weight")
    penalties: str = declared("0,1,2,3,4,5,6,7,8,9,10", "Word insertion penalties")

    def __post_init__(self) -> None:
        """UsageError: no weights, or penalties that are no numbers."""
        if not 1 <= self.min_lmwt <= self.max_lmwt:
            given = f"--min-lmwt={self.min_lmwt}, --max-lmwt={self.max_lmwt}"
            raise UsageError(given, expected="1 or more, the largest not below the smallest")
        try:
            self.pairs()
        except ValueError:
            raise UsageError(f"--penalties={self.penalties}", expected="numbers with commas between") from None

    def pairs(self) -> list[tuple[int, float]]:
        """All pairs of weight and penalty."""
        penalties = [float(word) for word in self.penalties.split(",")]
        return [(weight, penalty) for weight in range(self.min_lmwt, self.max_lmwt + 1) for penalty in penalties]
