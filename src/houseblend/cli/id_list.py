"""Numbers with colons between them, as arguments give phones and dimensions."""

from houseblend.base.errors import UsageError


def parse_ids(text: str, what: str) -> list[int]:
    """The numbers of such as `1:2:3`; none of an empty text.

    Raises:
        UsageError: naming `what` they were to be.
    """
    try:
        return [int(word) for word in text.split(":")] if text else []
    except ValueError:
        raise UsageError(f"{what} {text!r}", expected="whole numbers with colons between them, such as 1:2:3") from None
