"""Parle: replicas that each smooth their own landscape by many local steps, and are drawn to one another rarely."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from houseblend.base.options import declared
from houseblend.parallel.strategy import Own, Shared, Strategy, within

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Parle(Strategy):
    """Chaudhari et al. 2017. Between blends a worker's parameters y are pulled to its x, and z is their running mean:

    y -= lr (grad f(y) + (y - x) / gamma);  z = a z + (1 - a) y

    A blend moves x towards z, and towards the mean of all z; V is Nesterov momentum:

    U = (x - z) + (x - mean z) / rho;  V = mu V + U;  x -= eta (U + mu V);  y = z = x

    Scoping: gamma and rho fall geometrically with the data seen, from loose to tight. f is the mean over a minibatch; the house
    sums over its N frames, so that N / gamma is the strength of the pull. Tensors are flat, [n].
    """

    paper = "Chaudhari et al. 2017, arXiv 1707.00424"
    mathematics = (
        "y pulled to x, z = a z + (1 - a) y; U = (x - z) + (x - m)/rho; V = mu V + U; x -= eta (U + mu V); y = z = x"
    )
    state = "each worker's x, z, V last"
    sent = "z"

    average_period: int = declared(25, "Minibatches from one blend to the next; for parle L")
    parle_rate: float = declared(0.1, "parle: eta, rate of the outer step")
    parle_momentum: float = declared(0.9, "parle: mu, Nesterov momentum of the outer step")
    parle_smoothing: float = declared(0.75, "parle: a, share of the running mean that a minibatch leaves")
    gamma_start: float = declared(100.0, "parle: gamma at the start; the pull is 1 / gamma, and 0 for 0")
    gamma_end: float = declared(1.0, "parle: gamma at the end")
    rho_start: float = declared(1.0, "parle: rho at the start; the coupling is 1 / rho, and 0 for 0")
    rho_end: float = declared(0.1, "parle: rho at the end")

    def __post_init__(self) -> None:
        """UsageError: an option out of its range."""
        super().__post_init__()
        within(0.0, self.parle_rate, 10.0, "parle_rate")
        for name in ("parle_momentum", "parle_smoothing"):
            within(0.0, getattr(self, name), 1.0, name)
        for name in ("gamma_start", "gamma_end", "rho_start", "rho_end"):
            within(0.0, getattr(self, name), float("inf"), name)

    def join(self, shared: Shared) -> Own:
        """All begin at the centre, without momentum."""
        c = shared["c"]
        return {"x": c.clone(), "z": c.clone(), "v": c.new_zeros(c.shape)}

    def begin(self, params: Tensor) -> Shared:
        """The centre is where everybody begins."""
        return {"c": params.clone()}

    def pull(self, shared: Shared, own: Own) -> tuple[Tensor, float] | None:
        """To x, more and more."""
        strength = self.moment.minibatch * self._scoped(self.gamma_start, self.gamma_end)
        return (own["x"], strength) if strength else None

    def watch(self, own: Own, params: Tensor) -> Own:
        """The running mean takes its part."""
        return {**own, "z": self.parle_smoothing * own["z"] + (1 - self.parle_smoothing) * params}

    def give(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The running mean."""
        return own, own["z"]

    def take(self, shared: Shared, own: Own, params: Tensor) -> tuple[Own, Tensor]:
        """The outer step; the next inner loop begins where it ends."""
        x, mu = own["x"], self.parle_momentum
        u = (x - own["z"]) + self._scoped(self.rho_start, self.rho_end) * (x - shared["c"])
        v = mu * own["v"] + u
        x = x - self.parle_rate * (u + mu * v)
        return {"x": x, "z": x, "v": v}, x

    def _scoped(self, start: float, end: float) -> float:
        """1 / gamma or 1 / rho at the data seen."""
        return 0.0 if start == 0.0 or end == 0.0 else start ** (self.moment.seen - 1) / end**self.moment.seen
