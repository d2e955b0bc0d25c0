"""Where and in what pieces networks are computed; nothing heavy is loaded here."""

from dataclasses import dataclass

from houseblend.base.errors import UsageError
from houseblend.base.options import check_choices, declared


@dataclass(frozen=True)
class DeviceOptions:
    """What computes."""

    device: str = declared("cpu", "Where networks are computed", ("cpu", "cuda"))

    def __post_init__(self) -> None:
        """UsageError: another word."""
        check_choices(self)


@dataclass(frozen=True)
class ChunkOptions:
    """How an utterance is cut; its outputs are the same."""

    frames_per_chunk: int = declared(1024, "Frames computed at a time; does not change the result")

    def __post_init__(self) -> None:
        """UsageError: no frames."""
        if self.frames_per_chunk < 1:
            raise UsageError(f"--frames-per-chunk={self.frames_per_chunk}", expected="at least 1")
