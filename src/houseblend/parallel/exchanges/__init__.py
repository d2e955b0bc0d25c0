"""How the workers of a round are run and their means formed: local, files, mpi."""

from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.options import ExchangeOptions
from houseblend.parallel.rounds import Exchange


def exchange_of(options: ExchangeOptions, reduction: str) -> Exchange:
    """The exchange that the options name; under MPI with that reduction."""
    if options.exchange == "local":
        return LocalExchange(options.jobs)
    if options.exchange == "files":
        return FilesExchange(options.jobs)
    from houseblend.parallel.exchanges.mpi import MpiExchange

    return MpiExchange(reduction)
