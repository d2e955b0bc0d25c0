"""The options of `train_dnn` and `pretrain_dbn`, as what uses them declares them; nothing heavy is loaded here."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from houseblend.base.errors import UsageError
from houseblend.base.options import check_choices, chosen, declared, declared_fields, one_of, option_name, own_options
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.gate import Gate
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules import SCHEDULES
from houseblend.parallel.schedules.constant import Constant
from houseblend.parallel.strategies import METHODS
from houseblend.parallel.strategy import Moment, Strategy, WorkerSide
from houseblend.parallel.task import MemoryPolicy
from houseblend.train.options import WorkerOptions
from houseblend.train.rbm_options import RbmRule
from houseblend.train.update.rule import UpdateRule

SET_BY_ROUND = ("max_param_change", "l2_regularize_factor")
"""Fields of the update rule that come from a round's plan."""


@dataclass(frozen=True)
class NetworkOptions:
    """The network: equal hidden layers over spliced frames."""

    hidden_dim: int = declared(512, "Width of the hidden layers")
    layer: str = declared(
        "relu-renorm-layer",
        "Hidden layers: relu, sigmoid, tanh or pnorm, then any of -renorm, -batchnorm and -dropout, then -layer",
    )
    layer_options: str = declared("", "Appended to every hidden layer's line, for example dropout-proportion=0.2")
    context: int = declared(5, "Frames of input before and after")
    input_transform: str = declared("mean-var", "Of the spliced input", ("mean-var", "lda"))
    init: Path | None = declared(
        None, "Begin with the hidden layers of a DBN: directory of pretrain_dbn, or a network of nnet1"
    )

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        check_choices(self)
        if self.context < 0:
            raise UsageError(f"--context={self.context}", expected="0 or more")


@dataclass(frozen=True)
class RunOptions(WorkerOptions):
    """What else the model depends on."""

    schedule: str = declared(
        "exponential", "How the learning rate falls, and when training ends; see hb strategies", tuple(SCHEDULES)
    )
    strategy: str = declared("average", "How workers' models become one; see hb strategies", tuple(METHODS))
    reduction: str = declared(
        "exact",
        "Sums under MPI: in float64 and worker order, or MPI's own (other bits with other ranks)",
        ("exact", "allreduce"),
    )
    combine_models: int = declared(8, "Last models tried in the final combination")
    seed: int = declared(1, "Seed of the run")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        super().__post_init__()
        if self.combine_models < 1:
            raise UsageError(f"--combine-models={self.combine_models}", expected="1 or more")


@dataclass(frozen=True)
class ExchangeOptions:
    """How the workers are run; nothing of it changes the model."""

    exchange: str = declared(
        "local",
        "local: processes of this step; files: a job a worker; mpi: ranks of MPI; virtual: asynchronous methods by a clock",
        ("local", "files", "mpi", "virtual"),
    )
    launcher: str = declared(
        "",
        "Where --exchange=files runs its jobs, or mpi its one: local, slurm, queue, or slurm:FILE with the site's options; "
        "default: $HOUSEBLEND_LAUNCHER, or local",
    )
    jobs: int | None = declared(None, "Workers at a time; default: what cores and memory, or the batch system, allow")
    ranks: int | None = declared(None, "Ranks that --exchange=mpi starts, or must find; default: one a worker")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        check_choices(self)
        if self.launcher and self.exchange not in ("files", "mpi"):
            found = f"--launcher={self.launcher} with --exchange={self.exchange}"
            raise UsageError(found, expected="--exchange=files or mpi")
        if (self.ranks is not None and self.ranks < 1) or (self.jobs is not None and self.jobs < 1):
            raise UsageError("bad option", expected="--jobs and --ranks from 1")


EXECUTION_GROUP = "Execution (nothing of it changes the model)"
EXECUTION = tuple(one.name for one in declared_fields(ExchangeOptions))


