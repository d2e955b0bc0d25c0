"""Numbers in text, as Kaldi reads them: what Python takes besides (`1_000`, digits of other scripts) is refused."""

INT32 = range(-(1 << 31), 1 << 31)


def to_int(word: str, allowed: range = INT32) -> int:
    """A whole number within a range; ValueError if `word` is none."""
    _require_plain(word)
    value = int(word)
    if value not in allowed:
        raise ValueError(f"{word} is out of range")
    return value


def to_float(word: str) -> float:
    """A floating-point number, inf and nan included; ValueError if `word` is none."""
    _require_plain(word)
    return float(word)


def _require_plain(word: str) -> None:
    if "_" in word or not word.isascii():
        raise ValueError(f"{word!r} is no number")
