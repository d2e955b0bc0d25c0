"""L-BFGS whose function is computed by the caller (Nocedal, Wright 2006, "Numerical Optimization", algorithms 7.4 and 7.5; Kaldi's
matrix/optimization, whose line search doubles and halves)."""

import math

import numpy as np

_ARMIJO, _CURVATURE = 1e-4, 0.9
_MOST_FAILURES = 50
_CLOSE = 1e-8


class Lbfgs:
    """Minimises a function of a vector: compute it at `proposed`, `tell` it, and so on.

    Args:
        start: where to begin, float64, [n].
        memory: pairs of steps and of changes of the gradient that are kept.
        first_gain: by how much the first step would lower a linear function.

    Attributes:
        proposed: where the function is wanted next, [n].
        best: the lowest value told, and its place.
    """

    def __init__(self, start: np.ndarray, memory: int, first_gain: float) -> None:
        self._memory, self._first_gain = memory, first_gain
        self.proposed, self.best = start.copy(), (math.inf, start.copy())
        self._x, self._value, self._gradient = start.copy(), math.inf, np.zeros_like(start)
        self._pairs: list[tuple[np.ndarray, np.ndarray]] = []
        self._scale = 0.0
        self._is_searching = False

    def tell(self, value: float, gradient: np.ndarray) -> None:
        """Value and gradient, [n], at `proposed`."""
        if value < self.best[0]:
            self.best = value, self.proposed.copy()
        if not self._is_searching:
            self._set_out(self._x, value, gradient)
            return
        along, along_there = (self.proposed - self._x) @ self._gradient, (self.proposed - self._x) @ gradient
        too_far = not value <= self._value + _ARMIJO * along
        too_near = not too_far and along_there < _CURVATURE * along
        if not (too_far or too_near):
            self._accept(value, gradient)
        elif self._is_stuck(value, too_far):
            self._restart(value, gradient)

    def _set_out(self, x: np.ndarray, value: float, gradient: np.ndarray) -> None:
        """Propose a step from x along -H g."""
        self._x, self._value, self._gradient = x.copy(), value, gradient.copy()
        if self._pairs:
            step, change = self._pairs[-1]
            self._scale = float(step @ change / (change @ change))
        elif not self._scale:
            squared = float(gradient @ gradient)
            self._scale = self._first_gain / squared if squared > 0 else 1.0
        direction, shares = gradient.copy(), []
        for step, change in reversed(self._pairs):
            shares.append(step @ direction / (step @ change))
            direction -= shares[-1] * change
        direction *= self._scale
        for (step, change), share in zip(self._pairs, reversed(shares), strict=True):
            direction += step * (share - change @ direction / (step @ change))
        self.proposed = self._x - direction
        self._factor, self._failures, self._was_too_far = 2.0, 0, None
        self._is_searching = True

    def _accept(self, value: float, gradient: np.ndarray) -> None:
        step, change = self.proposed - self._x, gradient - self._gradient
        if not step @ change > 1e-20:
            self._restart(value, gradient)
            return
        self._pairs = [*self._pairs, (step, change)][-self._memory :]
        self._set_out(self.proposed, value, gradient)

    def _is_stuck(self, value: float, too_far: bool) -> bool:
        """Propose a shorter or longer step, the factor smaller whenever the fault changes; true if that leads nowhere."""
        if self._was_too_far not in (None, too_far):
            self._factor = math.sqrt(self._factor)
        self._was_too_far, self._failures = too_far, self._failures + 2
        before = self.proposed
        self.proposed = self._x + (1 / self._factor if too_far else self._factor) * (before - self._x)
        moved = np.linalg.norm(self.proposed - before)
        is_close = (
            too_far
            and moved <= _CLOSE * np.linalg.norm(before)
            and abs(self._value - value) < _CLOSE * abs(self._value)
        )
        if moved == 0 or is_close or self._failures - 1 > _MOST_FAILURES:
            self.proposed = before
            return True
        return False

    def _restart(self, value: float, gradient: np.ndarray) -> None:
        """Forget the pairs, and go on from the better end of the step."""
        self._pairs = []
        if value < self._value:
            self._set_out(self.proposed, value, gradient)
        else:
            self._set_out(self._x, self._value, self._gradient)