def enter_exchange(values: Mapping[str, Any], strategy: WorkerSide, workers: int) -> None:
    """Refuse what does not go together; with --exchange=mpi start the ranks, or be one of them.

    It returns in the process that runs the step, and there only.

    Args:
        values: options by name; see `ExchangeOptions`.
        strategy: how workers blend.
        workers: the most that there are.
    """
    options, is_asynchronous = chosen(ExchangeOptions, values), isinstance(strategy, Asynchronous)
    fitting = ("mpi", "virtual") if is_asynchronous else ("local", "files", "mpi")
    if options.exchange not in fitting:
        kind = "an asynchronous method" if is_asynchronous else "a method that blends"
        raise UsageError(f"--exchange={options.exchange} with {kind}", expected=" or ".join(fitting))
    if is_asynchronous and values.get("optimizer_memory") == "average":
        raise UsageError("--optimizer-memory=average with an asynchronous method", expected="keep or reset")
    inside = isinstance(strategy, Strategy) and (
        strategy.group_period or any(strategy.at(Moment(seen=seen)).every for seen in (0.0, 1.0))
    )
    if options.exchange == "files" and inside:
        raise UsageError(
            "--exchange=files with blends inside a round",
            expected="--average-period=0 and no --groups",
            do="take --exchange=local or mpi",
        )
    if values.get("min_workers") and options.exchange != "files":
        raise UsageError(f"--min-workers with --exchange={options.exchange}", expected="--exchange=files")
    if options.exchange in ("files", "mpi"):
        from houseblend.jobs.launchers import launcher_of

        launcher = launcher_of(options.launcher)  # refuses what is no launcher, and a site's file that cannot be read
        if options.exchange == "mpi":
            from houseblend.parallel.exchanges.launch import enter

            run = chosen(RunOptions, values)
            needs = {"cores": run.threads_per_worker, "gpus": int(run.device == "cuda")}
            enter(options.ranks, workers + is_asynchronous, launcher, values["out"], **needs)


def with_strategies(options_of: Callable[..., Callable]) -> Callable:
    """Declare the options of all strategies, by what declares those of one dataclass."""
    return _with_all(METHODS, WorkerSide, "Strategies", options_of, options_of(WorkerSide, "Strategies", optional=True))


def with_schedules(options_of: Callable[..., Callable]) -> Callable:
    """The same for schedules."""
    return _with_all(SCHEDULES, Schedule, "Rounds", options_of, options_of(Schedule, "Rounds"))


def with_dnn(options_of: Callable[..., Callable]) -> Callable:
    """Declare all options of `DnnOptions` and `ExchangeOptions`."""
    declarations = [
        with_schedules(options_of), options_of(NetworkOptions, "Network"), options_of(UpdateRule, "Update", without=SET_BY_ROUND),
        options_of(RunOptions, "Blending and run"), with_strategies(options_of), options_of(MemoryPolicy, "Blending and run"),
        options_of(Gate, "Blending and run"), options_of(Machine, "Virtual clock"), options_of(ExchangeOptions, EXECUTION_GROUP),
    ]  # fmt: skip

    def declare(function: Callable) -> Callable:
        for declaration in reversed(declarations):
            function = declaration(function)
        return function

    return declare


def _with_all(
    table: Mapping[str, type], base: type, group: str, options_of: Callable[..., Callable], first: Callable
) -> Callable:
    """Declare, behind the `first`, the options that the dataclasses of a table have beside their base's, each once."""

    def declare(function: Callable) -> Callable:
        seen: set[str] = set()
        declarations = []
        for kind in table.values():
            declarations.append(options_of(kind, group, only=own_options(kind, base) - seen, optional=True))
            seen |= own_options(kind, base)
        for declaration in reversed([first, *declarations]):
            function = declaration(function)
        return function

    return declare


