"""The Mississippi State dictionary of Switchboard as a dictionary directory, as Kaldi's swbd1_prepare_dict.sh makes it."""

from collections.abc import Iterable
from pathlib import Path

from words import as_said, spelled

from houseblend.base.atomic import write_text
from houseblend.base.errors import InputError
from houseblend.base.log import log
from houseblend.io.streams import read_text

SILENCES = {"!sil": "sil", "[vocalized-noise]": "spn", "[noise]": "nsn", "[laughter]": "lau", "<unk>": "spn"}
"""What is no speech, and words unknown, with their phones."""
Entry = tuple[str, str]
"""A word and its phones with spaces between."""


def read_entries(path: Path) -> list[Entry]:
    """Words and phones of a dictionary; comments and the line that says where it is from are left out.

    Raises:
        InputError: the file is missing, not UTF-8, or a word has no phones.
    """
    entries = []
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        word, *phones = line.split() or [""]
        if not word or line.startswith("#") or word == "file:":
            continue
        if not phones:
            raise InputError(
                "a word without phones", file=path, line=number, key=word, expected="WORD PHONE ...", do="mend it"
            )
        entries.append((word, " ".join(phones)))
    if not entries:
        raise InputError("an empty dictionary", file=path, expected="WORD PHONE ... a line", do="copy it again")
    return entries


def with_fixes(entries: list[Entry], fixes: Path) -> list[Entry]:
    """The entries with mistakes mended and what is missing added, if this is the dictionary they were found in.

    Raises:
        InputError: the fixes are missing, or a line of them is none.
    """
    wrong, right = set(), []
    for number, line in _lines(fixes):
        word, colon, rest = line.partition(":")
        before, arrow, after = (" ".join(part.split()) for part in rest.partition("->"))
        if not (colon and arrow and after):
            expected = "WORD: [PHONE ...] -> PHONE ..."
            raise InputError(f"cannot read {line!r}", file=fixes, line=number, expected=expected, do="mend it")
        wrong |= {(word, before)} if before else set()
        right.append((word, after))
    missing = wrong - set(entries)
    if missing:
        log(f"{len(missing)} of the {len(wrong)} entries to mend are not there: left as it is")
        return entries
    return [entry for entry in entries if entry not in wrong] + right


def with_letters(entries: list[Entry], letters: Path) -> tuple[list[Entry], dict[str, str]]:
    """The entries with those single letters whose phones the dictionary has; and the phones of the letters."""
    known = {phone for _, phones in entries for phone in phones.split()}
    named = [name.strip().partition(" ") for _, line in _lines(letters) for name in line.split(",")]
    added = {letter: phones for letter, _, phones in named if set(phones.split()) <= known}
    return entries + list(added.items()), added


def _lines(path: Path) -> list[tuple[int, str]]:
    """Number from 1 and content of the lines that are neither empty nor comments."""
    lines = enumerate(read_text(path).splitlines(), start=1)
    return [(number, line) for number, line in lines if line.strip() and not line.startswith("#")]


def written_lexicon(entries: Iterable[Entry], letters: dict[str, str]) -> tuple[list[Entry], dict[str, str]]:
    """Entries as words are trained on, sorted, each once; and the acronyms by their form in the transcripts."""
    lexicon, acronyms = set(SILENCES.items()), {}
    for raw, phones in entries:
        word = as_said(raw)
        acronym = spelled(word, phones, letters)
        if acronym:
            acronyms[word] = acronym
        lexicon.add(((acronym or word).lower(), phones))
    if "I" in letters:
        lexicon.add(("i", letters["I"]))
    return sorted(lexicon), acronyms


def write_dictionary(out: Path, lexicon: list[Entry], acronyms: dict[str, str]) -> None:
    """Write lexicon.txt, phone lists and acronyms.map."""
    silent = dict.fromkeys(["sil", *SILENCES.values()])
    spoken = sorted({phone for _, phones in lexicon for phone in phones.split()} - silent.keys())
    files = {
        "lexicon.txt": (f"{word} {phones}" for word, phones in lexicon),
        "nonsilence_phones.txt": spoken,
        "silence_phones.txt": silent,
        "optional_silence.txt": ["sil"],
        "extra_questions.txt": [],
        "acronyms.map": (f"{word}\t{acronym}" for word, acronym in sorted(acronyms.items())),
    }
    for name, lines in files.items():
        write_text(out / name, "".join(f"{line}\n" for line in lines))


def read_dictionary(folder: Path) -> tuple[set[str], dict[str, str]]:
    """Words and acronyms of a dictionary directory; InputError if it is none."""
    acronyms = {}
    for number, line in enumerate(read_text(folder / "acronyms.map").splitlines(), start=1):
        word, tab, acronym = line.partition("\t")
        if not tab:
            raise InputError(
                f"cannot read {line[:60]!r}", file=folder / "acronyms.map", line=number, expected="WORD, tab, ACRONYM",
                do="run prepare_dict again",
            )  # fmt: skip
        acronyms[word] = acronym
    return {word for word, _ in read_entries(folder / "lexicon.txt")}, acronyms


def counted(unknown: Iterable[str]) -> list[tuple[str, int]]:
    """How often each word occurs, the commonest first."""
    counts: dict[str, int] = {}
    for word in unknown:
        counts[word] = counts.get(word, 0) + 1
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))
