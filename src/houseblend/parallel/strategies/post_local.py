"""Post-local SGD: a mean after every minibatch first, every H minibatches later."""

from dataclasses import dataclass

from houseblend.base.options import declared
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategy import within


@dataclass(frozen=True)
class PostLocal(Average):
    """Lin, Stich, Patel, Jaggi 2020: synchronous SGD until the rate first falls, then local SGD with H steps.

    Their rate falls first at half of the epochs. Where it falls all the time, the share of the data says when.
    """

    paper = "Lin, Stich, Patel, Jaggi 2020"
    mathematics = "c = m; every minibatch at first, every H later"

    average_period: int = declared(16, "Minibatches from one blend to the next; for post-local H")
    local_after: float = declared(0.5, "post-local: share of the data after which workers go H minibatches alone")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.local_after, 1.0, "local_after", closed=True)

    @property
    def every(self) -> int:
        """1, later H."""
        return 1 if self.moment.seen < self.local_after else self.average_period
