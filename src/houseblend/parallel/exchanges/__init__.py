"""How the workers of a round are run and become one model: local, files, mpi, virtual."""

from houseblend.jobs.launchers import launcher_of
from houseblend.parallel.asynchronous.machine import Machine
from houseblend.parallel.exchanges.files import FilesExchange
from houseblend.parallel.exchanges.local import LocalExchange
from houseblend.parallel.exchanges.virtual import VirtualExchange
from houseblend.parallel.options import ExchangeOptions
from houseblend.parallel.rounds import Exchange


def exchange_of(options: ExchangeOptions, reduction: str, machine: Machine) -> Exchange:
    """The exchange that the options name; under MPI with that reduction, by a virtual clock with that machine."""
    if options.exchange == "local":
        return LocalExchange(options.jobs)
    if options.exchange == "files":
        return FilesExchange(launcher_of(options.launcher, options.jobs))
    if options.exchange == "virtual":
        return VirtualExchange(machine)
    from houseblend.parallel.exchanges.mpi import MpiExchange

    return MpiExchange(reduction)
