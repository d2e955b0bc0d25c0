"""Options of frame stores; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import declared
from houseblend.feat.options import Normalisation


@dataclass(frozen=True)
class StoreFeatures(Normalisation):
    """What is done to features before they are stored."""

    model_features: bool = declared(
        False,
        "Features as the alignment's model sees them: its CMVN, LDA and MLLT, and the transforms of speakers (trans.*)",
    )


@dataclass(frozen=True)
class StoreOptions:
    """Which utterances are held out and which are kept for the final combination, and in what order all lie."""

    heldout_share: float = declared(0.05, "Share of the original recordings that is held out")
    combine_share: float = declared(0.05, "Share of the training utterances for the final combination")
    max_evaluated_frames: int = declared(40000, "Frames of either, about, at most: each round evaluates them")
    seed: int = declared(1, "Seed of the choice and of the order")

    def __post_init__(self) -> None:
        """UsageError: shares that are none."""
        if not (0 < self.heldout_share < 1 and 0 < self.combine_share <= 1 and self.max_evaluated_frames >= 1):
            given = f"--heldout-share={self.heldout_share:g}, --combine-share={self.combine_share:g}"
            given += f", --max-evaluated-frames={self.max_evaluated_frames}"
            raise UsageError(given, expected="shares between 0 and 1, 1 frame or more")
