"""Transcripts of Fisher English as text for a language model of Switchboard (Kaldi's fisher_map_words.pl)."""

import re
from pathlib import Path

from houseblend.base.errors import InputError
from houseblend.io.streams import read_text

CUT_SHORT = "blade cause course frisco okay plain specially"
"""Words written with an apostrophe for what is left out before them."""
WHOLE = (
    "acceptable arthritis ball cause comes course eight eighty field giving habitating heard hood how king ninety okay "
    "paper press scripts store till vascular wood what york"
)
"""Words that are written as fragments and are whole."""
NOISES = {
    **dict.fromkeys(("[breath]", "[cough]", "[lipsmack]", "[sigh]", "[sneeze]"), "[noise]"),
    "[mn]": "[vocalized-noise]", "[laugh]": "[laughter]", "[[skip]]": " ", "[pause]": " ",
}  # fmt: skip
_LINE = re.compile(r"\d+(?:\.\d+)? +\d+(?:\.\d+)? +[A-Z][12]?: ?(.*)")
_RULES = [
    (re.compile(pattern), written)
    for pattern, written in (
        (r"[*()]", ""),
        (r"<[^>]*>", ""),  # <german (( ja wohl )) >
        (r"(\w),([\w ])", r"\1 \2"),
        (rf"( |^)'({CUT_SHORT.replace(' ', '|')})( |$)", r" \2 "),
        (r"'em", "-em"),
        (r"(^| )'(.*?)'( |$)", r" \2 "),  # 'quoted words'
        (r"(^| )'(.*?)'( |$)", r" \2 "),  # what begins where the last one ended
        (r"( |^)'(\w)( |-|$)", r"\1 "),
        (r"( |^)-( |$)", " "),
        (r"\?", ""),
        (r"( |^)non-(\w+)( |$)", r" non \2 "),
        (rf"( |-)({WHOLE.replace(' ', '|')})(-| )", r" \2 "),
    )
]


def fisher_sentences(folder: Path) -> list[str]:
    """The turns of all transcripts below a directory, in the order of the files' names.

    Raises:
        InputError: no transcripts, a file that is not UTF-8, or a line of another form.
    """
    files = (
        sorted(path for path in folder.rglob("*.txt") if path.parent.parent.name == "trans") if folder.is_dir() else []
    )
    if not files:
        raise InputError(
            "no transcripts of Fisher", file=folder, expected="data/trans/000/fe_03_00001.txt ... below it"
        )
    sentences = []
    for path in files:
        for number, line in enumerate(read_text(path).splitlines(), start=1):
            if line.startswith("#") or not line.strip():
                continue
            found = _LINE.fullmatch(line)
            if not found:
                expected = "START END A: WORD ..."
                raise InputError(f"cannot read {line[:60]!r}", file=path, line=number, expected=expected)
            sentence = clean(found[1])
            if sentence:
                sentences.append(sentence)
    return sentences


def clean(turn: str) -> str:
    """A turn in the words of Switchboard's transcripts."""
    text = turn.lower()
    for pattern, written in _RULES:
        text = pattern.sub(written, text)
    for noise, written in NOISES.items():
        text = text.replace(noise, written)
    return " ".join(re.sub("^'", "-", word) for word in text.split())
