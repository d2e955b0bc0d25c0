"""The options of fMLLR (Kaldi's FmllrOptions)."""

from dataclasses import dataclass

from houseblend.base.options import declared


@dataclass(frozen=True)
class FmllrOptions:
    """What is estimated, and from how much."""

    fmllr_update_type: str = declared("full", "What is estimated of the transform", ("full", "diag", "offset", "none"))
    fmllr_min_count: float = declared(500.0, "Frames below which the transform stays the unit transform")
    fmllr_num_iters: int = declared(40, "Iterations over the rows of a full transform")
