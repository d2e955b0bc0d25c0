"""Hand-made fragments of LDC's discs, small enough to read."""

import importlib
import runpy
import struct
import sys
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
SWBD = REPOSITORY / "local/swbd"
sys.path.insert(0, str(SWBD))
DICT, DATA, EVAL = (f"local/swbd/prepare_{name}" for name in ("dict", "data", "eval2000"))
SECONDS = 10
DICTIONARY = """\
 file: $SWB/data/dictionary/sw-ms98-dict.text
# comment

yes y eh s
[laughter-yes] y eh s
ab[solute]- ae b
-[an]y n iy
-[s]a[id]- ae
[it'n/isn't] ih t n
{yuppiedom} y ah p iy d ax m
them_1 eh m
them dh eh m
ammu[n]it- ae m y ax n ih t
IBM ay b iy eh m
CDs s iy d iy z
TV's t iy v iy z
a ax
I ay
ok ow k ey
b b iy
m eh m
v v iy
d d iy
c s iy
"""
TRANSCRIPTS = {
    "A": [
        "0.0 0.977625 [silence]",
        "0.977625 2.5 Yes I [laughter-yes] ab[solute]-",
        "2.5 4.0 -[an]y {yuppiedom} them_1 <b_aside> [laughter] <e_aside>",
        "4.0 6.004 the IBM CDs [it'n/isn't] [noise] I B M",
        "6.004 10.0 [silence]",
    ],
    "B": ["0.0 5.0 yes", "5.0 6.0 <B_ASIDE> <E_ASIDE>", "6.0 10.0 a TV's [vocalized-noise]"],
}
STM = """\
;; LABEL "O" "Overall" "Overall"
en_4156 A en_4156_A 0.50 2.00 <O,en,F,en-F> ((%HESITATION) YES <B_ASIDE>
en_4156 A en_4156_A 3.00 4.00 <O,en,F,en-F> IGNORE_TIME_SEGMENT_IN_SCORING
en_4156 B en_4156_B 2.05 3.10 <O,en,M,en-M> A B-
"""
PEM = """\
;; comment
en_4156 A unknown_speaker 0.50 2.00
en_4156 A unknown_speaker 3.00 4.00
en_4156 B unknown_speaker 2.05 3.10
"""


def step(script):
    """The step of a script, to be run in this process."""
    return runpy.run_path(str(REPOSITORY / script))[Path(script).name]


def module(name):
    """local/swbd/NAME.py."""
    return importlib.import_module(name)


def rows(path):
    """Lines of a file by their first word."""
    return {line.partition(" ")[0]: line.partition(" ")[2] for line in path.read_text().splitlines()}


def sphere(channels: int = 2, seconds: float = SECONDS, coding: str = "ulaw", cut: int = 0) -> bytes:
    """A recording of mu-law bytes, every channel with its own number in all samples."""
    count = int(8000 * seconds)
    fields = {"sample_count": count, "sample_rate": 8000, "channel_count": channels, "sample_n_bytes": 1}
    lines = [f"{name} -i {value}" for name, value in fields.items()]
    lines.append(f"sample_coding -s{len(coding)} {coding}")
    head = "\n".join(["NIST_1A", "   1024", *lines, "end_head", ""]).encode()
    return (head.ljust(1024) + bytes(range(128, 128 + channels)) * count)[: -cut or None]


def write_transcript(disc: Path, call: int, side: str, lines: list[str]) -> Path:
    """A transcript where the Mississippi State archive has it."""
    folder = disc / f"swb_ms98_transcriptions/{call // 100}/{call}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"sw{call}{side}-ms98-a-trans.text"
    path.write_text("".join(f"sw{call}{side}-ms98-a-{n:04d} {line}\n" for n, line in enumerate(lines, start=1)))
    return path


def write_discs(corpus: Path) -> Path:
    """LDC97S62 with two calls, LDC2002S09 and LDC2002T43 with one."""
    disc = corpus / "LDC97S62"
    (disc / "swb1_d1/data").mkdir(parents=True)
    (disc / "tables").mkdir()
    (disc / "tables/conv_tab.csv").write_text('2001, "Y", 1005, 1006, 301\n2021, "Y", 1007, 1005, 301\n')
    for call in (2001, 2021):
        (disc / f"swb1_d1/data/sw0{call}.sph").write_bytes(sphere())
        for side, lines in TRANSCRIPTS.items():
            write_transcript(disc, call, side, lines)
    (disc / "swb_ms98_transcriptions/sw-ms98-dict.text").write_text(DICTIONARY)
    english = corpus / "LDC2002S09/hub5e_00/english"
    reference = corpus / "LDC2002T43/2000_hub5_eng_eval_tr/reference"
    for folder in (english, reference):
        folder.mkdir(parents=True)
    (english / "en_4156.sph").write_bytes(sphere())
    (english / "hub5e_00.pem").write_text(PEM)
    (reference / "hub5e00.english.000405.stm").write_text(STM)
    (reference / "en20000405_hub5.glm").write_text(";; no rules\n")
    return corpus


def mu_law_sample(byte: int) -> int:
    """What a mu-law byte stands for, by its definition (ITU-T G.711)."""
    byte = ~byte & 0xFF
    magnitude = ((2 * (byte & 15) + 33) << (byte >> 4 & 7)) - 33
    return (-1 if byte & 128 else 1) * magnitude * 4


def wav_samples(data: bytes) -> tuple[int, tuple[int, ...]]:
    """Channels and samples of a WAV file with the shortest header."""
    return struct.unpack_from("<H", data, 22)[0], struct.unpack(f"<{(len(data) - 44) // 2}h", data[44:])
