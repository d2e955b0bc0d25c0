"""Online natural gradient: a low-rank estimate of the Fisher matrix of a stream of rows.

Povey, Zhang, Khudanpur, "Parallel training of DNNs with natural gradient and parameter averaging", appendix;
the equations are those of Kaldi's nnet3/natural-gradient-online.h. With rows X [N, D] the Fisher matrix is
modelled as F = R' diag(d) R + rho I with R [rank, D] of orthonormal rows. Kept are d, rho and
W = E^(1/2) R, where e_i = 1 / (beta / d_i + 1) and beta = rho (1 + alpha) + alpha sum(d) / D.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from houseblend.base.errors import InputError
from houseblend.nnet.device import sent
from houseblend.train.update.simple_natural_gradient import SimpleNaturalGradient, ratio_of_norms

_EPSILON = 1e-10
_DELTA = 5e-4
_CONDITION_THRESHOLD = 1e6
_ORTHONORMALITY_THRESHOLD = 1e-3
_INVERSE_CHOLESKY_LIMIT = 100.0


class OnlineNaturalGradient:
    """Preconditions rows with the inverse of their smoothed Fisher matrix, and keeps estimating that matrix.

    Args:
        rank: rank of the estimate beside the multiple of the unit matrix; cut to D - 1.
        update_period: after the first `initial_updates` calls the estimate is updated at every so-many-th call.
        num_samples_history: rows over which the estimate forgets.
        num_minibatches_history: calls over which it forgets; beats `num_samples_history` if not 0.
        alpha: smoothing with the unit matrix.

    Attributes:
        frozen: do not update the estimate.
        initial_updates: calls at the beginning that all update it.
    """

    initial_updates = 11

    def __init__(
        self,
        rank: int = 40,
        update_period: int = 1,
        num_samples_history: float = 2000.0,
        num_minibatches_history: float = 0.0,
        alpha: float = 4.0,
    ) -> None:
        self.rank, self.update_period, self.alpha = rank, update_period, alpha
        self.num_samples_history, self.num_minibatches_history = num_samples_history, num_minibatches_history
        self.frozen = False
        self._calls = 0
        self._seen: _Seen | None = None
        self._w = torch.empty(0)
        self._d = np.empty(0)
        self._rho = 0.0

    def precondition(self, x: torch.Tensor) -> torch.Tensor:
        """Replace X by X - H W with H = X W', which is beta X (F + (alpha / D) tr(F) I)^-1; of NaN or infinity comes the like.

        What X says to the estimate waits until the next call, or until `learn`.

        Args:
            x: rows [N, D], float32; changed in place.

        Returns:
            The factor that gives the result the Frobenius norm that X had, a scalar; 1 for zero input and for D = 1.
        """
        if x.shape[1] == 1:
            return x.new_ones(())
        if self._seen is not None:
            learn([self])
        norm = torch.linalg.vector_norm(x)
        if self._calls == 0:
            self._start(x, norm)
        self._step(x, norm, observe=self._is_update_due())
        self._calls += 1
        return ratio_of_norms(norm, torch.linalg.vector_norm(x))

    def state(self) -> dict[str, np.ndarray]:
        """What the estimate is made of: w [rank, D] float32, d [rank], rho, alpha and calls; nothing before the first call."""
        if self._calls == 0:
            return {}
        learn([self])
        numbers = {"rho": self._rho, "alpha": self.alpha, "calls": self._calls}
        return {"w": self._w.cpu().numpy(), "d": self._d.copy(), **{key: np.array(n) for key, n in numbers.items()}}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` gave; from nothing, start afresh."""
        self._calls, self._seen = int(state.get("calls", 0)), None
        if self._calls:
            self._w = torch.tensor(state["w"], dtype=torch.float32)
            self._d, self._rho = np.array(state["d"], dtype=np.float64), float(state["rho"])
            self.rank = len(self._d)

    def _start(self, x: torch.Tensor, norm: torch.Tensor) -> None:
        """Begin with a fixed orthonormal pattern, then learn from x three times without its result."""
        num_rows, dim = x.shape
        self.rank = min(self.rank, dim - 1)
        self._w = (_orthonormal_pattern(self.rank, dim) / math.sqrt(2.0 + (dim + self.rank) * self.alpha / dim)).to(x)
        self._d, self._rho = np.full(self.rank, _EPSILON), _EPSILON
        for _ in range(self._initial_passes(num_rows)):
            self._step(x.clone(), norm, observe=True)
            learn([self])

    def _initial_passes(self, num_rows: int) -> int:
        """How often the first minibatch is learned from."""
        return 1 if num_rows <= self.rank else 3

    def _is_update_due(self) -> bool:
        late = self._calls + 1 - self.initial_updates
        return not self.frozen and (late <= 0 or late % self.update_period == 0)

    def _eta(self, num_rows: int) -> float:
        """Weight of the present minibatch in the estimate."""
        if self.num_minibatches_history > 0.0:
            return 1.0 / self.num_minibatches_history
        return min(0.9, 1.0 - math.exp(-num_rows / self.num_samples_history))

    def _step(self, x: torch.Tensor, norm: torch.Tensor, observe: bool) -> None:
        """Precondition x in place; if `observe`, keep what the estimate is to learn from it."""
        w = self._w = self._w.to(x.device)
        h = x @ w.t()
        if observe:
            j = h.t() @ x
            hh = w @ j.t() if len(x) > x.shape[1] else h.t() @ h
            self._seen = _Seen(len(x), j, torch.cat([(j @ j.t()).view(-1), hh.view(-1), norm.view(1)]))
        x.addmm_(h, w, alpha=-1.0)

    def _solve(self, seen: _Seen, numbers: np.ndarray) -> _Renewal:
        """Go from (d, rho) of t to those of t + 1; the numbers that were seen are on the host now, float64."""
        (jj, hh), norm = numbers[:-1].reshape(2, self.rank, self.rank), numbers[-1]
        num_rows, dim = seen.num_rows, self._w.shape[1]
        eta, d, rho = self._eta(num_rows), self._d, self._rho
        root_e = np.sqrt(_diagonal_e(d, rho, self.alpha, dim))
        c, u = self._eigen(jj, hh, 1.0 / root_e, eta, num_rows)
        floor = (rho * (1.0 - eta)) ** 2
        reorthogonalise = bool(c[0] > _CONDITION_THRESHOLD * c[-1] or c[-1] < floor)
        root_c = np.sqrt(np.maximum(c, floor))

        trace = eta / num_rows * norm**2 + (1.0 - eta) * (dim * rho + d.sum())
        self._d, self._rho = _split(root_c, trace, dim)
        next_root_e = np.sqrt(_diagonal_e(self._d, self._rho, self.alpha, dim))
        a = (eta / num_rows) * (next_root_e / root_c)[:, None] * u.T / root_e[None, :]
        keep = (1.0 - eta) / (eta / num_rows) * (d + rho)
        return _Renewal(np.vstack([a, keep]).astype(np.float32), next_root_e if reorthogonalise else None)

    def _renew(self, seen: _Seen, factors: torch.Tensor, root_e: np.ndarray | None) -> None:
        """Go from W of t to that of t + 1; arguments are those of `_Renewal`, its factors where W is."""
        seen.j.addcmul_(factors[-1][:, None], self._w)
        self._w = factors[:-1] @ seen.j
        if root_e is not None:
            self._reorthogonalise(root_e)

    def _eigen(
        self, jj: np.ndarray, hh: np.ndarray, inv_root_e: np.ndarray, eta: float, num_rows: int
    ) -> tuple[np.ndarray, np.ndarray]:
        """Eigenvalues, descending, and eigenvectors (columns) of Z; float64, scaled against overflow."""
        weight, spread = eta / num_rows, self._d + self._rho
        jj = (jj + jj.T) / 2 * inv_root_e[:, None] * inv_root_e[None, :]
        hh = (hh + hh.T) / 2 * inv_root_e[:, None] * inv_root_e[None, :]
        z = weight**2 * jj + weight * (1.0 - eta) * hh * (spread[:, None] + spread[None, :])
        z += np.diag(((1.0 - eta) * spread) ** 2)
        scale = max(1.0, np.trace(z))
        values, vectors = np.linalg.eigh(z / scale)
        return values[::-1] * scale, vectors[:, ::-1]

    def _reorthogonalise(self, root_e: np.ndarray) -> None:
        """Make the rows of R = E^(-1/2) W orthonormal again, if they are not within 1e-3."""
        r = _to_numpy(self._w) / root_e[:, None]
        o = r @ r.T
        if np.abs(o - np.eye(self.rank)).max() <= _ORTHONORMALITY_THRESHOLD:
            return
        try:
            inverse = np.linalg.inv(np.linalg.cholesky(o))
            well_conditioned = inverse.max() < _INVERSE_CHOLESKY_LIMIT
        except np.linalg.LinAlgError:
            well_conditioned = False
        r = inverse @ r if well_conditioned else _gram_schmidt(r)
        self._w = torch.from_numpy(root_e[:, None] * r).to(self._w)


