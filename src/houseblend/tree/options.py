"""Options of building trees; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.options import declared


@dataclass(frozen=True)
class MergeOptions:
    """Which leaves are merged."""

    cluster_thresh: float = declared(
        -1.0,
        "Log-likelihood that merging two leaves may cost; 0: none are merged; -1: as little as the last split gained",
    )


@dataclass(frozen=True)
class BuildOptions(MergeOptions):
    """When a tree is large enough; the defaults are those of Kaldi's build-tree."""

    max_leaves: int = declared(0, "Leaves wanted at most before merging; 0: no limit")
    thresh: float = declared(300.0, "Log-likelihood that a split must gain")
    round_num_leaves: bool = declared(True, "Merge leaves to a multiple of 8")
