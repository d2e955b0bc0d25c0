"""Blending around anyone's torch module. Parameters are flat, [n] float32: those that require gradients, in their order."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch

from houseblend.base.errors import InputError, NotFiniteError
from houseblend.base.seeds import seed_of
from houseblend.nnet.average import mean_of
from houseblend.parallel.blending import Blending
from houseblend.parallel.exchanges.launch import is_rank
from houseblend.parallel.group import Alone, Group
from houseblend.parallel.plan import RoundPlan
from houseblend.parallel.records import LeftOut
from houseblend.parallel.strategy import Moment, Own, Shared, Strategy
from houseblend.parallel.task import MemoryPolicy
from houseblend.parallel.worker import Worker

Loss = Callable[[torch.nn.Module, Any], torch.Tensor]
"""Of a model and a minibatch, a scalar: the mean over the minibatch."""


MakeOptimizer = Callable[[Iterable[torch.nn.Parameter]], torch.optim.Optimizer]
"""Of a worker's parameters."""


class Batches(Protocol):
    """Minibatches of any kind, whose number is known: a list, a `torch.utils.data.DataLoader`."""

    def __len__(self) -> int:
        """How many."""
        ...

    def __iter__(self) -> Iterator[Any]:
        """In order."""
        ...


@dataclass(frozen=True)
class BlendedRound:
    """What became of the workers in a round, the same on every rank.

    Attributes:
        round: its number, from 0.
        losses: of each worker, the mean over its minibatches, each before it was learnt; NaN where it had none.
        distances: root mean square, over the parameters, of each worker's distance to the blended model.
        left_out: workers that were not finite at a blend, and went on from the others' parameters.
    """

    round: int
    losses: dict[int, float]
    distances: dict[int, float]
    left_out: list[LeftOut]


def blend(
    model: torch.nn.Module,
    loss: Loss,
    optimizer: MakeOptimizer,
    batches: Callable[[int, int], Batches],
    strategy: Strategy,
    *,
    workers: int,
    rounds: int = 1,
    optimizer_memory: str = MemoryPolicy.optimizer_memory,
) -> Iterator[BlendedRound]:
    """Train copies of a model on several workers whose parameters are blended; go through what it returns, a round a turn.

    After each round `model` is the blended one: its trained parameters as the strategy says, its floating-point buffers the
    mean of all workers' (other buffers are worker 1's). Started by `mpiexec`, all ranks run the same script and share out the
    workers; else they take turns in this process. On processors of one kind, with as many threads each, the bits are the same.

    Args:
        model: where all begin; parameters that require gradients are trained, float32 on one device. Workers' copies stay
            in the mode, training or evaluation, that it is in at the first turn.
        loss: of a copy and a minibatch, a scalar: the mean over the minibatch. Parle's pull to an anchor is added to it.
        optimizer: makes an optimizer of a worker's parameters, for example `lambda p: torch.optim.SGD(p, lr=0.1)`.
        batches: the minibatches of a worker, from 1, in a round, from 0; their numbers may differ.
        strategy: one of `STRATEGIES`, whose `average_period` says after how many minibatches a blend comes; the last blend
            ends the round.
        workers: how many there are, on whatever number of ranks.
        rounds: how many there are; strategies that change on the way go by them.
        optimizer_memory: what becomes of the optimizers' state at a blend: keep, average or reset.

    Returns:
        Of each round its number, `losses` and `distances` to the blended model by worker, and who was `left_out` of blends.

    Raises:
        InputError: parameters of another type or on several devices; ranks that begin with different models or seeds.
        NotFiniteError: no worker has finite parameters any more.
        UsageError: another word as `optimizer_memory`.
    """
    team = _Team(_group(workers), model, loss, optimizer, MemoryPolicy(optimizer_memory, optimizer_memory))
    for number in range(rounds):
        yield team.round(number, number / rounds, batches, strategy)


