"""Numbers with their units, as people read them."""


def clock(seconds: float) -> str:
    """`7.1 s`, `42 s`, `7 min 5 s` or `2 h 10 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {whole % 60} s"


def unit_of(most: float) -> tuple[str, float]:
    """The unit in which numbers up to `most` are short: its name, and how many it is."""
    return next(
        (name, size)
        for name, size in (("millions", 1e6), ("thousands", 1e3), ("", 1.0))
        if most >= size / 10 or size == 1
    )


def counted(number: float) -> str:
    """`3.60 million` or `512`."""
    unit, size = unit_of(max(number, 1.0) / 10)
    return f"{number / size:.2f} {unit.rstrip('s')}" if unit else f"{number:.0f}"


def size_of(number: float) -> str:
    """Bytes, such as `2.67 GB`."""
    unit, size = next((name, size) for name, size in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3), ("B", 1.0)) if number >= size or size == 1)  # fmt: skip
    return f"{number / size:.3g} {unit}"


def objective(nats: float) -> str:
    """An objective, with a minus that is one."""
    return f"{nats:.3f}".replace("-", "\u2212")
