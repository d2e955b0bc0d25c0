"""The schedules by name."""

from houseblend.parallel.schedule import Schedule
from houseblend.parallel.schedules.constant import Constant
from houseblend.parallel.schedules.exponential import Exponential
from houseblend.parallel.schedules.halving import Halving
from houseblend.parallel.schedules.inverse import Inverse
from houseblend.parallel.schedules.newbob import Newbob

SCHEDULES: dict[str, type[Schedule]] = {
    "exponential": Exponential,
    "constant": Constant,
    "inverse": Inverse,
    "halving": Halving,
    "newbob": Newbob,
}
