"""What is written once for a corpus: tables of calls and callers, reference and rules of the evaluation, text."""

import csv
import re
from io import StringIO
from pathlib import Path
from random import Random
from typing import Any

from calls import FIRST, SIDES
from conversation import Talk
from ldc import HUB5_AUDIO, SWITCHBOARD, TRANSCRIPTS

from houseblend.base.seeds import seed_of

REFERENCE = "LDC2002T43/2000_hub5_eng_eval_tr/reference"
FISHER = "LDC2004T19/fe_03_p1_tran/data/trans"
LM_CALLS, LM_SEGMENTS, CALLS_A_FOLDER = 400, 120, 100
"""Conversations of the text for the language model, segments of each, and conversations a folder."""
HESITATIONS = ("uh", "um", "eh", "mm", "hm", "ah", "huh", "ha", "er")
SPOKEN_SOUND = re.compile(r"\[(?!laughter-)[a-z-]+\]")
CONTRACTIONS = {
    "i'm": ("i am",), "i've": ("i have",), "it's": ("it is", "it has"), "that's": ("that is", "that has"),
    "there's": ("there is", "there has"), "we've": ("we have",), "we're": ("we are",), "they're": ("they are",),
    "don't": ("do not",), "didn't": ("did not",), "can't": ("can not", "cannot"), "couldn't": ("could not",),
    "isn't": ("is not",), "won't": ("will not",), "let's": ("let us",),
}  # fmt: skip
STM_HEADER = """\
;; CATEGORY "0" "" ""
;; LABEL "O" "Overall" "Overall"
;;
;; CATEGORY "1" "Hub5 Corpus" ""
;; LABEL "en" "CallHome" "harder calls"
;; LABEL "sw" "Switchboard" "easier calls"
;;
;; CATEGORY "2" "Sex" ""
;; LABEL "F" "Female" ""
;; LABEL "M" "Male" ""
;;
;; CATEGORY "3" "Sex in Corpus" ""
;; LABEL "en-F" "CallHome Female" ""
;; LABEL "en-M" "CallHome Male" ""
;; LABEL "sw-F" "Switchboard Female" ""
;; LABEL "sw-M" "Switchboard Male" ""
;;
"""
GLM_HEADER = """\
;; Rules for scoring: hesitations are one, and contractions may be spoken in full.
* name = 'en20000405_hub5.glm'
* desc = 'minitalk'
* format = 'NIST1'
* max_nrules = '200'
* copy_no_hit = 'T'
* case_sensitive = 'F'
"""
TOPIC = 301


def write_tables(folder: Path, records: list[dict[str, Any]]) -> None:
    """Tables of conversations and callers, as LDC97S62 names them, and truth/sides.csv.

    Args:
        folder: of the corpus.
        records: of all its calls, see `ldc.read_record`.
    """
    talks = [record for record in records if record["partition"] != "test"]
    calls, sides, callers = [], [], {}
    for record in talks:
        number, minutes = record["number"], 1 + int(record["seconds"] / 60)
        day = f"91{1 + (number - FIRST) // 28 % 12:02d}{1 + (number - FIRST) % 28:02d}"
        calls.append(
            [number, "Y", *(side["caller"] for side in record["sides"]), TOPIC, day, f"{900 + number % 60}", "N"]
        )
        for letter, side in zip(SIDES, record["sides"], strict=True):
            sides.append([number, letter, side["caller"], f"555{side['caller']:04d}", minutes, TOPIC, "N", "Y"])
            sex = {"F": "FEMALE", "M": "MALE"}[side["sex"]]
            callers[side["caller"]] = [
                side["caller"], 9000 + side["caller"], "Y", sex, side["birth_year"], side["dialect"], side["education"],
                0, "CASH", 5, "N", "", 0, "UNK",
            ]  # fmt: skip
    tables = {"conv_tab": calls, "call_con_tab": sides, "caller_tab": [callers[number] for number in sorted(callers)]}
    for name, rows in tables.items():
        _write(folder / SWITCHBOARD / "tables" / f"{name}.csv", _csv(rows, ", "))
    heads = list(records[0]["sides"][0])
    rows = [
        [f"{record['call']}-{letter}", record["partition"], *side.values()]
        for record in records
        for letter, side in zip(SIDES, record["sides"], strict=True)
    ]
    _write(folder / "truth/sides.csv", _csv([["side", "partition", *heads], *rows], ","))