class _Team:
    """This rank's workers from round to round; arguments as those of `blend`."""

    def __init__(
        self, group: Group, model: torch.nn.Module, loss: Loss, optimizer: MakeOptimizer, memory: MemoryPolicy
    ) -> None:
        self.group, self.model, self.memory = group, model, memory
        _check_alike(group, model)
        self.learners = {n: TorchLearner(copy.deepcopy(model), loss, optimizer, n) for n in group.workers}
        self.flat = flat_of(trained(model))
        self.shared: Shared = {}
        self.owns: dict[int, Own] = {}

    def round(
        self, number: int, seen: float, batches: Callable[[int, int], Batches], strategy: Strategy
    ) -> BlendedRound:
        """Train a round, and let the model be the blended one."""
        given = {n: batches(n, number) for n in self.learners}
        plan = self._plan(number, seen, given)
        now = strategy.at(Moment(plan.workers, plan.learning_rate, seen))
        self.shared = self.shared or now.begin(self.flat)
        workers = {n: self._worker(n, now, given[n]) for n in self.learners}
        blending = Blending(plan, self.memory, now, self.group, self.shared)
        blending.train(workers)
        apart = {n: one.params.clone() for n, one in self.learners.items()}
        weights = blending.end(workers)
        shows = {n: now.show(blending.shared, one.own, one.learner.params) for n, one in workers.items()}
        self.group.mean(shows, weights, self.flat)
        self.shared = {name: tensor.clone() for name, tensor in now.lasting(blending.shared).items()}
        self.owns = {n: one.own for n, one in workers.items()}
        copy_into(trained(self.model), self.flat)
        _mean_buffers(self.group, self.model, {n: one.model for n, one in self.learners.items()}, weights)
        return self._told(number, apart, blending.left_out)

    def _plan(self, number: int, seen: float, given: Mapping[int, Batches]) -> RoundPlan:
        """The round as the house has it, with minibatches for frames."""
        lengths = self.group.gather({n: len(one) for n, one in given.items()})
        rate = self.group.gather({n: one.learning_rate for n, one in self.learners.items()})[1]
        return RoundPlan(number, [(0, length) for length in lengths.values()], rate, 1, 0.0, 0, seen)

    def _worker(self, number: int, strategy: Strategy, batches: Batches) -> Worker:
        own = self.owns.get(number) or strategy.join(self.shared)
        return Worker(
            number, self.learners[number], ([batch] for batch in batches), strategy, own, self.memory.optimizer_memory
        )

    def _told(self, number: int, apart: Mapping[int, torch.Tensor], left_out: list[LeftOut]) -> BlendedRound:
        losses = self.group.gather({n: one.mean_loss() for n, one in self.learners.items()})
        squares = {n: (params - self.flat).double().square().mean() for n, params in apart.items()}
        distances = self.group.gather({n: float(square.sqrt()) for n, square in squares.items()})
        return BlendedRound(number, losses, distances, left_out)


class TorchLearner:
    """A worker's copy of a model with its optimizer and random numbers; see `Learner`.

    Args:
        model: the copy, whose parameters become views of `params`.
        loss: see `Loss`.
        optimizer: makes its optimizer.
        number: of the worker, which its random numbers depend on.

    Attributes:
        params: its trained parameters, flat [n].
    """

    def __init__(
        self,
        model: torch.nn.Module,
        loss: Loss,
        optimizer: MakeOptimizer,
        number: int,
    ) -> None:
        self.model, self._loss, self._parameters = model, loss, trained(model)
        self.params = flat_of(self._parameters)
        for parameter, piece in zip(self._parameters, _pieces(self._parameters, self.params), strict=True):
            parameter.data = piece
        self.optimizer = optimizer(self._parameters)
        self.memory = OptimizerMemory(self.optimizer)
        seed = seed_of(torch.initial_seed(), "blend", number)
        self._random = torch.Generator().manual_seed(seed).get_state()
        self._losses: list[torch.Tensor] = []

    @property
    def learning_rate(self) -> float:
        """Of the optimizer's first group of parameters."""
        return float(self.optimizer.param_groups[0]["lr"])

    def step(self, batch: Sequence[Any], pull: tuple[torch.Tensor, float] | None = None) -> None:
        """Learn the one minibatch of a list; to an anchor [n] with a strength s pulls s / 2 |params - anchor|^2 in the loss."""
        with self._own_random_numbers():
            self.optimizer.zero_grad()
            loss = self._loss(self.model, *batch)
            total = loss if pull is None else loss + self._proximal(*pull)
            total.backward()
            self.optimizer.step()
        self._losses.append(loss.detach())

    def check(self) -> None:
        """See `Learner.check`."""
        if not torch.isfinite(self.params).all():
            raise NotFiniteError("NaN or infinity among the parameters")

    def restart(self, params: torch.Tensor) -> None:
        """See `Learner.restart`."""
        self.params.copy_(params)
        self.memory.reset()

    def mean_loss(self) -> float:
        """The mean over the minibatches since it was asked last."""
        losses, self._losses = self._losses, []
        return float(torch.stack(losses).double().mean()) if losses else float("nan")

    def _proximal(self, anchor: torch.Tensor, strength: float) -> torch.Tensor:
        pieces = zip(self._parameters, _pieces(self._parameters, anchor), strict=True)
        return strength / 2 * torch.stack([(parameter - piece).square().sum() for parameter, piece in pieces]).sum()

    @contextmanager
    def _own_random_numbers(self) -> Iterator[None]:
        """What torch draws here does not depend on whose turn it is."""
        with torch.random.fork_rng(devices=[]):
            torch.set_rng_state(self._random)
            yield
            self._random = torch.get_rng_state()


