"""The blending strategies, for people: mathematics in a line, state, what is sent, options, paper."""

import inspect

from houseblend.base.options import declared_fields, option_name
from houseblend.parallel.strategies import STRATEGIES
from houseblend.parallel.strategy import Strategy


def describe_strategies() -> str:
    """A paragraph for each strategy of `train_dnn --strategy`."""
    head = (
        "p: a worker's parameters, m: the mean of what all workers send, c: the centre that all hold alike.\n"
        "A blend every --average-period minibatches; 0: once, at the end of the round. Each worker goes on from c, unless said.\n"
    )
    return head + "".join(_paragraph(name, kind) for name, kind in STRATEGIES.items())


def _paragraph(name: str, kind: type[Strategy]) -> str:
    options = "  ".join(f"{option_name(one.name)}={_shown(one.default)}" for one in declared_fields(kind))
    summary = inspect.cleandoc(inspect.getmodule(kind).__doc__ or "").partition("\n")[0]  # type: ignore[union-attr]
    rows = {
        "a blend": kind.mathematics,
        "state": kind.state,
        "sent": kind.sent,
        "options": options,
        "paper": kind.paper,
    }
    return f"\n{name}: {summary}\n" + "".join(f"  {title:8} {text}\n" for title, text in rows.items())


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