def write_evaluation(folder: Path, records: list[dict[str, Any]]) -> None:
    """Segments (pem), reference (stm) and rules (glm) of the evaluation."""
    pem, stm = [], []
    for record in (record for record in records if record["partition"] == "test"):
        corpus = record["call"][:2]
        for side, letter in enumerate(SIDES):
            sex = record["sides"][side]["sex"]
            for owner, start, end, text in record["segments"]:
                if owner != side:
                    continue
                words = reference_words(text)
                place = f"{start:.2f} {end:.2f}"
                pem.append(f"{record['call']} {letter} unknown_speaker {place}\n")
                label = f"<O,{corpus},{sex},{corpus}-{sex}>"
                said = " ".join(words) or "IGNORE_TIME_SEGMENT_IN_SCORING"
                stm.append(f"{record['call']} {letter} {record['call']}_{letter} {place} {label} {said}\n")
    rules = [f"[{word}] => [%HESITATION] / [ ] __ [ ]\n" for word in HESITATIONS]
    for short, full in CONTRACTIONS.items():
        rules.append(f"[{short}] => [{{{' / '.join((short, *full))}}}] / [ ] __ [ ]\n")
    _write(folder / HUB5_AUDIO / "hub5e_00.pem", ";; file channel speaker begin end\n" + "".join(pem))
    _write(folder / REFERENCE / "hub5e00.english.000405.stm", STM_HEADER + "".join(stm))
    _write(folder / REFERENCE / "en20000405_hub5.glm", GLM_HEADER + "".join(rules).upper())


def write_lm_text(folder: Path, talk: Talk) -> None:
    """Conversations in the form of Fisher transcripts; they depend on the grammar only."""
    for number in range(1, LM_CALLS + 1):
        random = Random(seed_of(0, "language model", number))
        name, place = f"fe_03_{number:05d}", 0.0
        lines = [f"# {name}.sph", "# Transcribed by minitalk", ""]
        for _, segment in zip(range(LM_SEGMENTS), talk.segments(random), strict=False):
            end = place + 0.3 * len(segment.text.split()) + 0.2
            lines.append(f"{place:.2f} {end:.2f} {SIDES[segment.side]}: {fisher_words(segment.text)}")
            place = end
        _write(folder / FISHER / f"{number // CALLS_A_FOLDER:03d}" / f"{name}.txt", "\n".join(lines) + "\n")


def write_dictionary(folder: Path, text: str) -> None:
    """The dictionary, beside the transcripts."""
    _write(folder / TRANSCRIPTS / "sw-ms98-dict.text", text)


def fisher_words(text: str) -> str:
    """A transcript as Fisher's are: "wa-" for a broken word, and the word alone that is said laughing."""
    return re.sub(r"\[laughter-([^]]+)\]", r"\1", re.sub(r"\[[^]]+\]-", "-", text)).replace("[vocalized-noise]", "[mn]")


def reference_words(text: str) -> list[str]:
    """A transcript as a reference: capitals, sounds left out, hesitations and broken words optional in parentheses."""
    words = []
    for token in text.split():
        word = fisher_words(token)
        if SPOKEN_SOUND.fullmatch(word):
            continue
        optional = word in HESITATIONS or word.endswith("-")
        written = "%HESITATION" if word in HESITATIONS else word.upper()
        words.append(f"({written})" if optional else written)
    return words


def _csv(rows: list[list[Any]], separator: str) -> str:
    """Rows as LDC writes them: text quoted, ", " between; or plain."""
    if separator == ",":
        out = StringIO()
        csv.writer(out, lineterminator="\n").writerows(rows)
        return out.getvalue()
    return "".join(
        separator.join(f'"{one}"' if isinstance(one, str) else str(one) for one in row) + "\n" for row in rows
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
