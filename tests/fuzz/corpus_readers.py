"""Readers of language models, of NIST's files of a scored test, and of Switchboard's transcripts and dictionary."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

from cases import Reader, anywhere
from file_readers import text_files

from houseblend.decode.glm import Rules
from houseblend.decode.stm_ctm import read_ctm, read_stm
from houseblend.lang.arpa_model import read_arpa

sys.path += [str(Path(__file__).resolve().parents[1] / "swbd"), str(Path(__file__).resolve().parents[2] / "local/swbd")]
from discs import sphere
from faults import Faults
from ms98_dictionary import read_entries, with_fixes
from ms98_transcripts import read_transcripts
from recordings import Recordings

STM = ';; LABEL "O" "Overall" ""\nsw_1 A s 0.50 2.00 <O,sw> (%HESITATION) YES\nsw_1 A s 2.25 3.00 <O,sw> { A / B }\n'
CTM = "sw_1 A 0.50 0.25 yes 0.75\nsw_1 A 0.75 0.50 a\n"
GLM = ";;\n* name = \"x\"\n[I'M] => [{I'M / I AM}] / [ ] __ [ ]\nUH => %HESITATION\n"
TEXTS = {
    "sw2001A-ms98-a-trans.text": "sw2001A-ms98-a-0001 0.0 0.5 [silence]\nsw2001A-ms98-a-0002 0.5 1.0 yes [laughter-a] b-\n",
    "sw2001B-ms98-a-trans.text": "sw2001B-ms98-a-0001 0.0 1.0 a\n",
}
MODEL = "\\data\\\nngram 1=3\nngram 2=1\n\n\\1-grams:\n-99\t<s>\t-0.30103\n-0.30103\ta\n-0.30103\t</s>\n"
MODEL += "\n\\2-grams:\n-0.1249387\t<s> a\n\n\\end\\\n"


def _make_calls(folder: Path) -> None:
    text_files(TEXTS)(folder)
    (folder / "sw02001.sph").write_bytes(sphere(seconds=1))


def _read_calls(folder: Path) -> Any:
    faults = Faults(0)
    found = read_transcripts(folder, Recordings(folder, r"sw0?(\d{4})", "sw0{}"), {}, faults)
    faults.check()
    return found


plain = partial(Reader, whole=anywhere, piped=False)
READERS = [
    Reader("language model", text_files({"lm.arpa": MODEL}), lambda f: read_arpa(f / "lm.arpa"), ("lm.arpa",)),
    plain("stm", text_files({"stm": STM}), lambda f: read_stm(f / "stm"), ("stm",)),
    plain("ctm", text_files({"ctm": CTM}), lambda f: read_ctm(f / "ctm"), ("ctm",)),
    plain("glm", text_files({"glm": GLM}), lambda f: Rules.read(f / "glm", "stm ref").filter("i'm uh"), ("glm",)),
    plain("MS-State transcripts", _make_calls, _read_calls, tuple(TEXTS)),
    plain("MS-State dictionary", text_files({"dict.text": "# x\nyes y eh s\nNIT eh ay t iy\n"}),
          lambda f: read_entries(f / "dict.text"), ("dict.text",)),
    plain("fixes of the dictionary", text_files({"fixes": "# x\nNIT: eh ay t iy -> eh n ay t iy\nread: -> r iy d\n"}),
          lambda f: with_fixes([("NIT", "eh ay t iy")], f / "fixes"), ("fixes",)),
]  # fmt: skip
