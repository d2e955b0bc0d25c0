"""What is wrong with a corpus: told one by one, left out, and too much of it refused before anything is written."""

from houseblend.base.errors import InputError
from houseblend.base.log import warn


class Faults:
    """Counts faults.

    Args:
        allowed: how many calls or segments may be left out.
    """

    def __init__(self, allowed: int) -> None:
        self.allowed = allowed
        self.found: list[InputError] = []

    def add(self, fault: InputError) -> None:
        """Tell a fault; what it is about is left out by the caller."""
        self.found.append(fault)
        if len(self.found) <= self.allowed:
            warn(f"left out: {fault}")

    def check(self) -> None:
        """Raise the first fault if there are more than allowed."""
        count = len(self.found)
        if count > self.allowed:
            first = self.found[0]
            tail = f"; {count} such faults in all, --max-skipped={self.allowed}"
            raise first.but(do=f"{first.do or 'mend the corpus'}{tail}")
