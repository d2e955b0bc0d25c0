"""The blending strategies and the schedules, for people: mathematics in a line, state, what is sent, options, source."""

import inspect

from houseblend.base.options import declared_fields, option_name
from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules import SCHEDULES
from houseblend.parallel.strategies import ASYNCHRONOUS, STRATEGIES
from houseblend.parallel.strategy import WorkerSide


def describe_strategies() -> str:
    """A paragraph for each strategy of `train_dnn --strategy`, and for each schedule of `--schedule`."""
    head = (
        "p: a worker's parameters, m: the mean of what all workers send, c: the centre that all hold alike.\n"
        "A blend every --average-period minibatches; 0: once, at the end of the round. Each worker goes on from c, unless said.\n"
        "With --groups=G --group-period=K, G blocks of neighbouring workers are averaged inside every K minibatches in between.\n"
    )
    asynchronous = (
        "\nAsynchronous, with --exchange=virtual or mpi. c: the server's parameters, taken: what a worker had of them last.\n"
        "A push every --average-period minibatches.\n"
    )
    schedules = "\nSchedules, for every strategy. L: held-out loss before an epoch, L': after it.\n"
    return (
        head + "".join(_strategy(*one) for one in STRATEGIES.items())
        + asynchronous + "".join(_strategy(*one) for one in ASYNCHRONOUS.items())
        + schedules + "".join(_schedule(*one) for one in SCHEDULES.items())
    )  # fmt: skip


def _strategy(name: str, kind: type[WorkerSide]) -> str:
    rows = {
        "a blend": kind.mathematics,
        "state": kind.state,
        "sent": kind.sent,
        "options": _options(kind, {"groups", "group_period"}),
        "paper": kind.paper,
    }
    return _paragraph(name, kind, rows)


def _schedule(name: str, kind: type[Schedule]) -> str:
    common = {one.name for one in declared_fields(Schedule)}
    rows = {"rate": kind.mathematics, "options": _options(kind, common) or "none of its own", "source": kind.source}
    return _paragraph(name, kind, rows)


def _paragraph(name: str, kind: type, rows: dict[str, str]) -> str:
    summary = inspect.cleandoc(inspect.getmodule(kind).__doc__ or "").partition("\n")[0]  # type: ignore[union-attr]
    return f"\n{name}: {summary}\n" + "".join(f"  {title:8} {text}\n" for title, text in rows.items())


def _options(kind: type, without: set[str]) -> str:
    chosen = (one for one in declared_fields(kind) if one.name not in without)
    return "  ".join(f"{option_name(one.name)}={_shown(one.default)}" for one in chosen)


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
