"""Options of nnet1's training (`nnet-train-frmshuff`); nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import check_choices, declared
from houseblend.train.options import MINIBATCH_SIZE


@dataclass(frozen=True)
class SgdOptions:
    """Stochastic gradient descent as nnet1 has it; gradients are sums over the frames of a minibatch."""

    learn_rate: float = declared(0.008, "Learning rate")
    momentum: float = declared(0.0, "Share of the last gradients that is kept")
    l2_penalty: float = declared(0.0, "By the frame: weights shrink by so much of themselves, times the rate")
    l1_penalty: float = declared(0.0, "By the frame: weights shrink by so much, times the rate, down to 0")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        if self.learn_rate < 0.0 or not 0.0 <= self.momentum < 1.0 or min(self.l1_penalty, self.l2_penalty) < 0.0:
            given = f"--learn-rate={self.learn_rate}, --momentum={self.momentum}"
            given += f", --l1-penalty={self.l1_penalty}, --l2-penalty={self.l2_penalty}"
            raise UsageError(given, expected="none below 0, momentum below 1")


@dataclass(frozen=True)
class ShuffleOptions:
    """How frames come together in minibatches."""

    minibatch_size: int = declared(MINIBATCH_SIZE, "Frames of a minibatch")
    randomize: bool = declared(True, "Shuffle frames; not when cross-validating")
    randomizer_size: int = declared(32768, "Frames that are shuffled together, or a few more: utterances are whole")
    randomizer_seed: int = declared(777, "Seed of the order of frames")

    def __post_init__(self) -> None:
        """UsageError: a value that makes no sense."""
        if not 1 <= self.minibatch_size <= self.randomizer_size:
            given = f"--minibatch-size={self.minibatch_size}, --randomizer-size={self.randomizer_size}"
            raise UsageError(given, expected="a minibatch of at least 1 frame, and no fewer frames shuffled together")


@dataclass(frozen=True)
class PassOptions:
    """One pass over the data."""

    cross_validate: bool = declared(False, "Only measure: nothing is trained or written")
    feature_transform: str = declared("", "Network in front, which is not trained")
    objective_function: str = declared("xent", "Cross-entropy", ("xent",))
    frame_weights: str = declared("", "Rspecifier: a weight for every frame; frames of weight 0 are left out")
    utt_weights: str = declared("", "Rspecifier: a weight for every utterance")
    max_frames: int = declared(360000, "Longer utterances are left out")
    length_tolerance: int = declared(5, "Features, targets and weights may differ in length by less than this")

    def __post_init__(self) -> None:
        """UsageError: another objective."""
        check_choices(self)