class OptimizerMemory:
    """What an optimizer of torch remembers, as one flat array `momentum` [m] of all its tensors; see `Memory`.

    Args:
        optimizer: the optimizer.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer = optimizer

    def arrays(self) -> dict[str, np.ndarray]:
        """See `Memory.arrays`; nothing before the first step."""
        tensors = self._tensors()
        return {"momentum": torch.cat([one.float().flatten() for one in tensors]).cpu().numpy()} if tensors else {}

    def load(self, arrays: Mapping[str, np.ndarray]) -> None:
        """See `Memory.load`; an optimizer that has not yet begun to remember leaves it."""
        tensors = self._tensors()
        if "momentum" not in arrays:
            self.reset()
        elif tensors:
            copy_into(tensors, torch.from_numpy(arrays["momentum"]))

    def reset(self) -> None:
        """See `Memory.reset`."""
        self._optimizer.state.clear()

    def _tensors(self) -> list[torch.Tensor]:
        """In the order of parameters and of names."""
        parameters = [one for group in self._optimizer.param_groups for one in group["params"]]
        states = [self._optimizer.state[one] for one in parameters if one in self._optimizer.state]
        return [state[name] for state in states for name in sorted(state) if torch.is_tensor(state[name])]


def trained(model: torch.nn.Module) -> list[torch.nn.Parameter]:
    """The parameters that require gradients.

    Raises:
        InputError: there are none, or they are not float32 on one device.
    """
    found = [parameter for parameter in model.parameters() if parameter.requires_grad]
    kinds = {f"{parameter.dtype} on {parameter.device}" for parameter in found}
    if len(kinds) != 1 or found[0].dtype != torch.float32:
        raise InputError(
            f"trained parameters of {' and '.join(sorted(kinds)) or 'no kind'}", expected="torch.float32 on one device"
        )
    return found


def flat_of(tensors: Sequence[torch.Tensor]) -> torch.Tensor:
    """A flat copy of tensors of one type."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def copy_into(tensors: Sequence[torch.Tensor], flat: torch.Tensor) -> None:
    """The other way round; of other types they are rounded."""
    with torch.no_grad():
        for tensor, piece in zip(tensors, _pieces(tensors, flat), strict=True):
            tensor.copy_(piece)


def _pieces(tensors: Sequence[torch.Tensor], flat: torch.Tensor) -> list[torch.Tensor]:
    """Views of a flat tensor in the shapes of others."""
    pieces = flat.split([tensor.numel() for tensor in tensors])
    return [piece.view(tensor.shape) for tensor, piece in zip(tensors, pieces, strict=True)]


def _group(workers: int) -> Group:
    if not is_rank():
        return Alone("local", workers)
    from houseblend.parallel.exchanges.mpi import all_ranks

    return all_ranks(workers)


def _check_alike(group: Group, model: torch.nn.Module) -> None:
    digest = hashlib.sha256(str(torch.initial_seed()).encode())
    for tensor in (*model.parameters(), *model.buffers()):
        digest.update(tensor.detach().cpu().flatten().view(torch.uint8).numpy().tobytes())
    if len(set(group.gather({number: digest.digest() for number in group.workers}).values())) > 1:
        raise InputError(
            "ranks begin with different models or random seeds", do="call torch.manual_seed before the model is made"
        )


def _mean_buffers(
    group: Group, model: torch.nn.Module, copies: Mapping[int, torch.nn.Module], weights: Sequence[float]
) -> None:
    """Give the model, and with it all copies, the mean of the buffers of those that weigh."""
    everybody = group.gather({n: [buffer.cpu() for buffer in one.buffers()] for n, one in copies.items()})
    for number, buffer in enumerate(model.buffers()):
        values = [buffers[number] for buffers in everybody.values()]
        mean = values[0].clone()
        if mean.is_floating_point():
            mean_of(values, weights, mean)
        for one in (buffer, *(list(other.buffers())[number] for other in copies.values())):
            one.copy_(mean)
