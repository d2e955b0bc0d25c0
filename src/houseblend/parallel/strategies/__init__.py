"""The strategies by name."""

from houseblend.parallel.asynchronous.strategy import Asynchronous
from houseblend.parallel.strategies.asgd import Asgd
from houseblend.parallel.strategies.async_easgd import AsyncEasgd
from houseblend.parallel.strategies.average import Average
from houseblend.parallel.strategies.averaged_asgd import AveragedAsgd
from houseblend.parallel.strategies.bmuf import Bmuf
from houseblend.parallel.strategies.delayed_nesterov import DelayedNesterov
from houseblend.parallel.strategies.diloco import DiLoCo
from houseblend.parallel.strategies.easgd import Easgd
from houseblend.parallel.strategies.hpsgd import Hpsgd
from houseblend.parallel.strategies.parle import Parle
from houseblend.parallel.strategies.post_local import PostLocal
from houseblend.parallel.strategies.slowmo import SlowMo
from houseblend.parallel.strategies.streaming import Streaming
from houseblend.parallel.strategies.tail import Tail
from houseblend.parallel.strategy import Strategy, WorkerSide

STRATEGIES: dict[str, type[Strategy]] = {
    "average": Average,
    "bmuf": Bmuf,
    "slowmo": SlowMo,
    "diloco": DiLoCo,
    "streaming": Streaming,
    "easgd": Easgd,
    "post-local": PostLocal,
    "parle": Parle,
    "hpsgd": Hpsgd,
    "tail": Tail,
}
"""Those that blend."""

ASYNCHRONOUS: dict[str, type[Asynchronous]] = {
    "asgd": Asgd,
    "averaged-asgd": AveragedAsgd,
    "async-easgd": AsyncEasgd,
    "delayed-nesterov": DelayedNesterov,
}
"""Those that push to a server."""

METHODS: dict[str, type[WorkerSide]] = {**STRATEGIES, **ASYNCHRONOUS}