@dataclass
class _Seen:
    """What rows say to an estimate: how many they are, J = H'X [rank, D]; and for the host JJ', HH' and the norm of X, flat."""

    num_rows: int
    j: torch.Tensor
    numbers: torch.Tensor


@dataclass
class _Renewal:
    """How W becomes A (J + diag(k) W): A above k, [rank + 1, rank], float32; diag(E)^(1/2) if rows are to be made orthonormal again."""

    factors: np.ndarray
    root_e: np.ndarray | None


def learn(estimates: Iterable[OnlineNaturalGradient]) -> None:
    """Let estimates have what rows said to them since they learnt last; one that was told NaN or infinity stays as it is.

    Eigenvectors are found on the host; it sees the small matrices of all estimates in one transfer, and answers in one.
    """
    told = [(one, one._seen) for one in estimates if one._seen is not None]
    if not told:
        return
    numbers = _to_numpy(torch.cat([seen.numbers for _, seen in told]))
    answers: list[tuple[OnlineNaturalGradient, _Seen, _Renewal]] = []
    for one, seen in told:
        mine, numbers = np.split(numbers, [len(seen.numbers)])
        one._seen = None
        if np.isfinite(mine).all():
            answers.append((one, seen, one._solve(seen, mine)))
    if answers:
        flat = np.concatenate([renewal.factors.ravel() for _, _, renewal in answers])
        parts = sent(torch.from_numpy(flat), answers[0][1].j.device).split([one.factors.size for _, _, one in answers])
        for (one, seen, renewal), part in zip(answers, parts, strict=True):
            one._renew(seen, part.view(renewal.factors.shape), renewal.root_e)