@dataclass(frozen=True)
class DnnOptions:
    """All that a trained DNN depends on."""

    schedule: Schedule
    network: NetworkOptions
    rule: UpdateRule
    strategy: WorkerSide
    memory: MemoryPolicy
    gate: Gate
    run: RunOptions
    machine: Machine

    @classmethod
    def of(cls, values: Mapping[str, Any], frames_per_epoch: int = 1) -> "DnnOptions":
        """Out of the options of a command line.

        Raises:
            UsageError: values that make no sense.
        """
        run = chosen(RunOptions, values)
        strategy = one_of("strategy", run.strategy, METHODS, WorkerSide, values)
        size = {"frames_per_epoch": frames_per_epoch, "adds": strategy.adds}
        schedule = one_of("schedule", run.schedule, SCHEDULES, Schedule, values, **size)
        return cls(
            schedule,
            chosen(NetworkOptions, values),
            chosen(UpdateRule, {name: value for name, value in values.items() if name not in SET_BY_ROUND}),
            strategy,
            chosen(MemoryPolicy, values),
            chosen(Gate, values),
            run,
            chosen(Machine, values),
        )


@dataclass(frozen=True)
class TrialOptions:
    """Trials of rates for one pass of averaged SGD."""

    trial_frames: int = declared(200_000, "Frames of a trial; four times as many where the decay is looked for")

    def __post_init__(self) -> None:
        """UsageError: too few to say anything."""
        if self.trial_frames < 1000:
            raise UsageError(f"--trial-frames={self.trial_frames}", expected="1000 or more")


@dataclass(frozen=True)
class RbmOptions:
    """How long and how fast each RBM of a deep belief network learns; Kaldi's values."""

    rbm_epochs: int = declared(1, "Epochs of an RBM; the first, of Gaussian units, has twice as many")
    rbm_lrate: float = declared(0.4, "Learning rate of an RBM, of each worker")
    rbm_lrate_low: float = declared(0.01, "The same of the first, of Gaussian units")
    rbm_minibatch_size: int = declared(100, "Frames of a minibatch")
    rbm_weight_stddev: float = declared(0.1, "Standard deviation of the first weights")
    workers: int = declared(1, "Workers whose RBMs are blended")

    def __post_init__(self) -> None:
        """UsageError: values that make no sense."""
        for one in declared_fields(self):
            if not 0 < getattr(self, one.name) < math.inf:
                raise UsageError(f"{option_name(one.name)}={getattr(self, one.name)}", expected="a positive number")


OF_DBN = {"schedule": ("frames_per_round", "hidden_layers"), "network": ("hidden_dim", "context"),
          "run": ("strategy", "reduction", "seed", "threads_per_worker")}  # fmt: skip
"""Fields that a deep belief network has in common with a DNN."""


@dataclass(frozen=True)
class OneRbm(Constant):
    """The rounds of one RBM: all workers begin with the same small weights, so that even the first round is averaged."""

    def changes_topology(self, number: int) -> bool:
        """Never."""
        return False


@dataclass(frozen=True)
class DbnOptions:
    """All that a deep belief network depends on."""

    hidden_layers: int
    frames_per_round: int
    network: NetworkOptions
    rbm: RbmOptions
    rule: RbmRule
    strategy: WorkerSide
    memory: MemoryPolicy
    gate: Gate
    run: RunOptions
    machine: Machine

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> "DbnOptions":
        """Out of the options of a command line.

        Raises:
            UsageError: values that make no sense.
        """
        run, shared = chosen(RunOptions, values), chosen(Schedule, values)
        options = cls(
            shared.hidden_layers,
            shared.frames_per_round,
            chosen(NetworkOptions, values),
            chosen(RbmOptions, values),
            chosen(RbmRule, values),
            one_of("strategy", run.strategy, METHODS, WorkerSide, values),
            chosen(MemoryPolicy, values),
            chosen(Gate, values),
            run,
            chosen(Machine, values),
        )
        options.schedule(1, 1)
        return options

    def schedule(self, number: int, frames_per_epoch: int) -> OneRbm:
        """The rounds of RBM `number`, from 1. Its workers keep the rate that one has: times their number it does not converge."""
        rbm = self.rbm
        epochs, rate = (2 * rbm.rbm_epochs, rbm.rbm_lrate_low) if number == 1 else (rbm.rbm_epochs, rbm.rbm_lrate)
        return OneRbm(
            frames_per_epoch, epochs, rbm.workers, rbm.workers, rate / rbm.workers, self.frames_per_round, rbm.rbm_minibatch_size,
            hidden_layers=self.hidden_layers, adds=self.strategy.adds,
        )  # fmt: skip
