"""Lang directories: symbol tables, phone lists, topology and lexicon must agree (Kaldi's utils/validate_lang.pl)."""

import re
from collections.abc import Iterator
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.io.data_files import FileRule, Line, read_lines
from houseblend.io.numbers import to_int
from houseblend.io.streams import read_text
from houseblend.io.text import lines_of, words_of

LISTS = ("silence", "nonsilence", "optional_silence", "disambig", "context_indep")
TABLES = ("sets", "roots")
BOUNDARIES = ("nonword", "begin", "end", "internal", "singleton")
AGAIN = "run prepare_lang"
_NUMBERS = range(1 << 31)


def _is_number(words: list[str]) -> bool:
    try:
        return len(words) == 1 and to_int(words[0], _NUMBERS) >= 0
    except ValueError:
        return False


_SYMBOL = FileRule("symbol", _is_number, "SYMBOL NUMBER", plain=False)


def validate_lang(path: Path) -> None:
    """Check a lang directory; G.fst need not be there.

    Raises:
        InputError: a file is missing, or two files disagree; naming file, line and symbol.
    """
    phones, words = read_symbol_table(path / "phones.txt"), read_symbol_table(path / "words.txt")
    for table, file in ((phones, path / "phones.txt"), (words, path / "words.txt")):
        if table.get("<eps>") != 0 or "#0" not in table:
            raise InputError("no <eps> with number 0, or no #0", file=file, do=AGAIN)
    for name in LISTS:
        _require_numbers(path / "phones" / name, phones)
    for name in TABLES:
        _require_numbers(path / "phones" / name, phones, words_too=("shared", "not-shared", "split", "not-split"))
    if (path / "phones/word_boundary.int").exists():
        _require_numbers(path / "phones/word_boundary", phones, words_too=BOUNDARIES)
    require_content(path / "oov.int", AGAIN)
    if (path / "oov.txt").exists():
        _require_numbers(path / "oov", words)
    _check_phone_lists(path / "phones", phones)
    _check_topology(path / "topo", phones)
    for name in ("L.fst", "L_disambig.fst"):
        require_content(path / name, AGAIN)
    if (path / "G.fst").exists():
        require_content(path / "G.fst", "run format_lm")


def read_symbol_table(path: Path, do: str = AGAIN) -> dict[str, int]:
    """Names and numbers of a symbol table; `do` is what errors advise.

    Raises:
        InputError: a line of another form, a symbol or a number twice.
    """
    require_content(path, do)
    good, wrong = read_lines(path, _SYMBOL, in_order=False)
    if wrong:
        first = wrong[0]
        raise InputError(first.what, file=path, line=first.line, key=first.key, expected=_SYMBOL.expected, do=do)
    owner: dict[int, Line] = {}
    for line in good:
        first = owner.setdefault(int(line.value), line)
        if first is not line:
            raise InputError(
                f"number {line.value}, which {first.key} has", file=path, line=line.number, key=line.key, do=do
            )
    return {line.key: int(line.value) for line in good}


def require_content(path: Path, do: str) -> None:
    """Refuse a file that is missing or empty.

    Raises:
        InputError: naming it.
    """
    if not path.is_file():
        raise InputError("no such file", file=path, do=do)
    if path.stat().st_size == 0:
        raise InputError("the file is empty", file=path, do=do)


def _require_numbers(stem: Path, symbols: dict[str, int], words_too: tuple[str, ...] = ()) -> None:
    """The .int file must be the .txt file in numbers."""
    text, numbers = (_rows(stem.with_suffix(suffix)) for suffix in (".txt", ".int"))
    if len(text) != len(numbers):
        what = f"{len(numbers)} lines, {stem.name}.txt has {len(text)}"
        raise InputError(what, file=stem.with_suffix(".int"), do=AGAIN)
    for line, (names, found) in enumerate(zip(text, numbers, strict=True), start=1):
        for name in names:
            if name not in symbols and name not in words_too:
                raise InputError("unknown symbol", file=stem.with_suffix(".txt"), line=line, key=name, do=AGAIN)
        wanted = [name if name in words_too else str(symbols[name]) for name in names]
        if found != wanted:
            raise InputError(
                " ".join(found)[:60], file=stem.with_suffix(".int"), line=line, expected=" ".join(wanted)[:60], do=AGAIN
            )


def _check_phone_lists(folder: Path, phones: dict[str, int]) -> None:
    """Silence, other phones and disambiguation symbols share out the symbol table."""
    owner: dict[str, str] = {}
    for name in ("silence", "nonsilence", "disambig"):
        for line, phone in _listed(folder / f"{name}.txt"):
            if phone in owner:
                raise InputError(
                    f"also in {owner[phone]}.txt", file=folder / f"{name}.txt", line=line, key=phone, do=AGAIN
                )
            owner[phone] = name
    for phone in phones.keys() - owner.keys() - {"<eps>"}:
        raise InputError(
            "neither silence nor other phone nor disambiguation symbol", file=folder.parent / "phones.txt", key=phone,
            do=AGAIN,
        )  # fmt: skip
    optional = list(_listed(folder / "optional_silence.txt"))
    if len(optional) != 1 or owner.get(optional[0][1]) != "silence":
        raise InputError("not one silence phone", file=folder / "optional_silence.txt", do=AGAIN)
    in_sets = [phone for row in _rows(folder / "sets.txt") for phone in row]
    real = {phone for phone, name in owner.items() if name != "disambig"}
    if len(in_sets) != len(set(in_sets)) or set(in_sets) != real:
        odd = sorted(set(in_sets) ^ real) or sorted(in_sets)
        raise InputError("the sets do not hold every phone once", file=folder / "sets.txt", key=odd[0], do=AGAIN)


def _check_topology(path: Path, phones: dict[str, int]) -> None:
    """Every phone has one entry."""
    require_content(path, AGAIN)
    text = path.read_bytes().decode(errors="replace")
    if not text.rstrip().endswith("</Topology>"):
        raise InputError("the file is cut off", file=path, expected="</Topology> at its end", do=AGAIN)
    entries = re.findall(r"<ForPhones>([\d\s]*)</ForPhones>", text)
    found = [int(number) for entry in entries for number in entry.split()]
    wanted = {number for name, number in phones.items() if name != "<eps>" and not re.fullmatch(r"#\d+", name)}
    if len(found) != len(set(found)) or set(found) != wanted:
        odd = sorted(set(found) ^ wanted) or [number for number in found if found.count(number) > 1]
        raise InputError(f"phone {odd[0]} has not exactly one entry", file=path, expected="all of phones.txt", do=AGAIN)


def _listed(path: Path) -> Iterator[tuple[int, str]]:
    for line, row in enumerate(_rows(path), start=1):
        if len(row) != 1:
            raise InputError(f"{len(row)} symbols", file=path, line=line, expected="one symbol a line", do=AGAIN)
        yield line, row[0]


def _rows(path: Path) -> list[list[str]]:
    try:
        return [words_of(row) for row in lines_of(read_text(path))]
    except InputError as failure:
        raise failure.but(do=AGAIN) from None