Preconditioner = OnlineNaturalGradient | SimpleNaturalGradient


class PreconditionedAffine:
    """Natural gradient on both sides of an affine layer (NaturalGradientAffineComponent::Update).

    Args:
        in_side: for the input with a constant 1 at the end of each row.
        out_side: for the derivative by the output.
        input_dim, output_dim: of the layer.
        constant: False leaves the 1 out, for a layer without bias.
    """

    def __init__(
        self, in_side: Preconditioner, out_side: Preconditioner, input_dim: int, output_dim: int, constant: bool = True
    ) -> None:
        self.in_side, self.out_side, self._constant = in_side, out_side, constant
        self._dims = {"in": input_dim + constant, "out": output_dim}
        self._x1, self._dy = torch.empty(0), torch.empty(0)

    def __call__(self, x: torch.Tensor, dy: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Precondition copies of both.

        Args:
            x: input, [N, D_in].
            dy: derivative by the output, [N, D_out].

        Returns:
            X1 [N, D_in + 1] (or X [N, D_in]) and dY [N, D_out], valid until the next call: the direction is dY' X1,
            weights and bias side by side. The factors of both sides are in dY.
        """
        num_rows, dim = x.shape
        if self._x1.shape != (num_rows, dim + self._constant) or self._x1.device != x.device:
            self._x1 = x.new_empty(num_rows, dim + self._constant)
            self._dy = torch.empty_like(dy)
        self._x1[:, :dim] = x
        self._x1[:, dim:] = 1.0
        self._dy.copy_(dy)
        scale = self.in_side.precondition(self._x1) * self.out_side.precondition(self._dy)
        return self._x1, self._dy.mul_(scale)

    @property
    def estimates(self) -> list[OnlineNaturalGradient]:
        """The sides that remember."""
        return [side for _, side in self._sides()]

    def freeze(self, frozen: bool) -> None:
        """Stop (or go on) updating the estimates."""
        self.in_side.frozen = self.out_side.frozen = frozen

    def state(self) -> dict[str, np.ndarray]:
        """State of the sides that remember, keys `in.*` and `out.*`."""
        return {f"{side}.{key}": value for side, ng in self._sides() for key, value in ng.state().items()}

    def load_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Go on from what `state` gave; a side of which it has nothing starts afresh.

        Raises:
            InputError: no estimate, or one of other dims; its key is the side.
        """
        for side, ng in self._sides():
            own = {key.partition(".")[2]: value for key, value in state.items() if key.startswith(f"{side}.")}
            if own and not _is_estimate(own, self._dims[side]):
                expected = f"w [rank, {self._dims[side]}], d [rank], rho, alpha and calls"
                raise InputError("no estimate of a Fisher matrix", key=side, expected=expected)
            ng.load_state(own)

    def _sides(self) -> list[tuple[str, OnlineNaturalGradient]]:
        sides = ("in", self.in_side), ("out", self.out_side)
        return [(name, side) for name, side in sides if isinstance(side, OnlineNaturalGradient)]


def mean_estimate(states: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The estimate that is nearest to the mean of several estimates' Fisher matrices; estimates that are equal stay so.

    The mean of K matrices R' diag(d) R + rho I is S'S + mean(rho) I, where the rows of S are sqrt(d / K) R of all of them.
    It keeps its largest eigenvalues, as many as one estimate has, their eigenvectors, and its trace. S'S has the
    eigenvalues of SS', which is small; these are taken in float64.

    Args:
        states: as `OnlineNaturalGradient.state` gives them.
    """
    first, calls = states[0], np.array(max(int(state["calls"]) for state in states))
    if all(np.array_equal(state[key], first[key]) for state in states for key in ("w", "d", "rho")):
        return {**first, "calls": calls}
    (rank, dim), rho = first["w"].shape, sum(float(state["rho"]) for state in states) / len(states)
    rows = [state["w"].astype(np.float64) for state in states]
    lengths = [
        np.sqrt(state["d"] / len(states)) / np.linalg.norm(w, axis=1) for w, state in zip(rows, states, strict=True)
    ]
    s = np.concatenate([length[:, None] * w for length, w in zip(lengths, rows, strict=True)])
    values, vectors = np.linalg.eigh(s @ s.T)
    values, vectors = values[::-1], vectors[:, ::-1]
    r = vectors[:, :rank].T @ s / np.sqrt(values[:rank])[:, None]
    d, rho = _split(values[:rank] + rho, values.sum() + dim * rho, dim)
    root_e = np.sqrt(_diagonal_e(d, rho, float(first["alpha"]), dim))
    return {**first, "w": (root_e[:, None] * r).astype(np.float32), "d": d, "rho": np.array(rho), "calls": calls}


def _split(values: np.ndarray, trace: float, dim: int) -> tuple[np.ndarray, float]:
    """d and rho of the matrix with these largest eigenvalues, [rank], and this trace; both are floored."""
    rho = (trace - values.sum()) / (dim - len(values))
    least = max(_EPSILON, _DELTA * values.max())
    return np.maximum(values - rho, least), max(rho, least)


def _diagonal_e(d: np.ndarray, rho: float, alpha: float, dim: int) -> np.ndarray:
    """Diagonal of E, [rank]."""
    beta = rho * (1.0 + alpha) + alpha * d.sum() / dim
    return 1.0 / (beta / d + 1.0)


def _is_estimate(state: Mapping[str, np.ndarray], dim: int) -> bool:
    """Whether arrays are what `OnlineNaturalGradient.state` gives for rows of `dim` numbers."""
    if set(state) != {"w", "d", "rho", "alpha", "calls"}:
        return False
    shapes = {
        "w": (len(np.atleast_1d(state["d"])), dim),
        "d": (np.size(state["d"]),),
        "rho": (),
        "alpha": (),
        "calls": (),
    }
    if any(state[key].shape != shape or state[key].dtype.kind not in "fi" for key, shape in shapes.items()):
        return False
    finite = all(np.isfinite(value).all() for value in state.values())
    return bool(finite and (state["d"] > 0).all() and state["rho"] > 0 and state["calls"] > 0)


def _to_numpy(x: torch.Tensor) -> np.ndarray:
    return x.cpu().double().numpy()


def _orthonormal_pattern(rank: int, dim: int) -> torch.Tensor:
    """Unit rows [rank, dim]; row r has entries at columns r, r + rank, ..., the first 1.1 times the others."""
    pattern = np.zeros((rank, dim))
    for row in range(rank):
        pattern[row, row::rank] = 1.0
        pattern[row, row] = 1.1
    return torch.from_numpy(pattern / np.linalg.norm(pattern, axis=1, keepdims=True))


def _gram_schmidt(rows: np.ndarray) -> np.ndarray:
    """Orthonormal rows that span the space of the rows given, in their order; [n, D]."""
    q, r = np.linalg.qr(rows.T)
    return (q * np.where(np.diag(r) < 0, -1.0, 1.0)).T
