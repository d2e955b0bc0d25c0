"""Random tests in NIST's files, and sclite's verdict on them where sctk is installed."""

import re
import subprocess
from pathlib import Path

import numpy as np

SCTK = Path("/usr/lib/sctk/bin")
VOCABULARY = (
    *("yeah", "right", "the", "a", "of", "uh-huh", "well-known", "th-", "going", "gonna"),
    *("it's", "they're", "um", "uh", "-ing", "know", "i", "you", "okay"),
)
HEADER = """\
;; CATEGORY "0" "" ""
;; LABEL "O" "Overall" "Overall"
;; CATEGORY "1" "Corpus" ""
;; LABEL "sw" "Switchboard" "Switchboard"
;; LABEL "en" "CallHome" "CallHome"
"""
GLM = """\
;; rules for a test
* name "test"
* format = 'NIST1'
* case_sensitive = 'F'
GONNA => GOING TO ;; a comment
OKAY => [O. K.] / [ ] __ [ ]
UH-HUH => %BCACK / [ ] __ [ ]
UM => (%HESITATION) / [ ] __ [ ]
UH => (%HESITATION) / [ ] __ [ ]
OF => [AV] / [THE ] __ [ ]
"KNOW YOU" => [NEW YOU]
;;  INPUT_DEPENDENT_APPLICATION = "ctm"
[IT'S] => [{IT'S / IT IS / IT HAS}] / [ ] __ [ ]
THEY'RE => [{THEY ARE / THEY'RE / @}] / [ ] __ [ ]
;;  INPUT_DEPENDENT_APPLICATION = "ref"
YEAH => [{YEAH / YES SIR / @}] / [ ] __ [ ]
"""


def random_test(seed: int, channels: int = 6, segments: int = 40) -> tuple[str, str, str]:
    """An stm, a ctm and a glm, with alternatives, optional words, fragments, words outside of and between segments."""
    draw = np.random.default_rng(seed)
    stm, ctm = HEADER.splitlines(), []
    for channel in range(channels):
        file, side, time = f"{'sw' if channel % 2 else 'en'}_{4000 + channel // 2}", "AB"[channel % 2], 0.0
        for _ in range(segments):
            start = time + draw.integers(0, 100) / 100
            time = start + draw.integers(20, 500) / 100
            said = [str(word) for word in draw.choice(VOCABULARY, draw.integers(0, 9))]
            text = " ".join(_decorated(word, draw) for word in said)
            if draw.random() < 0.05:
                text = "IGNORE_TIME_SEGMENT_IN_SCORING"
            label = "sw" if channel % 2 else "en"
            stm.append(f"{file} {side} {file}_{side} {start:.2f} {time:.2f} <O,{label}> {text.upper()}")
            ctm += _heard(said, f"{file} {side}", start, time, draw)
    return "\n".join(stm) + "\n", "\n".join(ctm) + "\n", GLM


def _decorated(word: str, draw: np.random.Generator) -> str:
    kind = draw.integers(0, 12)
    other = str(draw.choice(VOCABULARY))
    if kind == 0 and word != "yeah" and "-" not in word:
        return f"({word})"
    if kind == 1:
        return f"{{ {word} / {other} }}"
    if kind == 2:
        return f"{{ {word} {other} / @ / {{ {other} / a }} of }}"
    if kind == 3:
        return "(the a)"
    return word


def _heard(said: list[str], place: str, start: float, end: float, draw: np.random.Generator) -> list[str]:
    words = []
    for word in said:
        kind = draw.integers(0, 8)
        words += [] if kind == 0 else [str(draw.choice(VOCABULARY))] if kind == 1 else [word]
        words += [str(draw.choice(VOCABULARY))] if kind == 2 else []
    step = (end - start + 0.6) / max(len(words), 1)
    times = [max(0.0, start - 0.3 + step * index) for index in range(len(words))]
    return [f"{place} {t:.2f} {step * 0.9:.2f} {w} 0.50" for t, w in zip(times, words, strict=True)]


def plain_tests(seed: int) -> tuple[str, str, str]:
    """An stm without alternatives and two ctms of different quality."""
    draw = np.random.default_rng(seed)
    stm: list[str] = []
    ctms: tuple[list[str], list[str]] = ([], [])
    for segment in range(200):
        said = [str(word) for word in draw.choice(["a", "b", "c", "d", "e"], 12)]
        stm.append(f"file A speaker {2 * segment}.00 {2 * segment + 2}.00 {' '.join(said)}")
        for ctm, rate in zip(ctms, (0.15, 0.2), strict=True):
            heard = [word for one in said for word in _misheard(one, rate, draw)]
            times = 2 * segment + 2 * (np.arange(len(heard)) + 0.1) / max(len(heard), 1)
            ctm += [f"file A {time:.3f} 0.01 {word}" for time, word in zip(times, heard, strict=True)]
    return tuple("\n".join(lines) + "\n" for lines in (stm, *ctms))


def _misheard(word: str, rate: float, draw: np.random.Generator) -> list[str]:
    if draw.random() >= rate:
        return [word]
    other = str(draw.choice(["a", "b", "c", "d", "e"]))
    return [[], [other], [word, other]][draw.integers(0, 3)]


def sc_stats(folder: Path, stm: str, ctms: tuple[str, str]) -> tuple[int, float]:
    """Number of segments and standard score of NIST's matched pairs test."""
    (folder / "stm").write_text(stm)
    sgml = b""
    for name, ctm in zip(("one", "two"), ctms, strict=True):
        (folder / name).write_text(ctm)
        command = [SCTK / "sclite", "-r", "stm", "stm", "-h", name, "ctm", "-F", "-D", "-o", "sgml", "stdout"]
        sgml += subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100).stdout
    command = [SCTK / "sc_stats", "-p", "-t", "mapsswe", "-v", "-n", "result"]
    subprocess.run(command, cwd=folder, input=sgml, check=True, capture_output=True, timeout=100)
    text = "".join(path.read_text() for path in folder.glob("result*"))
    segments, score = re.search(r"# segs: (\d+)\).*?Z Stat: +(-?[\d.]+)", text).groups()
    return int(segments), float(score)


def sclite(folder: Path, stm: str, ctm: str, glm: str) -> str:
    """Its alignments in SGML, by hubscr.pl as Kaldi's recipes call it."""
    for name, text in (("stm", stm), ("ctm", ctm), ("glm", glm)):
        (folder / name).write_text(text)
    command = [
        "perl",
        SCTK / "hubscr.pl",
        "-p",
        SCTK,
        "-V",
        "-l",
        "english",
        "-h",
        "hub5",
        "-g",
        "glm",
        "-r",
        "stm",
        "ctm",
    ]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=100)
    return (folder / "ctm.filt.sgml").read_text()


def pairs_of(sgml: str) -> dict[str, list[tuple[str, str | None, str | None]]]:
    """Kind, word of the reference and of the hypothesis by segment."""
    found: dict[str, list[tuple[str, str | None, str | None]]] = {}
    for key, body in re.findall(r'<PATH id="\(([^"]*)\)"[^\n]*\n(.*?)</PATH>', sgml, flags=re.DOTALL):
        items = re.findall(r'([CSDI]),(?:"([^"]*)")?,(?:"([^"]*)")?', body)
        found[key] = [(kind, one or None, other or None) for kind, one, other in items]
    return found
