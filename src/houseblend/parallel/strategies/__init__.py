"""The strategies by name."""

from collections.abc import Mapping
from typing import Any

from houseblend.base.errors import UsageError
from houseblend.base.options import chosen, declared_fields, option_name
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategies.bmuf import Bmuf
from houseblend.parallel.strategies.diloco import DiLoCo
from houseblend.parallel.strategies.easgd import Easgd
from houseblend.parallel.strategies.post_local import PostLocal
from houseblend.parallel.strategies.slowmo import SlowMo
from houseblend.parallel.strategy import Strategy, own_options

STRATEGIES: dict[str, type[Strategy]] = {
    "average": Average,
    "bmuf": Bmuf,
    "slowmo": SlowMo,
    "diloco": DiLoCo,
    "easgd": Easgd,
    "post-local": PostLocal,
}


def strategy_of(name: str, values: Mapping[str, Any]) -> Strategy:
    """A strategy with its options out of those of all strategies; None is an option that was not given.

    Raises:
        UsageError: no such strategy, an option of another one, or a value that makes no sense.
    """
    if name not in STRATEGIES:
        raise UsageError(f"--strategy={name}", expected=" or ".join(STRATEGIES), do="see hb strategies")
    kind = STRATEGIES[name]
    given = {key: value for key, value in values.items() if value is not None}
    for other, its in STRATEGIES.items():
        for key in own_options(its) & given.keys() - {one.name for one in declared_fields(kind)}:
            raise UsageError(f"{option_name(key)} belongs to --strategy={other}", expected=f"options of {name}")
    return chosen(kind, given)
