"""The round-based strategies by name."""

from houseblend.parallel.strategies.average import Average

STRATEGIES = {"average": Average}
