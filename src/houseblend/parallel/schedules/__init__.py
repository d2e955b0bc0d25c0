"""The schedules by name."""

from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules.constant import Constant
from houseblend.parallel.schedules.exponential import Exponential
from houseblend.parallel.schedules.halving import Halving
from houseblend.parallel.schedules.inverse import Inverse
from houseblend.parallel.schedules.newbob import Newbob
from houseblend.parallel.schedules.xu import Xu

SCHEDULES: dict[str, type[Schedule]] = {
    "exponential": Exponential,
    "constant": Constant,
    "inverse": Inverse,
    "xu": Xu,
    "halving": Halving,
    "newbob": Newbob,
}
